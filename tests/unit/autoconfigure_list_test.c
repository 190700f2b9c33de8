/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_list_test.c - OTEL_TRACES_EXPORTER with all exporters at once, of which one may fail. */
#include "fake_root.h"
#include "http_double.h"
#include "otlp_lines.h"
#include "reports.h"
#include "udp_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <otel/otlp.h>
#include <otel/sdk.h>

#include <cmocka.h>

enum { SPANS = 20 };
enum { OTLP, FILES, JAEGER, ZIPKIN, CONSOLE, EXPORTERS }; /* as in the list */

static const char *const names[EXPORTERS] = { "batch/otlp", "batch/otlp_file", "batch/jaeger", "batch/zipkin",
                                              "simple/console" };
static const char *const variables[] = {
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
    "OTEL_EXPORTER_JAEGER_PROTOCOL",
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    "OTEL_EXPORTER_JAEGER_AGENT_PORT",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_C_OTLP_FILE_PATH",
};
static const struct http_step accepted = { .status = 202 }, refused = { .status = 400 },
                              stall = { .action = HTTP_STALL };
static http_double *servers[EXPORTERS]; /* those over HTTP */
static int agent, own_output;
static char traces[256], console[256];
static otel_ledger ledger;

OTEL_TRACER(tracer, "autoconfigure_list_test");

static void clear_environment(void) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
}

static void set_number(const char *variable, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    setenv(variable, text, 1);
}

/* What the console exporter prints goes into a file, until see_own_output(). */
static void hide_output(const char *path) {
    fflush(stdout);
    own_output = dup(STDOUT_FILENO);
    assert_non_null(freopen(path, "w", stdout));
}

static void see_own_output(void) {
    fflush(stdout);
    dup2(own_output, STDOUT_FILENO);
    close(own_output);
    clearerr(stdout);
}

static void serve(int exporter, const struct http_step *step, const char *variable, const char *path) {
    servers[exporter] = http_double_start(step, 1);
    setenv(variable, http_double_url(servers[exporter], path), 1);
}

static int set_up(void **state) {
    (void)state;
    int port = 0;
    clear_environment();
    const char *folder = fake_root_make();
    snprintf(traces, sizeof traces, "%s/traces.jsonl", folder);
    snprintf(console, sizeof console, "%s/console.txt", folder);
    agent = udp_receiver_open("127.0.0.1", &port);
    setenv("OTEL_TRACES_EXPORTER", "otlp,otlp_file,jaeger,zipkin,console", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_HOST", "127.0.0.1", 1);
    set_number("OTEL_EXPORTER_JAEGER_AGENT_PORT", port);
    setenv("OTEL_C_OTLP_FILE_PATH", traces, 1);
    reports_start(OTEL_LOG_WARN);
    return agent < 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < EXPORTERS; i++) {
        if (servers[i])
            http_double_stop(servers[i]);
        servers[i] = NULL;
    }
    close(agent);
    clear_environment();
    fake_root_remove();
    reports_stop();
    return 0;
}

static void serve_both(const struct http_step *otlp, const struct http_step *zipkin) {
    serve(OTLP, otlp, "OTEL_EXPORTER_OTLP_ENDPOINT", "");
    serve(ZIPKIN, zipkin, "OTEL_EXPORTER_ZIPKIN_ENDPOINT", "/spans");
}

static void make_spans(void) {
    for (int i = 0; i < SPANS; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("work"));
        otel_span_end(&span);
    }
}

static const otel_ledger *read_ledger(void) {
    ledger = (otel_ledger){ .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return &ledger;
}

/* Of all but `failing`, which has lost them all; EXPORTERS: of all. */
static void assert_exported(int failing) {
    read_ledger();
    assert_int_equal(ledger.processor_count, EXPORTERS);
    for (int i = 0; i < EXPORTERS; i++) {
        assert_string_equal(ledger.processors[i].name, names[i]);
        assert_int_equal(ledger.processors[i].exported, i == failing ? 0 : SPANS);
        assert_int_equal(ledger.processors[i].dropped_failed, i == failing ? SPANS : 0);
    }
}

/* Everything but the name by the environment. */
static otel_status start(void) { return otel_sdk_start(OTEL_SDK(.service_name = "list", .diagnostic = reports_keep)); }

static otel_status run(const char *output) {
    hide_output(output);
    const otel_status status = start();
    make_spans();
    const otel_status stopped = otel_sdk_stop(20000);
    see_own_output();
    assert_int_equal(status, OTEL_OK);
    return stopped;
}

#define NEEDS_HTTP()                                                                                                   \
    do {                                                                                                               \
        otel_exporter *exporter = otel_otlp_exporter(NULL);                                                            \
        otel_exporter_destroy(exporter);                                                                               \
        if (!exporter)                                                                                                 \
            skip();                                                                                                    \
    } while (0)

static void assert_received_everywhere(void) {
    static uint8_t packet[70000];
    struct otlp_lines lines = { 0 };
    size_t len = 0;
    assert_int_equal(http_double_requests(servers[OTLP]), 1);
    assert_int_equal(http_double_requests(servers[ZIPKIN]), 1);
    assert_true(udp_receive(agent, packet, sizeof packet) > 0);
    assert_true(otlp_lines_add_file(&lines, traces));
    assert_int_equal(lines.spans, SPANS);
    char *printed = otlp_lines_content(console, &len);
    assert_non_null(printed);
    assert_non_null(strstr(printed, "work"));
    free(printed);
}

static void all_exporters_get_all_spans(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&accepted, &accepted);
    assert_int_equal(run(console), OTEL_OK);
    assert_exported(EXPORTERS);
    assert_received_everywhere();
    assert_int_equal(reports_count(), 0);
}

