/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_fixture.h - an SDK around each test of spans: it samples all, and its exporter runs on the thread that ends a
 * span, so that the test sees the span as soon as it has ended.
 */
#ifndef OTEL_TEST_SPAN_FIXTURE_H
#define OTEL_TEST_SPAN_FIXTURE_H

#include "exporter_double.h"

extern struct exporter_double seen;

/* Set-up and teardown. The teardown checks the ledger. */
int spans_begin(void **state);
int spans_end(void **state);
/* The same with another sampler, and nothing seen yet. */
void spans_restart(otel_sampler *sampler);

/* The span that ended last; fails the test when there is none. At most 64 spans are kept: see spans_forget(). */
const struct span_copy *span_last(void);
void spans_forget(void);
/* Fails the test when the ledger does not balance. */
otel_ledger ledger_now(void);

/* A span context with ids 0102...10 and 1516...1c. */
otel_span span_wrapped(uint8_t flags, bool remote, const otel_tracestate *tracestate);
#define SPAN_WRAPPED_HEX "0102030405060708090a0b0c0d0e0f10-15161718191a1b1c"
/* Starts a span of `tracer` named "child". */
otel_span span_child_of(otel_tracer *tracer, const otel_span *parent);
/* Takes the places of all tracestates that nobody holds. */
void push_out_unreferenced_tracestates(void);

#endif
