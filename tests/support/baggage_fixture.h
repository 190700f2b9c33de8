/* SPDX-License-Identifier: Apache-2.0 */
/* baggage_fixture.h - baggage that comes and goes in headers, for the tests of its propagator. */
#ifndef OTEL_TEST_BAGGAGE_FIXTURE_H
#define OTEL_TEST_BAGGAGE_FIXTURE_H

#include "headers_fixture.h"

#include <otel/baggage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MOST_MEMBERS = 64, MOST_BYTES = 8192 };

static const otel_propagator *const w3c = &otel_propagator_baggage;

static inline otel_context extract(void) { return w3c->extract(&no_context, &carrier_getter, &in); }

/* What is extracted of one header. */
static inline otel_context extract_text(const char *header) {
    in.count = 0;
    carrier_add(&in, "baggage", header);
    return extract();
}

static inline void assert_value(const otel_context *context, const char *name, const char *expected) {
    const otel_str value = otel_context_baggage_value(context, name);
    if (expected == NULL) {
        assert_null(value.ptr);
    } else {
        assert_non_null(value.ptr);
        assert_string_equal(value.ptr, expected);
    }
}

static inline size_t count_in(const otel_context *context) {
    otel_baggage baggage = otel_context_baggage(context);
    const size_t count = otel_baggage_count(&baggage);
    otel_baggage_release(&baggage);
    return count;
}

static inline otel_context with(const otel_context *base, otel_str name, otel_str value, otel_str metadata) {
    otel_baggage former = otel_context_baggage(base);
    otel_baggage baggage = otel_baggage_set(&former, name, value, metadata);
    otel_context context = otel_context_with_baggage(base, &baggage);
    otel_baggage_release(&baggage);
    otel_baggage_release(&former);
    return context;
}

static inline void add(otel_context *context, otel_str name, otel_str value, otel_str metadata) {
    otel_context next = with(context, name, value, metadata);
    otel_context_release(context);
    *context = next;
}

/* The one header that is sent; NULL: none. */
static inline const char *inject(const otel_context *context) {
    out.count = out.writes = 0;
    w3c->inject(context, &carrier_setter, &out);
    assert_true(out.count <= 1);
    return carrier_text(&out, "baggage");
}

static inline void assert_sent(const otel_context *context, const char *expected) {
    const char *sent = inject(context);
    if (expected == NULL) {
        assert_null(sent);
    } else {
        assert_non_null(sent);
        assert_string_equal(out.fields[0].name, "baggage");
        assert_int_equal(out.fields[0].value.len, strlen(expected));
        assert_string_equal(sent, expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