static void a_refusing_otlp_server_hinders_nobody(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&refused, &accepted);
    run(console);
    assert_exported(OTLP);
}

static void a_refusing_zipkin_server_hinders_nobody(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&accepted, &refused);
    run(console);
    assert_exported(ZIPKIN);
}

/* Over HTTP, where it is known. */
static void a_jaeger_collector_that_is_down_hinders_nobody(void **state) {
    (void)state;
    NEEDS_HTTP();
    int socket;
    char url[64];
    serve_both(&accepted, &accepted);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/traces", http_refused_port(&socket));
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "http/thrift.binary", 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", url, 1);
    setenv("OTEL_EXPORTER_JAEGER_TIMEOUT", "200", 1);
    run(console);
    unsetenv("OTEL_EXPORTER_JAEGER_TIMEOUT");
    close(socket);
    assert_exported(JAEGER);
}

static void a_full_terminal_hinders_nobody(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&accepted, &accepted);
    run("/dev/full");
    assert_exported(CONSOLE);
}

static void a_file_that_cannot_be_written_hinders_nobody(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&accepted, &accepted);
    setenv("OTEL_C_OTLP_FILE_PATH", "/nowhere/traces.jsonl", 1);
    run(console);
    assert_exported(FILES);
    assert_true(reports_mention("the otlp_file exporter cannot be used", "/nowhere/traces.jsonl"));
}

static bool others_are_done(void) {
    read_ledger();
    for (int i = OTLP + 1; i < EXPORTERS; i++)
        if (ledger.processors[i].exported != SPANS)
            return false;
    return true;
}

/* Its request is under way for a minute, in which the others export. */
static void a_server_that_hangs_holds_nobody_up(void **state) {
    (void)state;
    NEEDS_HTTP();
    serve_both(&stall, &accepted);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000", 1);
    hide_output(console);
    const otel_status started = start();
    make_spans();
    const otel_status flushed = otel_sdk_flush(500);
    for (int i = 0; i < 1000 && !others_are_done(); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    const uint64_t in_flight = read_ledger()->processors[OTLP].in_flight;
    const bool done = others_are_done();
    otel_sdk_stop(100);
    see_own_output();
    assert_int_equal(started, OTEL_OK);
    assert_int_equal(flushed, OTEL_ERR_TIMEOUT);
    assert_true(done);
    assert_int_equal(in_flight, SPANS);
    assert_exported(OTLP);
}

static void twice_is_once_and_unknown_names_are_left_out(void **state) {
    (void)state;
    setenv("OTEL_TRACES_EXPORTER", "console,logging,none,Console", 1);
    assert_int_equal(run(console), OTEL_OK);
    assert_int_equal(read_ledger()->processor_count, 1);
    assert_string_equal(ledger.processors[0].name, "simple/console");
    assert_int_equal(ledger.processors[0].exported, SPANS);
    assert_true(reports_mention("OTEL_TRACES_EXPORTER=\"console,logging,none,Console\": logging is unknown, console is "
                                "used once only, none is ignored beside other entries; it should be",
                                "; using console"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_exporters_get_all_spans),
        TEST(a_refusing_otlp_server_hinders_nobody),
        TEST(a_refusing_zipkin_server_hinders_nobody),
        TEST(a_jaeger_collector_that_is_down_hinders_nobody),
        TEST(a_full_terminal_hinders_nobody),
        TEST(a_file_that_cannot_be_written_hinders_nobody),
        TEST(a_server_that_hangs_holds_nobody_up),
        TEST(twice_is_once_and_unknown_names_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
