/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_jaeger_test.c - where the Jaeger exporter sends what, as code and environment say. */
#include "autoconfigure.h"

#include "batch_double.h"
#include "http_double.h"
#include "in_child.h"
#include "reports.h"
#include "sanitizers.h"
#include "thrift_dump.h"
#include "udp_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const variables[] = {
    "OTEL_EXPORTER_JAEGER_PROTOCOL",   "OTEL_EXPORTER_JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_TIMEOUT",
    "OTEL_EXPORTER_JAEGER_USER",       "OTEL_EXPORTER_JAEGER_PASSWORD", "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    "OTEL_EXPORTER_JAEGER_AGENT_PORT", "OTEL_TRACES_EXPORTER",
};

static const struct http_step answer = { .status = 202 }, stall = { .action = HTTP_STALL };
static http_double *server; /* NULL in a build without HTTP */
static int agent, agent_port;
static char port_text[8];
static otel_error error;

OTEL_TRACER(lib, "lib");

static int set_up(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    agent_port = 0;
    agent = udp_receiver_open("127.0.0.1", &agent_port);
    snprintf(port_text, sizeof port_text, "%d", agent_port);
    otel_exporter *exporter = otel_jaeger_exporter(NULL);
    server = exporter ? http_double_start(&answer, 1) : NULL;
    otel_exporter_destroy(exporter);
    reports_start(OTEL_LOG_WARN);
    error = (otel_error){ "" };
    return agent < 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    if (server)
        http_double_stop(server);
    close(agent);
    reports_stop();
    return 0;
}

#define NEEDS_HTTP()                                                                                                   \
    if (!server)                                                                                                       \
    skip()

/* Exports one span; the result of that, or -1 when there is no exporter. */
static int export_one(otel_jaeger_options options) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .scope = &scope };
    options.size = sizeof options;
    options.error = &error;
    otel_exporter *exporter = otel_jaeger_exporter(&options);
    if (!exporter)
        return -1;
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    const otel_status status = batch_double_export(exporter, batch, 0, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    return (int)status;
}

/* The first byte of the datagram that has come: it names the protocol. */
static int first_byte(void) {
    static uint8_t packet[70000];
    assert_true(udp_receive(agent, packet, sizeof packet) > 0);
    return packet[0];
}

enum { COMPACT = 0x82, BINARY = 0x80 };

static void gzip_on_request(void **state) {
    (void)state;
    NEEDS_HTTP();
    const char *url = http_double_url(server, "/api/traces");
    assert_int_equal(export_one((otel_jaeger_options){ .endpoint = url }), OTEL_OK);
    assert_null(strstr(http_double_head(server, 0), "Content-Encoding"));
    assert_int_equal(export_one((otel_jaeger_options){ .endpoint = url, .gzip = true }), OTEL_OK);
    assert_non_null(strstr(http_double_head(server, 1), "Content-Encoding: gzip\r\n"));
}

static void files_of_tls_are_read_where_there_is_tls(void **state) {
    (void)state;
    NEEDS_HTTP();
    otel_jaeger_options options = { .endpoint = "https://127.0.0.1:1/", .certificate_file = "/nonexistent" };
    assert_int_equal(export_one(options), -1);
    assert_non_null(strstr(error.text, "otel_jaeger_options.certificate_file"));
    options.endpoint = http_double_url(server, "/api/traces");
    assert_int_equal(export_one(options), OTEL_OK);
    assert_true(reports_mention("otel_jaeger_options.certificate_file is of no use", "does not begin with https://"));
}

static void a_collector_that_is_not_there_is_named(void **state) {
    (void)state;
    NEEDS_HTTP();
    int socket;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/traces", http_refused_port(&socket));
    assert_true(export_one((otel_jaeger_options){ .endpoint = url, .timeout_ms = 100 }) > OTEL_OK);
    close(socket);
    assert_true(reports_mention("Connection refused", "Is a Jaeger collector running there?"));
}

/* ---- the environment --------------------------------------------------------------------------------------------- */

static void http_is_the_default(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", http_double_url(server, "/some/path?x=1"), 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_non_null(strstr(http_double_head(server, 0), "POST /some/path?x=1 HTTP/1.1"));
}

/* A proxy hears where a request is to go, whether or not anybody is there. */
static void without_any_setting_it_is_a_collector_on_localhost(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv("http_proxy", http_double_url(server, ""), 1);
    const int status = export_one((otel_jaeger_options){ 0 });
    unsetenv("http_proxy");
    assert_int_equal(status, OTEL_OK);
    assert_non_null(strstr(http_double_head(server, 0), "POST http://localhost:14268/api/traces HTTP/1.1"));
}

static void the_environment_chooses_protocol_and_agent(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_AGENT_HOST", "127.0.0.1", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_PORT", port_text, 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_int_equal(first_byte(), COMPACT);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.binary", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_int_equal(first_byte(), BINARY);
    assert_int_equal(reports_count(), 0);
}

