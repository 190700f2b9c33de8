/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes_fixture.h - one span's record, and what an exporter sees of its attributes, for the tests of attributes.c.
 */
#ifndef OTEL_TEST_ATTRIBUTES_FIXTURE_H
#define OTEL_TEST_ATTRIBUTES_FIXTURE_H

#include "attributes.h"
#include "batch.h"
#include "span_assert.h"
#include "tracer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct otel__scope some_scope;
static struct otel_batch *batch;
static struct otel__record *record;

static inline struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static inline int prepare(void **state) {
    (void)state;
    batch = otel__locals_init() && otel__records_init() ? otel__batch_create(1, NULL) : NULL;
    return batch ? 0 : -1;
}

static inline int clean_up(void **state) {
    (void)state;
    otel__batch_free(batch);
    return 0;
}

static inline int new_span(void **state) {
    (void)state;
    record = otel__record_acquire(mine());
    record->scope = &some_scope;
    batch->records[0] = record;
    batch->count = 1;
    return record ? 0 : -1;
}

static inline int end_span(void **state) {
    (void)state;
    atomic_store(&record->birth, 0);
    otel__record_release(mine(), record);
    return 0;
}

static inline bool set(const char *key, otel_value value) {
    return otel__attrs_set(record, &record->attrs, otel_cstr(key), &value);
}

/* What an exporter sees; array elements must be where their type may be read. */
static inline otel_attrs seen(void) {
    const otel_attrs attrs = otel_batch_span(batch, 0)->attributes;
    for (size_t i = 0; i < attrs.count; i++) {
        const otel_type type = attrs.items[i].value.type;
        if (type == OTEL_TYPE_STRINGS || type == OTEL_TYPE_INTS || type == OTEL_TYPE_DOUBLES)
            assert_int_equal((uintptr_t)attrs.items[i].value.u.p % 8, 0);
    }
    return attrs;
}

static inline void assert_seen_at(const char *expected, const char *file, int line) {
    char *text = attrs_text(seen());
    const bool equal = strcmp(text, expected) == 0;
    if (!equal)
        print_error("%s\nis not\n%s\n", text, expected);
    free(text);
    if (!equal)
        _fail(file, line);
}
#define assert_seen(expected) assert_seen_at((expected), __FILE__, __LINE__)

#define test(name) cmocka_unit_test_setup_teardown(name, new_span, end_span)

#endif
