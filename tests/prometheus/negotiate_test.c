/* SPDX-License-Identifier: Apache-2.0 */
/* negotiate_test.c - what is answered to whom. */
#include "prometheus/negotiate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEXT "text/plain; version=0.0.4; charset=utf-8"
#define OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void assert_type(const char *accept, const char *expected) {
    const struct otel__answer_type type = otel__negotiate(accept);
    assert_string_equal(type.content_type, expected);
    assert_int_equal(type.openmetrics, strncmp(expected, "application/", strlen("application/")) == 0);
}

static void who_asks_for_nothing_gets_text(void **state) {
    (void)state;
    assert_type(NULL, TEXT);
    assert_type("", TEXT);
    assert_type("*/*", TEXT);
    assert_type("text/*", TEXT);
    assert_type("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT);
}

static void prometheus_gets_openmetrics(void **state) {
    (void)state;
    assert_type("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OPEN);
    assert_type("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8");
    assert_type("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OPEN "; escaping=underscores");
    assert_type("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores");
}

static void weights_decide_and_then_the_order(void **state) {
    (void)state;
    assert_type("text/plain;q=0.5, application/openmetrics-text;q=0.6", OPEN);
    assert_type("text/plain;q=0.7, application/openmetrics-text;q=0.6", TEXT);
    assert_type("application/openmetrics-text, text/plain", OPEN);
    assert_type("text/plain, application/openmetrics-text", TEXT);
    assert_type("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1.0", OPEN);
    assert_type("application/*", OPEN);
}

static void what_is_refused_is_not_given(void **state) {
    (void)state;
    assert_type("text/plain;q=0, */*", OPEN);
    assert_type("application/openmetrics-text;q=0, text/plain;q=0.1", TEXT);
    assert_type("application/openmetrics-text;q=0, application/*, text/plain;q=0.1", TEXT);
}

static void who_wants_none_of_ours_gets_text(void **state) {
    (void)state;
    assert_type("application/json", TEXT);
    assert_type("application/openmetrics-text;version=9.9", TEXT);
    assert_type("application/openmetrics-text;q=2", TEXT);
    assert_type("application/openmetrics-text;q=maybe", TEXT);
}

static void nonsense_is_survived(void **state) {
    (void)state;
    assert_type(",;,=;q=,;;,", TEXT);
    assert_type("text/plain;;;version;q", TEXT);
    assert_type(";q=1", TEXT);
    assert_type("application/openmetrics-text;version=\"", TEXT);
    assert_false(otel__accepts_gzip(",;,=;q=,;;,"));
}

static void gzip_is_for_who_takes_it(void **state) {
    (void)state;
    assert_true(otel__accepts_gzip("gzip"));
    assert_true(otel__accepts_gzip("deflate, GZIP;q=0.5"));
    assert_true(otel__accepts_gzip("*"));
    assert_true(otel__accepts_gzip("gzip, *;q=0"));
    assert_false(otel__accepts_gzip(NULL));
    assert_false(otel__accepts_gzip("identity"));
    assert_false(otel__accepts_gzip("gzip;q=0"));
    assert_false(otel__accepts_gzip("*, gzip;q=0"));
    assert_false(otel__accepts_gzip("br"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_nothing_gets_text),    cmocka_unit_test(prometheus_gets_openmetrics),
        cmocka_unit_test(weights_decide_and_then_the_order), cmocka_unit_test(what_is_refused_is_not_given),
        cmocka_unit_test(who_wants_none_of_ours_gets_text),  cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(gzip_is_for_who_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