/* Nothing is sent to an address of all hosts without asking for that: the report names the port. */
static void each_encoding_has_a_port_of_its_own(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_AGENT_HOST", "255.255.255.255", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_EXPORT);
    assert_true(reports_mention("the agent at 255.255.255.255:6831", NULL));
    reports_stop();
    reports_start(OTEL_LOG_WARN);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.binary", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_EXPORT);
    assert_true(reports_mention("the agent at 255.255.255.255:6832", NULL));
}

static void user_and_password_come_from_the_environment(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", http_double_url(server, "/"), 1);
    setenv("OTEL_EXPORTER_JAEGER_USER", "Aladdin", 1);
    setenv("OTEL_EXPORTER_JAEGER_PASSWORD", "open sesame", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    char *sent = http_double_header(server, 0, "Authorization");
    assert_string_equal(sent, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    free(sent);
}

static void one_of_user_and_password_alone_is_not_sent(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", http_double_url(server, "/"), 1);
    setenv("OTEL_EXPORTER_JAEGER_PASSWORD", "secret", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_null(http_double_header(server, 0, "Authorization"));
    assert_true(reports_mention("has a password, but no user", NULL));
    assert_false(reports_mention("secret", NULL));
}

static void the_environment_bounds_an_export(void **state) {
    (void)state;
    NEEDS_HTTP();
    http_double *slow = http_double_start(&stall, 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", http_double_url(slow, "/"), 1);
    setenv("OTEL_EXPORTER_JAEGER_TIMEOUT", "50", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_TIMEOUT);
    http_double_stop(slow);
}

static void what_is_no_good_gives_way_to_the_default(void **state) {
    (void)state;
    static const struct {
        const char *variable, *value, *instead;
    } cases[] = {
        { "OTEL_EXPORTER_JAEGER_PROTOCOL", "udp", "using the default, http/thrift.binary" },
        { "OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc", "using http/thrift.binary" }, /* without libotel-grpc */
        { "OTEL_EXPORTER_JAEGER_ENDPOINT", "ftp://x", "using the default, http://localhost:14268/api/traces" },
        { "OTEL_EXPORTER_JAEGER_TIMEOUT", "-1", "using the default, 10000" },
        { "OTEL_EXPORTER_JAEGER_AGENT_PORT", "0", "ignored" },
        { "OTEL_EXPORTER_JAEGER_AGENT_PORT", "65536", "ignored" },
        { "OTEL_EXPORTER_JAEGER_USER", "a:b", "ignored" },
    };
    NEEDS_HTTP();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv(cases[i].variable, cases[i].value, 1);
        otel_exporter *exporter = otel_jaeger_exporter(NULL);
        assert_non_null(exporter);
        otel_exporter_destroy(exporter);
        assert_true(reports_mention(cases[i].variable, cases[i].instead));
        unsetenv(cases[i].variable);
        reports_stop();
        reports_start(OTEL_LOG_WARN);
    }
}

static void a_host_in_the_environment_that_is_none_gives_way_to_localhost(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_HOST", "http://agent", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_PORT", port_text, 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_int_equal(first_byte(), COMPACT);
    assert_true(reports_mention("OTEL_EXPORTER_JAEGER_AGENT_HOST", "using the default, localhost"));
}

static void empty_variables_count_as_unset(void **state) {
    (void)state;
    NEEDS_HTTP();
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        setenv(variables[i], "", 1);
    otel_exporter *exporter = otel_jaeger_exporter(NULL);
    assert_non_null(exporter);
    assert_string_equal(batch_double_ops(exporter)->name, "jaeger");
    otel_exporter_destroy(exporter);
    assert_int_equal(reports_count(), 0);
}

/* ---- code -------------------------------------------------------------------------------------------------------- */

static void code_beats_the_environment(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_AGENT_HOST", "192.0.2.1", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_PORT", "1", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    assert_int_equal(export_one((otel_jaeger_options){ .protocol = OTEL_JAEGER_UDP_THRIFT_BINARY,
                                                       .agent_host = "127.0.0.1",
                                                       .agent_port = agent_port }),
                     OTEL_OK);
    assert_int_equal(first_byte(), BINARY);
}

static void code_beats_the_environment_over_http(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", "http://192.0.2.1/", 1);
    setenv("OTEL_EXPORTER_JAEGER_USER", "other", 1);
    setenv("OTEL_EXPORTER_JAEGER_PASSWORD", "other", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    assert_int_equal(export_one((otel_jaeger_options){ .protocol = OTEL_JAEGER_HTTP_THRIFT_BINARY,
                                                       .endpoint = http_double_url(server, "/mine"),
                                                       .user = "u",
                                                       .password = "" }),
                     OTEL_OK);
    char *sent = http_double_header(server, 0, "Authorization");
    assert_string_equal(sent, "Basic dTo=");
    free(sent);
}

static void what_is_no_good_in_code_makes_creation_fail(void **state) {
    (void)state;
    static const struct {
        otel_jaeger_options options;
        const char *why;
    } cases[] = {
        { { .protocol = 5 }, "otel_jaeger_options.protocol: it is no otel_jaeger_protocol" },
        { { .protocol = -1 }, "otel_jaeger_options.protocol: it is no otel_jaeger_protocol" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .agent_port = 65536 },
          "agent_port: it is not from 1 to 65535" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .agent_port = -1 }, "agent_port: it is not from 1 to 65535" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .max_packet_bytes = 999 }, "it is not from 1000 to 65000" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .max_packet_bytes = 65001 }, "it is not from 1000 to 65000" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .agent_host = "" }, "agent_host: it is empty" },
        { { .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT, .agent_host = "a b" }, "it is neither a name nor an address" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(export_one(cases[i].options), -1);
        assert_non_null(strstr(error.text, cases[i].why));
    }
    if (!server) {
        assert_int_equal(export_one((otel_jaeger_options){ 0 }), -1);
        assert_non_null(strstr(error.text, "OTEL_WITH_CURL=OFF"));
        return;
    }
    assert_int_equal(export_one((otel_jaeger_options){ .endpoint = "localhost:14268" }), -1);
    assert_non_null(strstr(error.text, "otel_jaeger_options.endpoint"));
    assert_int_equal(export_one((otel_jaeger_options){ .user = "a:b", .password = "" }), -1);
    assert_non_null(strstr(error.text, "otel_jaeger_options.user"));
}

