/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.h - the tables of tests/vectors/vectors.json, row by row. Strings may hold NUL bytes. */
#ifndef OTEL_TEST_VECTORS_H
#define OTEL_TEST_VECTORS_H

#include <jansson.h>
#include <otel/types.h>

/* A table, loaded once for the process; fails the test when it is missing or empty. */
const json_t *vectors_table(const char *name);

/*
 * Members of a row; the string is empty with `ptr` NULL for JSON null, and the test fails when the member is missing.
 */
otel_str vector_str(const json_t *row, const char *member);
bool vector_bool(const json_t *row, const char *member);
/* A string by itself, as in an array of strings. */
otel_str vector_text(const json_t *string);

/* Runs `check` on every row and names the row in the output when it fails. */
void vectors_each(const char *table, void (*check)(const json_t *row));

#endif
