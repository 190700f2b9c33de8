/* SPDX-License-Identifier: Apache-2.0 */
/* span_misuse_test.c - what the API noticed and the SDK reports: one line per kind, however often it happens. */
#include "carrier.h"
#include "provider.h"
#include "reports.h"
#include "span_fixture.h"

#include <otel/baggage.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int set_up(void **state) {
    const int failed = spans_begin(state);
    reports_start(OTEL_LOG_DEBUG);
    return failed;
}

static int tear_down(void **state) {
    reports_stop();
    return spans_end(state);
}

static void every_kind_has_a_line_of_its_own(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int what = 0; what < OTEL__MISUSE_COUNT; what++) {
            otel__span_backend.misuse(otel__thread_self(), (otel__misuse)what, NULL);
        }
    }
    assert_int_equal(reports_count(), OTEL__MISUSE_COUNT);
    for (size_t i = 0; i < OTEL__MISUSE_COUNT; i++) {
        assert_int_not_equal(strlen(reports_text(i)), 0);
        assert_int_equal(reports_level(i), OTEL_LOG_DEBUG);
    }
}

static void flood_of_bad_baggage_is_one_line(void **state) {
    (void)state;
    static const otel_context empty;
    struct carrier *carrier = calloc(1, sizeof *carrier);
    carrier_add(carrier, "baggage", "bad,a=1");
    for (int i = 0; i < 10000; i++) {
        otel_context context = otel_propagator_baggage.extract(&empty, &carrier_getter, carrier);
        assert_int_equal(otel_context_baggage_value(&context, "a").len, 1);
        otel_context_release(&context);
    }
    free(carrier);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("baggage header", "dropped"));
}

/* The text is not shown: a log is not the place for what strangers send. */
static void headers_that_are_ignored_are_told(void **state) {
    static const char *const headers[][2] = {
        { "traceparent", "00-0102030405060708090a0b0c0d0e0f10-0000000000000000-01" },
        { "traceparent", "garbage" },
        { "tracestate", "=" },
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        static const otel_context empty;
        struct carrier *carrier = calloc(1, sizeof *carrier);
        if (strcmp(headers[i][0], "tracestate") == 0) {
            carrier_add(carrier, "traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01");
        }
        carrier_add(carrier, headers[i][0], headers[i][1]);
        otel_context context = otel_propagator_tracecontext.extract(&empty, &carrier_getter, carrier);
        otel_context_release(&context);
        free(carrier);
        assert_int_equal(reports_count(), 1);
        assert_true(reports_mention("a received parent (traceparent, tracestate", "is not valid: it was ignored"));
        tear_down(state);
        set_up(state);
    }
}

static void no_header_is_no_mistake(void **state) {
    (void)state;
    static const otel_context empty;
    struct carrier *carrier = calloc(1, sizeof *carrier);
    otel_context context = otel_propagator_tracecontext.extract(&empty, &carrier_getter, carrier);
    otel_context_release(&context);
    free(carrier);
    assert_int_equal(reports_count(), 0);
}

static void baggage_that_cannot_be_set_or_sent_is_told(void **state) {
    (void)state;
    struct carrier *carrier = calloc(1, sizeof *carrier);
    {
        OTEL_BAGGAGE(nameless, "", "1");
        OTEL_BAGGAGE(spaced, "a b", "1");
        otel_propagator_baggage.inject(NULL, &carrier_setter, carrier);
    }
    assert_int_equal(carrier->count, 0);
    free(carrier);
    assert_int_equal(reports_count(), 2);
    assert_true(reports_mention("no name", NULL));
    assert_true(reports_mention("cannot be sent", NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_kind_has_a_line_of_its_own),
        TEST(headers_that_are_ignored_are_told),
        TEST(no_header_is_no_mistake),
        TEST(flood_of_bad_baggage_is_one_line),
        TEST(baggage_that_cannot_be_set_or_sent_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
