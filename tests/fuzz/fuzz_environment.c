/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_environment.c - hostile environments and names of fields. Each line of the input is a variable, and the name of
 * a field as well. Whatever they are: every listed name is proper, what is set is found again, and nothing else changes.
 */
#include "must.h"

#include <otel/environment.h>

enum { VARIABLES = 100 };

static void split(char *envp[VARIABLES + 1], const char *text, size_t size) {
    size_t count = 0;
    for (const char *at = text, *end = text + size; at < end && count < VARIABLES;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        envp[count++] = strndup(at, (size_t)(stop - at));
        at = stop + 1;
    }
    envp[count] = NULL;
}

static void check_keys(char *const *envp) {
    otel_str key = { NULL, 0 };
    for (size_t i = 0; otel_environment_getter.key(envp, i, &key); i++) {
        MUST(key.len > 0 && key.ptr[key.len] == '=');
        for (size_t at = 0; at < key.len; at++) {
            const char c = key.ptr[at];
            MUST((c >= 'A' && c <= 'Z') || c == '_' || (at > 0 && c >= '0' && c <= '9'));
        }
    }
}

static size_t count(char *const *envp) {
    size_t length = 0;
    while (envp[length] != NULL) {
        length++;
    }
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *envp[VARIABLES + 1];
    split(envp, (const char *)data, size);
    check_keys(envp);
    otel_environment environment = otel_environment_copy(envp);
    for (size_t i = 0; envp[i] != NULL; i++) {
        otel_str value = { NULL, 0 };
        otel_environment_setter.set(&environment, envp[i], "value", 5);
        check_keys(environment.envp);
        MUST(count(environment.envp) <= count(envp) + i + 1);
        if (strlen(envp[i]) < 256) {
            MUST(otel_environment_getter.get(environment.envp, envp[i], 0, &value));
            MUST(value.len == 5 && memcmp(value.ptr, "value", 5) == 0);
        }
    }
    otel_environment_release(&environment);
    for (size_t i = 0; envp[i] != NULL; i++) {
        free(envp[i]);
    }
    return 0;
}
