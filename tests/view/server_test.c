/* SPDX-License-Identifier: Apache-2.0 */
/* The real program, end to end: what clients are answered, what it prints and serves. */
#include "fixture.h"
#include "ingest.h"
#include "program.h"

#include "trace_response.pb-c.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define PROTOBUF "Content-Type: application/x-protobuf"

static const char *const no_arguments[] = { NULL };

static void assert_status(struct reply reply, long status) {
    assert_int_equal(reply.status, status);
    reply_clear(&reply);
}

/* The body is a google.rpc.Status with this code and some text. */
static void assert_refused(struct reply reply, long http_status, int32_t code) {
    assert_int_equal(reply.status, http_status);
    assert_string_equal(reply.content_type, "application/x-protobuf");
    Otel__Rpc__Status *status = otel__rpc__status__unpack(NULL, reply.len, reply.body);
    assert_non_null(status);
    assert_int_equal(status->code, code);
    assert_true(status->message.len > 0);
    otel__rpc__status__free_unpacked(status, NULL);
    reply_clear(&reply);
}

static void assert_response(struct reply reply, int64_t rejected) {
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "application/x-protobuf");
    Otel__Rpc__ExportTraceServiceResponse *response =
        otel__rpc__export_trace_service_response__unpack(NULL, reply.len, reply.body);
    assert_non_null(response);
    assert_int_equal(response->partial_success ? response->partial_success->rejected_spans : 0, rejected);
    if (rejected > 0) {
        assert_true(response->partial_success->error_message.len > 0);
    }
    otel__rpc__export_trace_service_response__free_unpacked(response, NULL);
    reply_clear(&reply);
}

static void post_search(const struct program *program, size_t from, size_t count) {
    struct fixture_bytes request = fixture_request(fixture_search + from, count);
    assert_response(program_post_traces(program, request.bytes, request.len), 0);
    free(request.bytes);
}

static void wait_until_finished(const struct program *program) {
    const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
    for (unsigned tries = 0; tries < 1500; tries++) {
        json_t *list = program_json(program, "/api/traces");
        json_t *trace = json_array_get(json_object_get(list, "traces"), 0);
        bool finished = json_is_true(json_object_get(trace, "finished"));
        json_decref(list);
        if (finished) {
            return;
        }
        nanosleep(&pause, NULL);
    }
    fail_msg("the trace is not finished");
}

static void test_two_services_one_tree(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    post_search(&program, 6, fixture_search_count - 6);
    post_search(&program, 0, 6);
    wait_until_finished(&program);

    json_t *trace = program_json(&program, "/api/traces/4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b");
    assert_int_equal(json_array_size(json_object_get(trace, "spans")), 15);
    json_decref(trace);
    assert_int_equal(program_stat(&program, "spans", "received"), 15);
    assert_int_equal(program_stat(&program, "traces", "kept"), 1);

    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_non_null(strstr(program.output, "otel-view: listening on 127.0.0.1 port "));
    const char *tree = strstr(program.output, "trace 4b4b");
    assert_non_null(tree);
    assert_non_null(strstr(tree, "15 spans  4 errors\n"));
    assert_null(strstr(tree + 1, "trace 4b4b"));
    assert_non_null(strstr(tree, "otel-view: 15 spans in 1 traces received with 2 requests"));
    assert_null(strchr(program.output, '\033'));
    program_clear(&program);
}

static void test_a_signal_shows_what_is_unfinished(void **state) {
    (void)state;
    const char *const arguments[] = { "--settle", "600000", "--patience", "600000", "--color", "always", NULL };
    struct program program;
    program_start(&program, arguments);
    post_search(&program, 0, 6);
    assert_int_equal(program_stop(&program, SIGINT), 0);
    assert_non_null(strstr(program.output, "6 spans"));
    assert_non_null(strchr(program.output, '\033'));
    program_clear(&program);
}

