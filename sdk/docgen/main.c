/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - prints docs/configuration.md from the table of options; with `--check FILE` tells whether FILE is that text.
 */
#include "config_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char introduction[] =
    "<!-- Generated from sdk/src/config_table.c. Change that, then build the target `otel_docs`. -->\n"
    "# Configuration\n"
    "\n"
    "Everything can be set in code, and most of it by environment variables, so that a service needs no rebuild.\n"
    "\n"
    "- Options in code beat environment variables, which beat defaults. Where a variable has a form for one signal\n"
    "  only (`..._TRACES_...`, `..._METRICS_...`), that form beats the general one.\n"
    "- The environment is read when the SDK starts, and when a processor or an exporter is made in code. Changes "
    "after\n"
    "  that have no effect. A program that runs with more privileges than its caller (set-user-ID) does not read it.\n"
    "- A variable that is empty counts as not set.\n"
    "- Names of choices may be written in any case; spaces around values are ignored, except in text.\n"
    "- A value that is no good is reported once, as it was written, and gives way to what would hold without it. It "
    "never\n"
    "  keeps the SDK from starting.\n"
    "- Of a list, entries that are unknown or not available are reported and left out. `none` gives way to other "
    "entries.\n"
    "- `OTEL_C_LOG_LEVEL`, the level of a program's log lines, is libotel-api's, which needs no SDK: "
    "[logs.md](logs.md).\n"
    "  The SDK's own messages have `OTEL_LOG_LEVEL`.\n";

static void print_unavailable(const struct otel__config_option *option, FILE *out) {
    const char *separator = "; known, but not available in this version: ";
    for (const struct otel__config_choice *choice = option->choices; choice && choice->name; choice++) {
        if (!choice->unavailable)
            continue;
        fprintf(out, "%s`%s`", separator, choice->name);
        separator = ", ";
    }
}

/* The general form, if there is one, and those for one signal. */
static void print_variables(const struct otel__config_option *option, FILE *out) {
    const char *before = "| ";
    if (option->variable)
        fprintf(out, "%s`%s`", before, option->variable);
    if (option->variable)
        before = "<br>";
    for (int signal = 0; signal < OTEL__SIGNAL_COUNT; signal++)
        if (option->specific[signal]) {
            fprintf(out, "%s`%s`", before, option->specific[signal]);
            before = "<br>";
        }
}

static void print_option(const struct otel__config_option *option, FILE *out) {
    char expected[512];
    otel__config_expected(option, expected, sizeof expected);
    print_variables(option, out);
    fprintf(out, " | %s | %s", option->description, expected);
    print_unavailable(option, out);
    if (option->fallback)
        fprintf(out, " | `%s` |", option->fallback);
    else
        fprintf(out, " | |");
    fprintf(out, " `%s` |\n", option->in_code);
}

static void print_page(FILE *out) {
    const char *group = "";
    fputs(introduction, out);
    for (int id = 0; id < OTEL__CONFIG_COUNT; id++) {
        const struct otel__config_option *option = &otel__config_options[id];
        if (strcmp(option->group, group) != 0)
            fprintf(out, "\n## %s\n\n| Variable | Meaning | Values | Default | In code |\n|---|---|---|---|---|\n",
                    option->group);
        group = option->group;
        print_option(option, out);
    }
}

/* Whether `file` holds exactly `page`. */
static bool is_page(FILE *file, const char *page) {
    for (; *page; page++)
        if (getc(file) != (unsigned char)*page)
            return false;
    return getc(file) == EOF;
}

static int check(const char *path) {
    char *page = NULL;
    size_t size;
    FILE *memory = open_memstream(&page, &size);
    FILE *file = fopen(path, "r");
    bool same = false;
    if (memory) {
        print_page(memory);
        fclose(memory);
    }
    if (file) {
        same = page && is_page(file, page);
        fclose(file);
    }
    free(page);
    if (!same)
        fprintf(stderr, "%s is not what config_table.c says: build the target `otel_docs`\n", path);
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check(argv[2]);
    if (argc != 1) {
        fprintf(stderr, "usage: %s [--check FILE]\n", argv[0]);
        return EXIT_FAILURE;
    }
    print_page(stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
