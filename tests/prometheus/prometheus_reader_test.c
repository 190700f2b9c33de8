/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_reader_test.c - what Prometheus gets from a running SDK, as code and environment say. */
#include "autoconfigure_prometheus.h"

#include "base/clock.h"
#include "in_child.h"
#include "prometheus/listener.h"
#include "reports.h"
#include "sanitizers.h"
#include "scrape.h"

#include <otel/metrics_sdk.h>
#include <otel/sdk.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char host_variable[] = "OTEL_EXPORTER_PROMETHEUS_HOST", port_variable[] = "OTEL_EXPORTER_PROMETHEUS_PORT";

#define SCOPE "otel_scope_name=\"bakery\",otel_scope_version=\"1.0\""

OTEL_TRACER(tracer, "bakery");
OTEL_METER(meter, "bakery", "1.0");
OTEL_COUNTER(loaves, meter, "bakery.loaves", "{loaf}", "Loaves that were baked.");
OTEL_HISTOGRAM(duration, meter, "bakery.duration", "s", "How long baking took.");
OTEL_OBSERVABLE_GAUGE_DOUBLE(heat, meter, "bakery.oven", "Cel", "How hot it is.");

static char answer[1 << 20];
static int port;
static _Atomic int failures;

static int begin(void **state) {
    (void)state;
    unsetenv(host_variable);
    setenv(port_variable, "0", 1);
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

static int end(void **state) {
    (void)state;
    otel_sdk_stop(5000);
    reports_stop();
    unsetenv(port_variable);
    unsetenv(host_variable);
    return 0;
}

static otel_status start_with(otel_metric_reader *reader) {
    const otel_status status = otel_sdk_start(OTEL_SDK(.service_name = "bakery", .sampler = otel_sampler_always_on(),
                                                       .diagnostic = reports_keep, .log_level = OTEL_LOG_DEBUG,
                                                       .metrics = OTEL_METRICS(.readers = OTEL_READERS(reader))));
    port = status == OTEL_OK ? otel_prometheus_port(reader) : 0;
    return status;
}

static const char *get(const char *headers) {
    assert_true(scrape_get(port, "/metrics", headers, answer, sizeof answer) > 0);
    return scrape_body(answer);
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

static void observe_heat(void *data, otel_observer *observer) {
    (void)data;
    otel_observe(observer, heat, 230.5);
}

static void what_is_measured_is_served(void **state) {
    (void)state;
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    const uint64_t observed = otel_observe_with(observe_heat, NULL);
    otel_add(loaves, 3, OTEL_ATTRS(OTEL_ATTR("flour", "rye")));
    otel_record(duration, 0.3);
    const char *page = get("");
    assert_non_null(
        strstr(page, "# TYPE bakery_loaves_total counter\nbakery_loaves_total{flour=\"rye\"," SCOPE "} 3\n"));
    assert_non_null(strstr(page, "\nbakery_duration_seconds_bucket{" SCOPE ",le=\"0.5\"} 1\n"));
    assert_non_null(strstr(page, "\nbakery_oven_celsius{" SCOPE "} 230.5\n"));
    assert_non_null(strstr(page, "service_name=\"bakery\""));
    otel_add(loaves, 4, OTEL_ATTRS(OTEL_ATTR("flour", "rye")));
    assert_non_null(strstr(get(""), "\nbakery_loaves_total{flour=\"rye\"," SCOPE "} 7\n"));
    otel_unobserve(observed);
}

static void a_measurement_in_a_sampled_span_is_an_exemplar(void **state) {
    (void)state;
    uint8_t id[16];
    char expected[64] = "trace_id=\"";
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    {
        OTEL_SPAN(span, tracer, "bake");
        otel_record(duration, 0.3);
        otel_span_trace_id(&span, id);
    }
    for (size_t i = 0; i < sizeof id; i++)
        snprintf(expected + strlen(expected), 3, "%02x", id[i]);
    assert_non_null(strstr(get("Accept: application/openmetrics-text\r\n"), strcat(expected, "\"} 0.3 ")));
    assert_null(strstr(get(""), "trace_id"));
}

static void *ask_often(void *data) {
    char *text = malloc(sizeof answer);
    (void)data;
    for (int i = 0; i < 50; i++)
        failures += !text || scrape_get(port, "/metrics", "Accept-Encoding: gzip\r\n", text, sizeof answer) <= 0;
    free(text);
    return NULL;
}

static void *measure_often(void *data) {
    (void)data;
    for (int i = 0; i < 1000; i++) {
        otel_add(loaves, 1);
        otel_record(duration, 0.001 * i, OTEL_ATTRS(OTEL_ATTR("oven", i % 20)));
    }
    return NULL;
}

static void many_ask_while_many_measure(void **state) {
    (void)state;
    pthread_t threads[16];
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? ask_often : measure_often, NULL), 0);
    for (size_t i = 0; i < 16; i++)
        pthread_join(threads[i], NULL);
    assert_non_null(strstr(get(""), "\nbakery_loaves_total{" SCOPE "} 8000\n"));
    assert_int_equal(failures, 0);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static void code_beats_the_environment(void **state) {
    (void)state;
    setenv(host_variable, "192.0.2.1", 1);
    setenv(port_variable, "1", 1);
    const otel_prometheus_options options = {
        .size = sizeof options,
        .host = "127.0.0.1",
        .port = OTEL_PROMETHEUS_ANY_PORT,
        .path = "/here",
        .without_target_info = true,
        .without_scope_labels = true,
    };
    assert_int_equal(start_with(otel_prometheus_reader(&options)), OTEL_OK);
    otel_add(loaves, 1);
    assert_true(scrape_get(port, "/here", "", answer, sizeof answer) > 0);
    assert_string_equal(scrape_body(answer), "# HELP bakery_loaves_total Loaves that were baked.\n"
                                             "# TYPE bakery_loaves_total counter\nbakery_loaves_total 1\n");
}

static void assert_refused(otel_prometheus_options options, const char *why) {
    otel_error error;
    options.size = sizeof options;
    options.error = &error;
    assert_null(otel_prometheus_reader(&options));
    assert_string_equal(error.text, why);
}

static void unusable_options_are_refused_with_a_reason(void **state) {
    (void)state;
    assert_refused((otel_prometheus_options){ .port = 65536 }, "otel_prometheus_options.port: 65536 is no port");
    assert_refused((otel_prometheus_options){ .path = "metrics" },
                   "otel_prometheus_options.path: \"metrics\" does not begin with a slash");
    assert_null(otel_prometheus_reader(&(otel_prometheus_options){ .port = -2 }));
    assert_true(reports_mention("the Prometheus reader could not be made: otel_prometheus_options.port: -2", NULL));
}

static void bad_values_of_the_environment_warn(void **state) {
    (void)state;
    setenv(port_variable, "65536", 1);
    otel_metric_reader *reader = otel_prometheus_reader(NULL);
    assert_non_null(reader);
    otel_metric_reader_destroy(reader);
    assert_true(reports_mention("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"));
}

static void a_library_that_does_not_fit_is_refused(void **state) {
    (void)state;
    const struct otel__prometheus_library older = { .abi = OTEL__PROMETHEUS_ABI + 1 };
    const struct otel__prometheus_library elsewhere = { .abi = OTEL__PROMETHEUS_ABI };
    assert_non_null(strstr(otel__prometheus_library_problem(&older), "another version"));
    assert_non_null(strstr(otel__prometheus_library_problem(&elsewhere), "another libotel-sdk"));
}

/* ---- starting and stopping --------------------------------------------------------------------------------------- */

static void a_port_in_use_is_reported_and_all_else_runs_on(void **state) {
    (void)state;
    struct otel__listeners taken;
    char why[128], number[16], expected[128];
    assert_null(otel__listen(&taken, "127.0.0.1", 0, why));
    snprintf(number, sizeof number, "%d", taken.port);
    snprintf(expected, sizeof expected, "metrics are not served at http://localhost:%s/metrics: the port is in use",
             number);
    setenv(port_variable, number, 1);
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    otel__listeners_close(&taken);
    assert_int_equal(port, 0);
    assert_true(reports_mention(expected, "OTEL_EXPORTER_PROMETHEUS_PORT"));
    assert_false(reports_mention("reader of metrics cannot begin", NULL)); /* which would say less */
    OTEL_SPAN(span, tracer, "bake");
    assert_true(otel_span_recording(&span));
    otel_add(loaves, 1);
}

static void after_a_stop_nobody_answers_and_a_start_serves_again(void **state) {
    (void)state;
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    const int before = port;
    otel_sdk_stop(5000);
    assert_int_equal(scrape_connect(before), -1);
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    otel_add(loaves, 2);
    assert_non_null(strstr(get(""), "\nbakery_loaves_total{" SCOPE "} 2\n"));
}

static int serves_nobody(void *data) {
    (void)data;
    STEP(reports_mention("metrics of this forked process are not served", NULL));
    STEP(scrape_get(port, "/metrics", "", answer, sizeof answer) > 0); /* the parent's */
    otel_add(loaves, 1);
    STEP(otel_sdk_stop(5000) == OTEL_OK);
    STEP(scrape_get(port, "/metrics", "", answer, sizeof answer) > 0);
    return 0;
}

static void a_forked_child_leaves_serving_to_its_parent(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    otel_add(loaves, 5);
    get("");
    assert_int_equal(in_child(serves_nobody, NULL), 0);
    assert_non_null(strstr(get(""), "\nbakery_loaves_total{" SCOPE "} 5\n"));
    assert_false(reports_mention("metrics of this forked process", NULL));
}

static _Atomic bool knocks;

static void *knock_always(void *data) {
    static char text[1 << 16];
    (void)data;
    while (knocks)
        scrape_get(port, "/metrics", "", text, sizeof text);
    return NULL;
}

/* Whether it is the server's end of a connection, which nobody has shut down. */
static bool is_served(int fd) {
    struct sockaddr_in here = { 0 };
    struct tcp_info info = { 0 };
    socklen_t len = sizeof here, info_len = sizeof info;
    return getsockname(fd, (struct sockaddr *)&here, &len) == 0 && here.sin_family == AF_INET &&
           ntohs(here.sin_port) == port && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) == 0 &&
           (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT);
}

