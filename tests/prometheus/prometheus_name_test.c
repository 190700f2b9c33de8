/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_name_test.c - names and units as Prometheus wants them. */
#include "prometheus/prometheus_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct otel__line line;

static void assert_line(const char *expected) {
    otel__line_bytes(&line, "", 1);
    assert_string_equal(line.text, expected);
    otel__line_free(&line);
}

static void assert_label(const char *key, const char *expected) {
    otel__prometheus_label_name(&line, "", otel_cstr(key));
    assert_line(expected);
}

static void assert_unit(const char *unit, bool gauge, const char *expected) {
    otel__prometheus_unit(&line, otel_cstr(unit), gauge);
    assert_line(expected);
}

static void assert_family(const char *name, const char *unit, bool counter, const char *expected) {
    otel__prometheus_family_name(&line, otel_cstr(name), otel_cstr(unit), counter);
    assert_line(expected);
}

static void labels_hold_letters_digits_and_single_underscores(void **state) {
    (void)state;
    assert_label("http.request.method", "http_request_method");
    assert_label("a..b--c__d", "a_b_c_d");
    assert_label("caf\xc3\xa9.name", "caf_name");
    assert_label("1st", "_1st");
    assert_label("__name__", "_name_");
    assert_label("a:b", "a_b");
    assert_label("", "_");
    assert_label("\xff", "_");
    otel__prometheus_label_name(&line, "otel_scope_", otel_cstr("_1st.name"));
    assert_line("otel_scope_1st_name");
}

static void units_become_words(void **state) {
    (void)state;
    assert_unit("s", false, "seconds");
    assert_unit("ms", false, "milliseconds");
    assert_unit("By", false, "bytes");
    assert_unit("%", true, "percent");
    assert_unit("Cel", true, "celsius");
    assert_unit("", false, "");
    assert_unit("furlong", false, "furlong");
    assert_unit("kg.m", false, "kg_m");
}

static void remarks_are_no_units(void **state) {
    (void)state;
    assert_unit("{request}", false, "");
    assert_unit("By{transmitted}", false, "bytes");
    assert_unit("{request}/s", false, "per_second");
    assert_unit("{request}/{user}", false, "");
}

static void a_slash_is_per(void **state) {
    (void)state;
    assert_unit("By/s", false, "bytes_per_second");
    assert_unit("m/h", false, "meters_per_hour");
    assert_unit("1/s", false, "per_second");
    assert_unit("By/furlong", false, "bytes_per_furlong");
}

static void only_a_gauge_is_a_ratio(void **state) {
    (void)state;
    assert_unit("1", true, "ratio");
    assert_unit("1", false, "");
}

static void a_name_gets_its_unit_once(void **state) {
    (void)state;
    assert_family("kalki.request.duration", "seconds", false, "kalki_request_duration_seconds");
    assert_family("duration_seconds", "seconds", false, "duration_seconds");
    assert_family("seconds.in.use", "seconds", false, "seconds_in_use");
    assert_family("milliseconds", "seconds", false, "milliseconds_seconds");
    assert_family("rate", "bytes_per_second", false, "rate_bytes_per_second");
    assert_family("a.bytes.per.second.b", "bytes_per_second", false, "a_bytes_per_second_b");
    assert_family("trailing.", "seconds", false, "trailing_seconds");
    assert_family("plain", "", false, "plain");
}

static void a_counter_is_known_without_total(void **state) {
    (void)state;
    assert_family("requests", "", true, "requests");
    assert_family("requests.total", "", true, "requests");
    assert_family("cpu.time.total", "seconds", true, "cpu_time_seconds");
    assert_family("total", "", true, "total");
    assert_family("gauge.total", "", false, "gauge_total");
}

static void a_name_may_be_anything(void **state) {
    (void)state;
    assert_family("9lives", "", false, "_9lives");
    assert_family("ns:name", "", false, "ns:name");
    assert_family("", "seconds", false, "_seconds");
    assert_family("a\nb", "", false, "a_b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_hold_letters_digits_and_single_underscores),
        cmocka_unit_test(units_become_words),
        cmocka_unit_test(remarks_are_no_units),
        cmocka_unit_test(a_slash_is_per),
        cmocka_unit_test(only_a_gauge_is_a_ratio),
        cmocka_unit_test(a_name_gets_its_unit_once),
        cmocka_unit_test(a_counter_is_known_without_total),
        cmocka_unit_test(a_name_may_be_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
