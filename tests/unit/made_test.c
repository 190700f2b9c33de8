/* SPDX-License-Identifier: Apache-2.0 */
/* made_test.c - why an exporter could not be made, for those who ask and those who do not. */
#include "diagnostics.h"
#include "reports.h"

#include <otel/jaeger.h>
#include <otel/otlp.h>
#include <otel/otlp_file.h>
#include <otel/zipkin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static otel_exporter *make_otlp(otel_error *error) {
    return otel_otlp_exporter(&(otel_otlp_options){
        .size = sizeof(otel_otlp_options), .timeout_ms = 1000, .endpoint = "http://:bad", .error = error });
}

static otel_exporter *make_zipkin(otel_error *error) {
    return otel_zipkin_exporter(
        &(otel_zipkin_options){ .size = sizeof(otel_zipkin_options), .endpoint = "http://:bad", .error = error });
}

static otel_exporter *make_jaeger(otel_error *error) {
    return otel_jaeger_exporter(
        &(otel_jaeger_options){ .size = sizeof(otel_jaeger_options), .endpoint = "http://:bad", .error = error });
}

static otel_exporter *make_file(otel_error *error) {
    return otel_otlp_file_exporter(
        &(otel_otlp_file_options){ .size = sizeof(otel_otlp_file_options), .path = "/nowhere/bad", .error = error });
}

static const struct {
    const char *name;
    otel_exporter *(*make)(otel_error *error);
} exporters[] = {
    { "OTLP", make_otlp }, { "Zipkin", make_zipkin }, { "Jaeger", make_jaeger }, { "OTLP file", make_file }
};

enum { EXPORTERS = sizeof exporters / sizeof *exporters };

static void who_asks_gets_the_reason_and_nobody_else(void **state) {
    (void)state;
    for (size_t i = 0; i < EXPORTERS; i++) {
        otel_error error = { "" };
        reports_start(OTEL_LOG_TRACE);
        assert_null(exporters[i].make(&error));
        assert_non_null(strstr(error.text, "bad"));
        assert_int_equal(reports_count(), 0);
        reports_stop();
    }
}

static void otherwise_the_diagnostics_tell_it(void **state) {
    (void)state;
    for (size_t i = 0; i < EXPORTERS; i++) {
        reports_start(OTEL_LOG_TRACE);
        assert_null(exporters[i].make(NULL));
        assert_int_equal(reports_count(), 1);
        assert_true(reports_mention("exporter could not be made: ", "bad"));
        assert_true(reports_mention(exporters[i].name, NULL));
        reports_stop();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_gets_the_reason_and_nobody_else),
        cmocka_unit_test(otherwise_the_diagnostics_tell_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
