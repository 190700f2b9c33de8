/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_fixture.h - an SDK whose metrics go to doubles, for the tests of metrics. */
#ifndef OTEL_TEST_METRICS_FIXTURE_H
#define OTEL_TEST_METRICS_FIXTURE_H

#include "exporter_double.h"
#include "metric_double.h"
#include "reports.h"
#include "sanitizers.h"

#include <otel/metrics.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LONG_MS = 20000 };

OTEL_METER(meter, "meter", "1.0");

/* `pulled` is asked; the exporter of `pushed` gets what a flush or a stop reads. */
__attribute__((unused)) static struct metric_double pulled, pushed;

/* An SDK with `pulled`, and with `pushed` if there is an interval (negative: flushes only). Reports are kept. */
static inline otel_status start_metrics(int interval_ms, otel_metrics_options metrics) {
    otel_metric_reader *readers[2] = { metric_double_pull(&pulled), NULL };
    if (interval_ms)
        readers[1] = metric_double_periodic(&pushed, interval_ms > 0 ? interval_ms : 0);
    metrics.readers = (otel_metric_readers){ readers, interval_ms ? 2 : 1 };
    reports_start(OTEL_LOG_DEBUG);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_DEBUG, .diagnostic = reports_keep, .metrics = metrics));
}

static inline int begin_pulled(void **state) {
    (void)state;
    return start_metrics(0, (otel_metrics_options){ .cardinality_limit = 0 }) == OTEL_OK ? 0 : -1;
}

static inline int begin_both(void **state) {
    (void)state;
    return start_metrics(-1, (otel_metrics_options){ .cardinality_limit = 0 }) == OTEL_OK ? 0 : -1;
}

static inline int begin_deltas(void **state) {
    pushed.deltas = true;
    return begin_both(state);
}

static inline int stop_metrics(void **state) {
    (void)state;
    atomic_store(&pushed.hold, false);
    otel_sdk_stop(LONG_MS);
    reports_stop();
    metric_double_reset(&pulled);
    metric_double_reset(&pushed);
    return 0;
}

/* What there is now, in `pulled`. */
static inline void read_now(void) { assert_int_equal(metric_double_read(&pulled), OTEL_OK); }
/* What there is now, in `pushed`. */
static inline void flush_now(void) { assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK); }

#define test_pulled(name) cmocka_unit_test_setup_teardown(name, begin_pulled, stop_metrics)
#define test_both(name) cmocka_unit_test_setup_teardown(name, begin_both, stop_metrics)
#define test_deltas(name) cmocka_unit_test_setup_teardown(name, begin_deltas, stop_metrics)
/* One that starts the SDK itself. */
#define test_own(name) cmocka_unit_test_teardown(name, stop_metrics)

#endif