static void test_headers_decide(void **state) {
    static const char *const text[] = { "Content-Type: text/json", NULL };
    static const char *const none[] = { "Content-Type:", NULL };
    static const char *const longer[] = { "Content-Type: application/x-protobuffer", NULL };
    static const char *const with_parameter[] = { "Content-Type: Application/X-Protobuf; charset=utf-8", NULL };
    static const char *const brotli[] = { PROTOBUF, "Content-Encoding: br", NULL };
    static const char *const identity[] = { PROTOBUF, "Content-Encoding: identity", NULL };
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    assert_status(program_request(&program, "/v1/traces", text, "{}", 2), 415);
    assert_status(program_request(&program, "/v1/traces", none, "", 0), 415);
    assert_status(program_request(&program, "/v1/traces", longer, "", 0), 415);
    assert_status(program_request(&program, "/v1/traces", brotli, "", 0), 415);
    assert_response(program_request(&program, "/v1/traces", with_parameter, "", 0), 0);
    assert_response(program_request(&program, "/v1/traces", identity, "", 0), 0);
    assert_int_equal(program_stat(&program, "requests", "rejected"), 4);
    assert_int_equal(program_stat(&program, "requests", "accepted"), 2);
    program_clear(&program);
}

static void test_bodies_decide(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    assert_refused(program_post_traces(&program, "garbage", 7), 400, 3);
    struct fixture_bytes deep = fixture_nested(30000);
    assert_refused(program_post_traces(&program, deep.bytes, deep.len), 400, 3);
    free(deep.bytes);
    /* A span with an empty trace id, and nothing else. */
    const uint8_t no_id[] = { 0x0A, 4, 0x12, 2, 0x12, 0 };
    assert_response(program_post_traces(&program, no_id, sizeof no_id), 1);
    assert_int_equal(program_stat(&program, "spans", "rejected"), 1);
    program_clear(&program);
}

static void test_large_bodies(void **state) {
    static const char *const chunked[] = { PROTOBUF, "Transfer-Encoding: chunked", NULL };
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    uint8_t *body = calloc(1, VIEW_MAX_BODY + 1u);
    assert_non_null(body);
    assert_refused(program_post_traces(&program, body, VIEW_MAX_BODY + 1u), 413, 8);
    assert_refused(program_request(&program, "/v1/traces", chunked, body, VIEW_MAX_BODY + 1u), 413, 8);
    assert_refused(program_post_traces(&program, body, VIEW_MAX_BODY), 400, 3);
    free(body);
    program_clear(&program);
}

