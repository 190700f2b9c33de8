/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment.c - contexts in environment variables (otel/environment.h).
 *
 * A copy owns its array and every string of it. Word 0 counts the strings and word 1 the places for them; without
 * places it owns nothing, and `envp` is the caller's, or the empty one.
 */
#include <otel/environment.h>

#include "context.h"
#include "options.h"
#include "utf8_char.h"

#include <errno.h>
#include <stdlib.h>

enum { COUNT, PLACES };

static char *nothing[] = { NULL };

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Writes the name of the variable for `key`, if there is room for it and a NUL; gives its length. */
static size_t write_name(const char *key, char *out, size_t room) {
    size_t left = strlen(key), length = 0;
    if (left == 0 || is_digit(*key)) {
        if (length++ < room) {
            *out = '_';
        }
    }
    while (left > 0) {
        const char c = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;
        const size_t whole = otel__utf8_char(key, left), size = whole > 0 ? whole : 1;
        if (length < room) {
            out[length] = '_';
            if (is_letter(c) || is_digit(c)) {
                out[length] = c;
            }
        }
        length++;
        key += size;
        left -= size;
    }
    if (length < room) {
        out[length] = '\0';
    }
    return length;
}

/* The value, if the string is the variable of `name`. */
static const char *value_in(const char *string, const char *name, size_t length) {
    return strncmp(string, name, length) == 0 && string[length] == '=' ? string + length + 1 : NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum { LONGEST_NAME = 512 }; /* no field is called so */

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    char name[LONGEST_NAME];
    const size_t length = write_name(key, name, sizeof name);
    for (const char *const *at = carrier; at != NULL && *at != NULL && index == 0 && length < sizeof name; at++) {
        const char *found = value_in(*at, name, length);
        if (found != NULL) {
            *value = otel_cstr(found);
            return true;
        }
    }
    return false;
}

/* The length of the string's name; 0 when no field can be called so. */
static size_t name_in(const char *string) {
    size_t length = 0;
    while (is_letter(string[length]) || string[length] == '_' || (length > 0 && is_digit(string[length]))) {
        length++;
    }
    return string[length] == '=' ? length : 0;
}

static bool key(const void *carrier, size_t index, otel_str *key) {
    for (const char *const *at = carrier; at != NULL && *at != NULL; at++) {
        const size_t length = name_in(*at);
        if (length > 0 && index-- == 0) {
            *key = otel_strn(*at, length);
            return true;
        }
    }
    return false;
}

const otel_getter otel_environment_getter = { .size = sizeof otel_environment_getter, .get = get, .key = key };

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static bool is_copy(const otel_environment *environment) { return environment->opaque_[PLACES] != 0; }

/* The caller's, since there was no memory for a copy. */
static bool is_borrowed(const otel_environment *environment) {
    return !is_copy(environment) && environment->envp != NULL && environment->envp != nothing;
}

static void empty(otel_environment *environment, char *const *envp) {
    if (is_copy(environment)) {
        for (size_t i = 0; i < environment->opaque_[COUNT]; i++) {
            free(environment->envp[i]);
        }
        free(environment->envp);
    }
    *environment = (otel_environment){ .envp = envp != NULL ? (char **)envp : nothing };
}

/* Takes over the string. False: no memory for it, and it is freed. */
static bool add(otel_environment *environment, char *string) {
    uint64_t *words = environment->opaque_;
    if (words[COUNT] + 1 >= words[PLACES]) {
        const size_t places = words[PLACES] != 0 ? words[PLACES] * 2 : 64;
        char **moved = realloc(is_copy(environment) ? environment->envp : NULL, places * sizeof *moved);
        if (moved == NULL) {
            free(string);
            return false;
        }
        environment->envp = moved;
        words[PLACES] = places;
    }
    environment->envp[words[COUNT]++] = string;
    environment->envp[words[COUNT]] = NULL;
    return true;
}

otel_environment otel_environment_copy(char *const *envp) {
    const int saved = errno;
    otel_environment environment = { .envp = nothing };
    for (char *const *at = envp; at != NULL && *at != NULL; at++) {
        char *string = strdup(*at);
        if (string == NULL || !add(&environment, string)) {
            empty(&environment, envp);
            otel__tell(OTEL__MISUSE_NO_MEMORY);
            break;
        }
    }
    errno = saved;
    return environment;
}

/* Takes every variable of this name away. */
static void drop(otel_environment *environment, const char *name, size_t length) {
    size_t kept = 0;
    for (size_t i = 0; i < environment->opaque_[COUNT]; i++) {
        if (value_in(environment->envp[i], name, length) != NULL) {
            free(environment->envp[i]);
        } else {
            environment->envp[kept++] = environment->envp[i];
        }
    }
    if (is_copy(environment)) {
        environment->opaque_[COUNT] = kept;
        environment->envp[kept] = NULL;
    }
}

static char *make(const char *key, size_t name_length, const char *value, size_t length) {
    char *string = malloc(name_length + 1 + length + 1);
    if (string != NULL) {
        write_name(key, string, name_length + 1);
        string[name_length] = '=';
        memcpy(string + name_length + 1, value, length);
        string[name_length + 1 + length] = '\0';
    }
    return string;
}

static void set(void *carrier, const char *key, const char *value, size_t length) {
    const int saved = errno;
    otel_environment *environment = carrier;
    const size_t name_length = write_name(key, NULL, 0);
    char *string = is_borrowed(environment) ? NULL : make(key, name_length, value, length);
    if (string != NULL) {
        drop(environment, string, name_length);
    }
    if (string == NULL || !add(environment, string)) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
    }
    errno = saved;
}

const otel_setter otel_environment_setter = { .size = sizeof otel_environment_setter, .set = set };

void otel_environment_release(otel_environment *environment) {
    if (environment != NULL) {
        const int saved = errno;
        empty(environment, NULL);
        errno = saved;
    }
}

/* ---- injecting --------------------------------------------------------------------------------------------------- */

static void drop_fields(otel_environment *environment) {
    const otel_propagator *propagator;
    for (size_t i = 0; (propagator = otel_propagators_get(i)) != NULL; i++) {
        const char *field;
        for (size_t j = 0; OTEL__HAS(propagator, field) && (field = propagator->field(j)) != NULL; j++) {
            char name[LONGEST_NAME];
            const size_t length = write_name(field, name, sizeof name);
            if (length < sizeof name) {
                drop(environment, name, length);
            }
        }
    }
}

otel_environment otel_environment_inject(const otel_context *context, char *const *envp) {
    otel_environment environment = otel_environment_copy(envp);
    if (!is_borrowed(&environment)) {
        drop_fields(&environment);
        otel_inject(context, &otel_environment_setter, &environment);
    }
    return environment;
}
