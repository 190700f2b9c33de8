/* SPDX-License-Identifier: Apache-2.0 */
/* vectors.c - reads tests/vectors/vectors.json with jansson; see vectors.h. OTEL_VECTORS names the file. */
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static json_t *vectors;

static void forget(void) {
    json_decref(vectors);
    vectors = NULL;
}

const json_t *vectors_table(const char *name) {
    if (vectors == NULL) {
        json_error_t error;
        vectors = json_load_file(OTEL_VECTORS, JSON_ALLOW_NUL, &error);
        if (vectors == NULL) {
            fail_msg("%s:%d: %s", OTEL_VECTORS, error.line, error.text);
        }
        atexit(forget);
    }
    const json_t *table = json_object_get(vectors, name);
    if (json_array_size(table) == 0) {
        fail_msg("no table %s in %s", name, OTEL_VECTORS);
    }
    return table;
}

otel_str vector_text(const json_t *string) { return otel_strn(json_string_value(string), json_string_length(string)); }

static const json_t *member_of(const json_t *row, const char *member) {
    const json_t *value = json_object_get(row, member);
    if (value == NULL) {
        fail_msg("a row lacks %s", member);
    }
    return value;
}

otel_str vector_str(const json_t *row, const char *member) { return vector_text(member_of(row, member)); }

bool vector_bool(const json_t *row, const char *member) { return json_is_true(member_of(row, member)); }

void vectors_each(const char *table, void (*check)(const json_t *row)) {
    const json_t *rows = vectors_table(table);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        print_message("    %s[%zu] %s\n", table, i, json_string_value(json_object_get(row, "name")));
        check(row);
    }
}
