/* SPDX-License-Identifier: Apache-2.0 */
/* config_metrics_test.c - the environment's settings of metrics. */
#include "config_fixture.h"

#include <stdlib.h>
#include <string.h>

static void defaults(void **state) {
    (void)state;
    load();
    assert_int_equal(config.metrics_exporters.count, 1);
    assert_int_equal(config.metrics_exporters.items[0], OTEL__METRICS_OTLP);
    assert_int_equal(config.metric_interval_ms, 60000);
    assert_int_equal(config.metric_timeout_ms, 30000);
    assert_int_equal(config.exemplar_filter, OTEL_EXEMPLARS_TRACE_BASED);
    assert_false(config.self_metrics);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
}

static void each_variable_is_read(void **state) {
    (void)state;
    fake_env_set("OTEL_METRICS_EXPORTER", "console, Prometheus,otlp");
    fake_env_set("OTEL_METRIC_EXPORT_INTERVAL", "1500");
    fake_env_set("OTEL_METRIC_EXPORT_TIMEOUT", "0");
    fake_env_set("OTEL_METRICS_EXEMPLAR_FILTER", "always_off");
    fake_env_set("OTEL_C_SELF_METRICS", "true");
    load();
    assert_int_equal(config.metrics_exporters.count, 3);
    assert_int_equal(config.metrics_exporters.items[0], OTEL__METRICS_CONSOLE);
    assert_int_equal(config.metrics_exporters.items[1], OTEL__METRICS_PROMETHEUS);
    assert_int_equal(config.metrics_exporters.items[2], OTEL__METRICS_OTLP);
    assert_int_equal(config.metric_interval_ms, 1500);
    assert_int_equal(config.metric_timeout_ms, 0);
    assert_int_equal(config.exemplar_filter, OTEL_EXEMPLARS_ALWAYS_OFF);
    assert_true(config.self_metrics);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
    fake_env_set("OTEL_METRICS_EXPORTER", "none");
    load();
    assert_int_equal(config.metrics_exporters.count, 0);
    otel__config_free(&config);
}

