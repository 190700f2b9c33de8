/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_fixture.h - an SDK with an exporter that is watched, for the tests of its life.
 */
#ifndef OTEL_TEST_LIFECYCLE_FIXTURE_H
#define OTEL_TEST_LIFECYCLE_FIXTURE_H

#include "lifecycle.h"

#include "base/clock.h"
#include "exporter_double.h"
#include "record.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { LONG_MS = 20000, THREADS = 8, ROUNDS = UNDER_TSAN ? 200 : 1000 };

OTEL_TRACER(lib, "lib");

__attribute__((unused)) static struct exporter_double seen, other;

__attribute__((unused)) static struct {
    _Atomic unsigned count;
    char text[300];
    void (*during)(void);
} said;

static inline void listen(void *data, otel_log_level level, const char *text) {
    (void)level;
    if (data == &said) {
        snprintf(said.text, sizeof said.text, "%s", text);
        atomic_fetch_add(&said.count, 1);
        if (said.during)
            said.during();
    }
}

/* Options of a simple SDK whose exporter is `seen`; `direct` on the ending thread. */
static inline otel_status start_simple(bool blocking) {
    seen.blocking = blocking;
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_INFO, .diagnostic = listen, .diagnostic_data = &said,
                                   .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)))));
}

static inline otel_status start_batch(int delay_ms) {
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = delay_ms };
    seen.blocking = true;
    return otel_sdk_start(
        OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_INFO,
                 .diagnostic = listen, .diagnostic_data = &said,
                 .processors = OTEL_PROCESSORS(otel_batch_processor(&options, exporter_double_make(&seen)))));
}

static inline otel_ledger ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

static inline int stop(void **state) {
    (void)state;
    atomic_store(&seen.hold, 0);
    otel_sdk_stop(LONG_MS);
    ledger_now();
    assert_int_equal(seen.overlaps + seen.late, 0);
    exporter_double_reset(&seen);
    exporter_double_reset(&other);
    memset(&said, 0, sizeof said);
    return 0;
}

static inline void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_set(&span, "i", i);
        otel_span_end(&span);
    }
}

#define test(name) cmocka_unit_test_teardown(name, stop)

#endif
