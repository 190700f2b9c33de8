/* SPDX-License-Identifier: Apache-2.0 */
/* file_hangs_test.c - a disk that hangs until both have returned: whoever flushes or stops has its own time all the same. */
#include "base/clock.h"
#include "fake_root.h"

#include <errno.h>
#include <otel/otlp_file.h>
#include <otel/sdk.h>
#include <otel/trace.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

OTEL_TRACER(tracer, "guarantees.file");

/* The system's stands for a disk that does not come back. */
static atomic_bool hangs, entered;
int fdatasync(int fd) {
    (void)fd;
    atomic_store(&entered, true);
    while (atomic_load(&hangs))
        usleep(1000);
    return 0;
}

static double ms_since(uint64_t before) { return (double)(otel__clock_monotonic() - before) / 1e6; }

static void a_disk_that_hangs_keeps_no_flush_and_no_stop(void **state) {
    (void)state;
    enum { GIVEN_MS = 200 };
    char path[256];
    snprintf(path, sizeof path, "%s/traces.jsonl", fake_root_make());
    const otel_otlp_file_options options = { .size = sizeof options, .path = path, .sync = OTEL_OTLP_FILE_SYNC_BATCH };
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "file", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, otel_otlp_file_exporter(&options))))),
        OTEL_OK);
    atomic_store(&hangs, true);
    const otel_span span = otel_span_start(tracer, OTEL_START("span"));
    otel_span_end(&span);
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_flush(GIVEN_MS), OTEL_ERR_TIMEOUT);
    const double flush = ms_since(before);
    assert_true(atomic_load(&entered));
    before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(GIVEN_MS), OTEL_ERR_TIMEOUT);
    const double stop = ms_since(before);
    printf("measured: file: with a disk that hangs, of %d ms given a flush took %.0f ms and a stop %.0f ms\n",
           (int)GIVEN_MS, flush, stop);
    atomic_store(&hangs, false);
    fake_root_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_disk_that_hangs_keeps_no_flush_and_no_stop) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
