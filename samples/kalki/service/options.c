/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - see options.h.
 */
#include "service/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(const char *program, const struct option_entry *entries, size_t count) {
    fprintf(stderr, "usage: %s [options], or KALKI_PORT for --port and so on\n", program);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "  --%-22s %s\n", entries[i].name, entries[i].help);
}

static const struct option_entry *find(const struct option_entry *entries, size_t count, const char *argument) {
    for (size_t i = 0; i < count; i++) {
        if (strncmp(argument, "--", 2) == 0 && strcmp(argument + 2, entries[i].name) == 0)
            return &entries[i];
    }
    return NULL;
}

static bool store(const struct option_entry *entry, const char *value) {
    if (entry->text) {
        *entry->text = value;
        return true;
    }
    char *end = NULL;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || number < 0 || number > entry->number_max)
        return false;
    *entry->number = number;
    return true;
}

#define VARIABLE_MAX 64

/* "query-url" -> "KALKI_QUERY_URL" */
static void name_variable(const char *option, char variable[VARIABLE_MAX]) {
    snprintf(variable, VARIABLE_MAX, "KALKI_%s", option);
    for (char *c = variable; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/*
 * The password of a URL stands between the first colon behind "//" and an @, the last one since a password may hold what a URL
 * should not; or behind "password=", which hides all that follows.
 */
static void print_without_password(const char *value) {
    const char *word = strcasestr(value, "password="), *scheme = strstr(value, "://");
    const char *end = word ? word + strlen("password=") : value + strlen(value);
    const char *user = scheme && scheme + 3 < end ? scheme + 3 : value;
    const char *at = memrchr(user, '@', (size_t)(end - user));
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    if (colon)
        fprintf(stderr, "%.*s:***", (int)(colon - value), value);
    fprintf(stderr, "%.*s%s", (int)(end - (colon ? at : value)), colon ? at : value, word ? "***" : "");
}

/* Behind what could not be understood: what would be. */
static void end_complaint(const struct option_entry *entry, const char *value) {
    if (value)
        print_without_password(value);
    if (entry && entry->number)
        fprintf(stderr, ": not a number from 0 to %ld", entry->number_max);
    fputc('\n', stderr);
}

static bool take_environment(const char *program, const struct option_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char variable[VARIABLE_MAX];
        name_variable(entries[i].name, variable);
        const char *value = getenv(variable);
        if (value && value[0] && !store(&entries[i], value)) {
            fprintf(stderr, "%s: cannot understand %s=", program, variable);
            end_complaint(&entries[i], value);
            return false;
        }
    }
    return true;
}

void options_refuse(const char *name, const char *option, const char *value, const char *why) {
    char variable[VARIABLE_MAX];
    name_variable(option, variable);
    fprintf(stderr, "%s: cannot use --%s ", name, option);
    print_without_password(value);
    fprintf(stderr, " (or %s): %s\n", variable, why);
}

bool options_parse(int argc, char **argv, const struct option_entry *entries, size_t count) {
    if (!take_environment(argv[0], entries, count))
        return false;
    for (int i = 1; i < argc; i += 2) {
        const struct option_entry *entry = find(entries, count, argv[i]);
        if (!entry || i + 1 == argc || !store(entry, argv[i + 1])) {
            if (strcmp(argv[i], "--help") != 0) {
                fprintf(stderr, "%s: cannot understand %s ", argv[0], argv[i]);
                end_complaint(entry, argv[i + 1]); /* NULL behind the last */
            }
            print_usage(argv[0], entries, count);
            return false;
        }
    }
    return true;
}
