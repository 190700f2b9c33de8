/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - a program's settings: a table of "--name value" pairs. What the command line does not say is taken from the
 * environment: --query-url from KALKI_QUERY_URL.
 */
#ifndef KALKI_OPTIONS_H
#define KALKI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/** One option; its value goes where `number` or `text` points to. */
struct option_entry {
    const char *name;
    const char *help;
    const char **text;
    long *number;
    long number_max; /* numbers begin at 0 */
};

/**
 * Fills the table's targets; an empty variable counts for none. On a mistake, or for --help, prints how the program is used
 * and returns false.
 */
bool options_parse(int argc, char **argv, const struct option_entry *entries, size_t count);

/** Says on stderr why the program `name` cannot use an option's value, but not the password of a URL. */
void options_refuse(const char *name, const char *option, const char *value, const char *why);

#endif