/* The client asks, and is answered before it sends the body. */
static void test_an_announced_large_body_is_refused_at_once(void **state) {
    static const char head[] = "POST /v1/traces HTTP/1.1\r\nHost: x\r\n" PROTOBUF
                               "\r\nExpect: 100-continue\r\nContent-Length: 67108865\r\n\r\n";
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    int fd = program_connect(&program);
    char answer[64] = "";
    assert_int_equal(send(fd, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
    assert_true(recv(fd, answer, sizeof answer - 1, 0) > 12);
    assert_memory_equal(answer, "HTTP/1.1 413", 12);
    close(fd);
    program_clear(&program);
}

static void test_gzip_bodies(void **state) {
    static const char *const gzip[] = { PROTOBUF, "Content-Encoding: gzip", NULL };
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    struct fixture_bytes request = fixture_request(fixture_search, fixture_search_count);
    uint8_t packed[8192];
    z_stream stream = {
        .next_in = request.bytes, .avail_in = (uInt)request.len, .next_out = packed, .avail_out = sizeof packed
    };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    size_t len = sizeof packed - stream.avail_out;
    assert_response(program_request(&program, "/v1/traces", gzip, packed, len), 0);
    assert_int_equal(program_stat(&program, "spans", "kept"), 15);
    assert_refused(program_request(&program, "/v1/traces", gzip, packed, len - 9), 400, 3);
    assert_refused(program_request(&program, "/v1/traces", gzip, request.bytes, request.len), 400, 3);
    free(request.bytes);
    program_clear(&program);
}

static void test_paths_and_methods(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    assert_status(program_get(&program, "/health"), 200);
    assert_status(program_get(&program, "/"), 404);
    assert_status(program_get(&program, "/v1/traces"), 405);
    assert_status(program_get(&program, "/v1/traces/"), 404);
    assert_status(program_request(&program, "/api/stats", NULL, "x", 1), 405);
    assert_status(program_request(&program, "/api/traces", NULL, "x", 1), 415);
    assert_status(program_get(&program, "/api/traces/"), 400);
    assert_status(program_get(&program, "/api/traces/4b"), 400);
    assert_status(program_get(&program, "/api/traces/4b4b4b4b4b4b4b4b4b4b4b4b4b4b4bxx"), 400);
    assert_status(program_get(&program, "/api/traces/4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b"), 404);
    post_search(&program, 0, 1);
    assert_status(program_get(&program, "/api/traces/4B4B4B4B4B4B4B4B4B4B4B4B4B4B4B4B"), 200);
    program_clear(&program);
}

static void assert_ignored(struct reply reply, const char *type, const char *body) {
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, type);
    assert_int_equal(reply.len, strlen(body));
    assert_memory_equal(reply.body ? reply.body : (const void *)"", body, reply.len);
    reply_clear(&reply);
}

/* In whatever form; an empty body is an ExportMetricsServiceResponse. */
static void test_metrics_are_taken_and_thrown_away(void **state) {
    (void)state;
    static const char *const protobuf[] = { PROTOBUF, NULL }, *const json[] = { "Content-Type: application/json",
                                                                                NULL };
    static char large[1 << 20];
    struct program program;
    program_start(&program, no_arguments);
    assert_ignored(program_request(&program, "/v1/metrics", protobuf, "\x0a", 1), "application/x-protobuf", "");
    assert_ignored(program_request(&program, "/v1/metrics", protobuf, large, sizeof large), "application/x-protobuf",
                   "");
    assert_ignored(program_request(&program, "/v1/metrics", json, "{}", 2), "application/json", "{}");
    assert_status(program_get(&program, "/v1/metrics"), 405);
    json_t *stats = program_json(&program, "/api/stats");
    assert_non_null(stats);
    json_decref(stats);
    program_clear(&program);
}

static void test_the_store_is_bounded(void **state) {
    (void)state;
    const char *const arguments[] = { "--max-traces", "3", "--quiet", NULL };
    struct program program;
    program_start(&program, arguments);
    struct fixture_span spans[10];
    for (size_t i = 0; i < 10; i++) {
        spans[i] = (struct fixture_span){ .service = "a", .trace = (uint8_t)(i + 1), .id = 1, .name = "x" };
    }
    struct fixture_bytes request = fixture_request(spans, 10);
    assert_response(program_post_traces(&program, request.bytes, request.len), 0);
    free(request.bytes);
    assert_int_equal(program_stat(&program, "traces", "kept"), 3);
    assert_int_equal(program_stat(&program, "traces", "evicted"), 7);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_null(strstr(program.output, "trace 0"));
    program_clear(&program);
}

static void test_a_port_in_use(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    char port[8];
    snprintf(port, sizeof port, "%u", program.port);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fclose(stderr);
        execl(VIEW_PROGRAM, VIEW_PROGRAM, "--port", port, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    program_clear(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_services_one_tree),
        cmocka_unit_test(test_a_signal_shows_what_is_unfinished),
        cmocka_unit_test(test_headers_decide),
        cmocka_unit_test(test_bodies_decide),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_an_announced_large_body_is_refused_at_once),
        cmocka_unit_test(test_gzip_bodies),
        cmocka_unit_test(test_paths_and_methods),
        cmocka_unit_test(test_metrics_are_taken_and_thrown_away),
        cmocka_unit_test(test_the_store_is_bounded),
        cmocka_unit_test(test_a_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
