/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_fixture.h - spans that come and go in headers, for the tests of one propagator each. */
#ifndef OTEL_TEST_PROPAGATOR_FIXTURE_H
#define OTEL_TEST_PROPAGATOR_FIXTURE_H

#include "headers_fixture.h"
#include "vectors.h"

#include <otel/baggage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TRACE_ID "a3f1c05d9e7b42688d14f0726b9c3e51"
#define SPAN_ID "5c1e9a07d43b8f26"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline otel_context extract(const otel_propagator *propagator) {
    return propagator->extract(&no_context, &carrier_getter, &in);
}

static inline otel_context extract_field(const otel_propagator *propagator, const char *name, const char *value) {
    in.count = 0;
    carrier_add(&in, name, value);
    return extract(propagator);
}

static inline void inject(const otel_propagator *propagator, const otel_context *context) {
    out.count = out.writes = 0;
    propagator->inject(context, &carrier_setter, &out);
}

static inline void assert_sent(const char *name, const char *expected) {
    const char *text = carrier_text(&out, name);
    if (expected == NULL) {
        assert_null(text);
    } else {
        assert_non_null(text);
        assert_string_equal(text, expected);
    }
}

static inline void assert_span(const otel_context *context, const char *trace_id, const char *span_id, long flags) {
    char trace[33], id[17];
    const otel_span span = otel_context_span(context);
    assert_true(otel_span_hex(&span, trace, id));
    assert_string_equal(trace, trace_id);
    assert_string_equal(id, span_id);
    assert_int_equal(otel_span_flags(&span), flags);
    assert_true(otel_span_remote(&span));
    assert_false(otel_span_recording(&span));
}

static inline void assert_nothing(const otel_context *context) {
    assert_memory_equal(context, &no_context, sizeof no_context);
}

static inline unsigned complaints(void) { return fake.misuses[OTEL__MISUSE_PARENT_READ]; }

/* ---- rows of vectors --------------------------------------------------------------------------------------------- */

/* Puts the row's headers, or its one value under `name`, into the carrier. */
static inline void receive(const json_t *row, const char *name) {
    const json_t *headers = json_object_get(row, "headers");
    in.count = 0;
    if (headers == NULL) {
        carrier_add_str(&in, name, vector_str(row, "value"));
    }
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *header = json_array_get(headers, i);
        carrier_add_str(&in, json_string_value(json_array_get(header, 0)), vector_text(json_array_get(header, 1)));
    }
}

/* That the context holds what the row says that was extracted. */
static inline void assert_row(const json_t *row, const otel_context *context) {
    if (vector_bool(row, "extracted")) {
        assert_span(context, vector_str(row, "trace_id").ptr, vector_str(row, "span_id").ptr,
                    strtol(vector_str(row, "flags").ptr, NULL, 16));
    } else {
        assert_nothing(context);
    }
}

static inline void read_hex(otel_str text, uint8_t *bytes) {
    for (size_t i = 0; i < text.len / 2; i++) {
        const char digits[] = { text.ptr[2 * i], text.ptr[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtol(digits, NULL, 16);
    }
}

/* A local span with the row's ids and flags, and the row's baggage if it has any. */
static inline otel_context row_context(const json_t *row) {
    otel_span_context span = { .size = sizeof span };
    uint8_t flags = 0;
    read_hex(vector_str(row, "trace_id"), span.trace_id);
    read_hex(vector_str(row, "span_id"), span.span_id);
    read_hex(vector_str(row, "flags"), &flags);
    span.flags = flags;
    const otel_span wrapped = otel_span_wrap(&span);
    otel_context context = otel_context_with_span(&no_context, &wrapped);
    const json_t *baggage = json_object_get(row, "baggage");
    for (size_t i = 0; i < json_array_size(baggage); i++) {
        const json_t *entry = json_array_get(baggage, i);
        otel_context next = otel_context_with_baggage_value(&context, json_string_value(json_array_get(entry, 0)),
                                                            vector_text(json_array_get(entry, 1)));
        otel_context_release(&context);
        context = next;
    }
    return context;
}

/* That exactly the row's headers were written, in their order and with the names as they are. */
static inline void assert_row_sent(const json_t *row) {
    const json_t *headers = json_object_get(row, "headers");
    assert_int_equal(out.count, json_array_size(headers));
    for (size_t i = 0; i < out.count; i++) {
        const json_t *header = json_array_get(headers, i);
        assert_string_equal(out.fields[i].name, json_string_value(json_array_get(header, 0)));
        assert_string_equal(out.fields[i].value.ptr, json_string_value(json_array_get(header, 1)));
    }
}

#endif