static int holds_no_connection(void *data) {
    (void)data;
    for (int fd = 0; fd < 256; fd++)
        STEP(!is_served(fd));
    return 0;
}

/* Which would outlive the parent. */
static void a_child_has_no_connection_whenever_it_is_forked(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    pthread_t thread;
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    const int serving = port;
    knocks = true;
    assert_int_equal(pthread_create(&thread, NULL, knock_always, NULL), 0);
    int result = 0;
    for (unsigned i = 0; i < 300 && result == 0; i++)
        result = in_child(holds_no_connection, NULL);
    knocks = false;
    pthread_join(thread, NULL);
    assert_int_equal(result, 0);
    assert_int_equal(port, serving);
}

static _Atomic bool hangs;

static void observe_when_allowed(void *data, otel_observer *observer) {
    (void)data;
    while (hangs)
        usleep(1000);
    otel_observe(observer, heat, 1.0);
}

static void *ask_once(void *data) {
    static char text[1 << 16];
    (void)data;
    scrape_get(port, "/metrics", "", text, sizeof text);
    return NULL;
}

static void a_stop_keeps_its_deadline_while_a_scrape_hangs(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(start_with(otel_prometheus_reader(NULL)), OTEL_OK);
    hangs = true;
    const uint64_t observed = otel_observe_with(observe_when_allowed, NULL);
    assert_int_equal(pthread_create(&thread, NULL, ask_once, NULL), 0);
    usleep(200 * 1000);
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(300), OTEL_ERR_TIMEOUT);
    const uint64_t took = otel__clock_monotonic() - before;
    hangs = false;
    otel_unobserve(observed);
    pthread_join(thread, NULL);
    printf("measured: stop(300) while a callback hangs: %.0f ms\n", (double)took / 1e6);
    assert_in_range(took, 0, 10 * OTEL__SECOND); /* not for ever */
}

static void one_that_is_never_started_can_be_destroyed(void **state) {
    (void)state;
    otel_metric_reader *reader = otel_prometheus_reader(NULL);
    assert_int_equal(otel_prometheus_port(reader), 0);
    otel_metric_reader_destroy(reader);
    assert_int_equal(otel_prometheus_port(NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_measured_is_served),
        TEST(a_measurement_in_a_sampled_span_is_an_exemplar),
        TEST(many_ask_while_many_measure),
        TEST(code_beats_the_environment),
        TEST(unusable_options_are_refused_with_a_reason),
        TEST(bad_values_of_the_environment_warn),
        TEST(a_library_that_does_not_fit_is_refused),
        TEST(a_port_in_use_is_reported_and_all_else_runs_on),
        TEST(after_a_stop_nobody_answers_and_a_start_serves_again),
        TEST(a_forked_child_leaves_serving_to_its_parent),
        TEST(a_child_has_no_connection_whenever_it_is_forked),
        TEST(a_stop_keeps_its_deadline_while_a_scrape_hangs),
        TEST(one_that_is_never_started_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
