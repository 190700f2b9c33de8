/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_fixture.h - an SDK with an exporter that is watched, for the tests of fork.
 */
#ifndef OTEL_TEST_FORK_FIXTURE_H
#define OTEL_TEST_FORK_FIXTURE_H

#include "fork.h"

#include "base/clock.h"
#include "exporter_double.h"
#include "failing_allocator.h"
#include "in_child.h"
#include "sanitizers.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, LONG_MS = 20000, THREADS = 4, FORKS = 200, TRACERS = 300 };

static inline void skip_under_thread_sanitizer(void) {
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
}

OTEL_TRACER(lib, "lib");

/* In the child it is the child's own, with what the parent's held at the fork. */
static struct exporter_double seen;

static inline otel_status start(bool blocking, int delay_ms) {
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = delay_ms };
    seen.blocking = blocking;
    otel_exporter *exporter = exporter_double_make(&seen);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_NONE,
                                   .processors = OTEL_PROCESSORS(blocking ? otel_batch_processor(&options, exporter)
                                                                          : otel_simple_processor(exporter))));
}

static inline int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    atomic_store(&seen.hold, 0);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return 0;
}

static inline void end_spans(const char *name, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START(name));
        otel_span_end(&span);
    }
}

/* AddressSanitizer's own locks are inherited: the worker must be past its beginning, where it takes them. */
static inline void wait_for_worker(void) {
    end_spans("first", 1);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    exporter_double_reset(&seen);
}

#endif
