/* SPDX-License-Identifier: Apache-2.0 */
/* span_fixture.c - see span_fixture.h. */
#include "span_fixture.h"

#include "fake_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct exporter_double seen;

static otel_status start_sdk(otel_sampler *sampler) {
    seen.copies = true;
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = sampler, .log_level = OTEL_LOG_NONE,
                                   .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)))));
}

int spans_begin(void **state) {
    (void)state;
    return start_sdk(otel_sampler_always_on()) == OTEL_OK ? 0 : -1;
}

int spans_end(void **state) {
    (void)state;
    otel_ledger ledger;
    fake_clock_stop();
    const otel_status status = otel_sdk_stop(5000);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return status == OTEL_OK ? 0 : -1;
}

void spans_restart(otel_sampler *sampler) {
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    exporter_double_reset(&seen);
    assert_int_equal(start_sdk(sampler), OTEL_OK);
}

const struct span_copy *span_last(void) {
    const size_t count = atomic_load(&seen.copied);
    assert_in_range(count, 1, DOUBLE_COPIES);
    return seen.copy[count - 1];
}

void spans_forget(void) {
    exporter_double_reset(&seen);
    seen.copies = true;
}

otel_ledger ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

otel_span span_wrapped(uint8_t flags, bool remote, const otel_tracestate *tracestate) {
    const otel_span_context context = { .size = sizeof context,
                                        .trace_id = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
                                        .span_id = { 21, 22, 23, 24, 25, 26, 27, 28 },
                                        .flags = flags,
                                        .remote = remote,
                                        .tracestate = tracestate };
    return otel_span_wrap(&context);
}

otel_span span_child_of(otel_tracer *tracer, const otel_span *parent) {
    otel_context context = otel_context_with_span(NULL, parent);
    const otel_span span = otel_span_start(tracer, OTEL_START("child", .parent = &context));
    otel_context_release(&context);
    return span;
}

void push_out_unreferenced_tracestates(void) {
    for (int i = 0; i < 20000; i++) {
        otel_tracestate passing = otel_tracestate_parse(otel_cstr("passing=1"));
        otel_tracestate_release(&passing);
    }
}