static void a_smaller_datagram_can_be_asked_for(void **state) {
    (void)state;
    static char text[1500];
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    memset(text, 'x', sizeof text);
    const otel_span_data span = { .trace_id = id, .span_id = id, .scope = &scope, .name = { text, sizeof text } };
    otel_exporter *exporter = otel_jaeger_exporter(&(otel_jaeger_options){ .size = sizeof(otel_jaeger_options),
                                                                           .protocol = OTEL_JAEGER_UDP_THRIFT_COMPACT,
                                                                           .agent_port = agent_port,
                                                                           .max_packet_bytes = 1000 });
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(batch_double_too_large(), 1);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
}

/* ---- the whole SDK ----------------------------------------------------------------------------------------------- */

static void the_environment_chooses_the_exporter(void **state) {
    (void)state;
    setenv("OTEL_TRACES_EXPORTER", "jaeger", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.compact", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_PORT", port_text, 1);
    assert_int_equal(otel_sdk_start(NULL), OTEL_OK);
    otel_span span = otel_span_start(lib, OTEL_START("work"));
    otel_span_end(&span);
    assert_int_equal(otel_sdk_stop(20000), OTEL_OK);
    assert_int_equal(first_byte(), COMPACT);
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    assert_string_equal(ledger.processors[0].name, "batch/jaeger");
    assert_int_equal(ledger.processors[0].exported, 1);
}

static void end_a_span(void) {
    const otel_span span = otel_span_start(lib, OTEL_START("work"));
    otel_span_end(&span);
}

static int export_in_child(void *argument) {
    (void)argument;
    end_a_span();
    STEP(otel_sdk_flush(20000) == OTEL_OK);
    STEP(otel_sdk_stop(20000) == OTEL_OK);
    return 0;
}

/* Whose batches are numbered from 1 again: it is another client, with another socket. */
static void a_forked_child_exports_its_own_spans(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    static uint8_t packet[70000];
    const int64_t numbers[] = { 1, 1, 2 };
    setenv("OTEL_TRACES_EXPORTER", "jaeger", 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "udp/thrift.binary", 1);
    setenv("OTEL_EXPORTER_JAEGER_AGENT_PORT", port_text, 1);
    assert_int_equal(otel_sdk_start(NULL), OTEL_OK);
    for (int i = 0; i < 3; i++) {
        if (i == 1) {
            assert_int_equal(in_child(export_in_child, NULL), 0);
        } else {
            end_a_span();
            assert_int_equal(otel_sdk_flush(20000), OTEL_OK);
        }
        int64_t number = 0;
        const ssize_t len = udp_receive(agent, packet, sizeof packet);
        assert_true(len > 0);
        assert_int_equal(thrift_count_spans(packet, (size_t)len, &number), 1);
        assert_int_equal(number, numbers[i]);
    }
    assert_int_equal(otel_sdk_stop(20000), OTEL_OK);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(http_is_the_default),
        test(without_any_setting_it_is_a_collector_on_localhost),
        test(the_environment_chooses_protocol_and_agent),
        test(each_encoding_has_a_port_of_its_own),
        test(user_and_password_come_from_the_environment),
        test(one_of_user_and_password_alone_is_not_sent),
        test(the_environment_bounds_an_export),
        test(what_is_no_good_gives_way_to_the_default),
        test(a_host_in_the_environment_that_is_none_gives_way_to_localhost),
        test(empty_variables_count_as_unset),
        test(code_beats_the_environment),
        test(code_beats_the_environment_over_http),
        test(what_is_no_good_in_code_makes_creation_fail),
        test(a_smaller_datagram_can_be_asked_for),
        test(gzip_on_request),
        test(files_of_tls_are_read_where_there_is_tls),
        test(a_collector_that_is_not_there_is_named),
        test(the_environment_chooses_the_exporter),
        test(a_forked_child_exports_its_own_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
