/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_environment_test.c - OTEL_METRICS_EXPORTER=prometheus, beside others. */
#include "autoconfigure.h"

#include "reports.h"
#include "scrape.h"

#include <otel/prometheus.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

OTEL_METER(meter, "bakery", "1.0");
OTEL_COUNTER(loaves, meter, "bakery.loaves", "{loaf}", "Loaves that were baked.");

static char answer[1 << 20];

static void the_environment_opens_a_port(void **state) {
    (void)state;
    struct otel__config config;
    struct otel__pipeline pipeline;
    setenv("OTEL_METRICS_EXPORTER", "console,prometheus", 1);
    setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "0", 1);
    reports_start(OTEL_LOG_DEBUG);
    otel__config_load(&config, NULL, NULL);
    assert_int_equal(otel__autoconfigure(NULL, &config, &pipeline, NULL), OTEL_OK);
    otel__config_free(&config);
    assert_int_equal(pipeline.reader_count, 2);
    otel_metric_reader *reader = pipeline.readers[1];
    pipeline.reader_count = 1;
    otel__pipeline_free(&pipeline);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "bakery", .metrics = OTEL_METRICS(.readers = OTEL_READERS(reader)))),
        OTEL_OK);
    otel_add(loaves, 3);
    assert_true(scrape_get(otel_prometheus_port(reader), "/metrics", "", answer, sizeof answer) > 0);
    assert_non_null(strstr(answer, "bakery_loaves_total{"));
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    reports_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_environment_opens_a_port) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