static void what_is_no_good_is_reported(void **state) {
    (void)state;
    static const struct {
        const char *variable, *value, *why;
    } cases[] = {
        { "OTEL_METRICS_EXPORTER", "statsd", "it should be a list of otlp, prometheus, console, none" },
        { "OTEL_METRIC_EXPORT_INTERVAL", "0", "using the default, 60000" },
        { "OTEL_METRIC_EXPORT_INTERVAL", "1m", "using the default, 60000" },
        { "OTEL_METRIC_EXPORT_TIMEOUT", "-1", "using the default, 30000" },
        { "OTEL_METRICS_EXEMPLAR_FILTER", "always_on",
          "not available in this version; using the default, trace_based" },
        { "OTEL_METRICS_EXEMPLAR_FILTER", "some", "is not one of trace_based, always_off" },
        { "OTEL_C_SELF_METRICS", "yes", "is not true or false" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_env_clear();
        fake_env_set(cases[i].variable, cases[i].value);
        load();
        if (reports_count() != 1 || !strstr(reports_text(0), cases[i].why))
            fail_msg("%s: %s", cases[i].variable, reports_count() > 0 ? reports_text(0) : "no report");
        assert_non_null(strstr(reports_text(0), cases[i].variable));
        assert_int_equal(config.metric_interval_ms, 60000);
        assert_int_equal(config.metric_timeout_ms, 30000);
        assert_int_equal(config.exemplar_filter, OTEL_EXEMPLARS_TRACE_BASED);
        otel__config_free(&config);
    }
}

/* ---- the OTLP exporter's ----------------------------------------------------------------------------------------- */

static void load_otlp(enum otel__config_signal signal) {
    static const otel_otlp_options none = { .size = sizeof none };
    reports_start(OTEL_LOG_WARN);
    otel__config_load_otlp(&config, signal, &none);
    otel__config_report(&config);
}

/* Each variable's general form, that of metrics, and where it ends up. */
static void forms_for_metrics_are_stronger_and_for_metrics_only(void **state) {
    (void)state;
    static const struct {
        const char *name, *general, *of_metrics;
        size_t offset; /* of text */
        enum otel__config_id id;
    } texts[] = {
        { "HEADERS", "a=1", "b=2", offsetof(struct otel__config, otlp_headers), OTEL__CONFIG_OTLP_HEADERS },
        { "CERTIFICATE", "a", "b", offsetof(struct otel__config, otlp_certificate), OTEL__CONFIG_OTLP_CERTIFICATE },
        { "CLIENT_KEY", "a", "b", offsetof(struct otel__config, otlp_client_key), OTEL__CONFIG_OTLP_CLIENT_KEY },
        { "CLIENT_CERTIFICATE", "a", "b", offsetof(struct otel__config, otlp_client_certificate),
          OTEL__CONFIG_OTLP_CLIENT_CERTIFICATE },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char general[64], special[64];
        snprintf(general, sizeof general, "OTEL_EXPORTER_OTLP_%s", texts[i].name);
        snprintf(special, sizeof special, "OTEL_EXPORTER_OTLP_METRICS_%s", texts[i].name);
        char *const *member = (char *const *)(const void *)((const char *)&config + texts[i].offset);
        setenv(general, texts[i].general, 1);
        load_otlp(OTEL__SIGNAL_METRICS);
        assert_string_equal(*member, texts[i].general);
        otel__config_free(&config);
        setenv(special, texts[i].of_metrics, 1);
        load_otlp(OTEL__SIGNAL_METRICS);
        assert_string_equal(*member, texts[i].of_metrics);
        assert_string_equal(config.source[texts[i].id], special);
        otel__config_free(&config);
        load_otlp(OTEL__SIGNAL_TRACES);
        assert_string_equal(*member, texts[i].general);
        otel__config_free(&config);
        unsetenv(general);
        unsetenv(special);
    }
}

static void numbers_and_choices_have_forms_for_metrics(void **state) {
    (void)state;
    static const char *const set[][2] = {
        { "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m/x" },
        { "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x" },
        { "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "7" },
        { "OTEL_EXPORTER_OTLP_TIMEOUT", "9" },
        { "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip" },
        { "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json" },
        { "OTEL_EXPORTER_OTLP_METRICS_INSECURE", "true" },
        { "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory" },
    };
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        setenv(set[i][0], set[i][1], 1);
    load_otlp(OTEL__SIGNAL_METRICS);
    assert_string_equal(config.otlp_signal_endpoint, "http://m/x");
    assert_int_equal(config.otlp_timeout_ms, 7);
    assert_int_equal(config.otlp_compression, OTEL__COMPRESSION_GZIP);
    assert_int_equal(config.otlp_protocol, OTEL__PROTOCOL_HTTP_JSON);
    assert_true(config.otlp_insecure);
    assert_int_equal(config.otlp_temporality, OTEL_OTLP_TEMPORALITY_LOWMEMORY);
    otel__config_free(&config);
    load_otlp(OTEL__SIGNAL_TRACES);
    assert_string_equal(config.otlp_signal_endpoint, "http://t/x");
    assert_int_equal(config.otlp_timeout_ms, 9);
    assert_int_equal(config.otlp_compression, OTEL__COMPRESSION_NONE);
    assert_int_equal(config.otlp_protocol, OTEL__PROTOCOL_HTTP_PROTOBUF);
    assert_false(config.otlp_insecure);
    otel__config_free(&config);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        unsetenv(set[i][0]);
}

static void a_bad_form_for_metrics_leaves_the_general_one(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "9", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "-9", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "m:4318", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "alpha", 1);
    load_otlp(OTEL__SIGNAL_METRICS);
    assert_int_equal(config.otlp_timeout_ms, 9);
    assert_string_equal(text_or_none(config.otlp_signal_endpoint), "(none)");
    assert_int_equal(config.otlp_temporality, OTEL_OTLP_TEMPORALITY_CUMULATIVE);
    assert_int_equal(reports_count(), 3);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=\"-9\"", "using OTEL_EXPORTER_OTLP_TIMEOUT"));
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=\"m:4318\"", "; ignored"));
    assert_true(reports_mention("TEMPORALITY_PREFERENCE=\"alpha\" is not one of cumulative, delta, lowmemory", NULL));
    otel__config_free(&config);
    unsetenv("OTEL_EXPORTER_OTLP_TIMEOUT");
    unsetenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT");
    unsetenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    unsetenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
}

/* ---- periodic readers in code ------------------------------------------------------------------------------------ */

static void a_periodic_reader_takes_what_code_leaves_open(void **state) {
    (void)state;
    setenv("OTEL_METRIC_EXPORT_INTERVAL", "1500", 1);
    setenv("OTEL_METRIC_EXPORT_TIMEOUT", "0", 1);
    otel_periodic_options options = { .size = sizeof options };
    otel__config_periodic_defaults(&options);
    assert_int_equal(options.interval_ms, 1500);
    assert_int_equal(options.timeout_ms, OTEL_NO_TIMEOUT);
    options = (otel_periodic_options){ .size = sizeof options, .interval_ms = 10, .timeout_ms = 20 };
    otel__config_periodic_defaults(&options);
    assert_int_equal(options.interval_ms, 10);
    assert_int_equal(options.timeout_ms, 20);
    unsetenv("OTEL_METRIC_EXPORT_INTERVAL");
    unsetenv("OTEL_METRIC_EXPORT_TIMEOUT");
    assert_int_equal(reports_count(), 0);
    options = (otel_periodic_options){ .size = sizeof options, .interval_ms = -10 };
    otel__config_periodic_defaults(&options);
    assert_int_equal(options.interval_ms, 60000);
    assert_int_equal(options.timeout_ms, 30000);
    assert_true(reports_mention("otel_periodic_options.interval_ms=-10 is negative; using 60000", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(each_variable_is_read),
        TEST(what_is_no_good_is_reported),
        TEST(forms_for_metrics_are_stronger_and_for_metrics_only),
        TEST(numbers_and_choices_have_forms_for_metrics),
        TEST(a_bad_form_for_metrics_leaves_the_general_one),
        TEST(a_periodic_reader_takes_what_code_leaves_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
