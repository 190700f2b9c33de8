/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer_test.c - what the HTTP client makes of answers: large, compressed, cut, or not the last one. */
#include "http_client_fixture.h"

#include "common/http/http_gzip.h"

#include <stdio.h>
#include <string.h>

static void redirects_are_not_followed(void **state) {
    (void)state;
    http_double *server = START({ .status = 308, .headers = "Location: /elsewhere\r\n" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_response(client)->status, 308);
    assert_string_equal(http_response(client)->location, "/elsewhere");
    assert_int_equal(http_double_requests(server), 1);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void an_interim_answer_is_not_the_answer(void **state) {
    (void)state;
    http_double *server =
        START({ .action = HTTP_RAW,
                .body = "HTTP/1.1 103 Early\r\nRetry-After: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_response(client)->status, 200);
    assert_string_equal(http_response(client)->retry_after, "");
    otel__http_destroy(client);
    http_double_stop(server);
}

static void answers_are_bounded(void **state) {
    (void)state;
    char *huge = malloc(200000);
    memset(huge, 'x', 200000);
    const struct http_step steps[] = { { .body = huge, .body_len = 4096 },
                                       { .body = huge, .body_len = 4097 },
                                       { .body = huge, .body_len = 200000 },
                                       { .body = "fine" } };
    http_double *server = http_double_start(steps, 4);
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_response(client)->body_len, 4096);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(post(client), OTEL__HTTP_IMPOSSIBLE);
        assert_non_null(strstr(http_response(client)->problem, "larger than 4096 bytes"));
    }
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    otel__http_destroy(client);
    http_double_stop(server);
    free(huge);
}

/* `data` repeated, as a gzip stream; to be freed. */
static uint8_t *zipped(const char *data, size_t len, size_t times, size_t *size) {
    struct otel__gzip gzip = { .ready = false };
    assert_true(otel__gzip_begin(&gzip));
    for (size_t i = 1; i <= times; i++)
        assert_true(otel__gzip_add(&gzip, data, len, i == times));
    uint8_t *copy = malloc(gzip.len);
    memcpy(copy, gzip.data, gzip.len);
    *size = gzip.len;
    otel__gzip_free(&gzip);
    return copy;
}

/* The bound is one of what comes out of the stream. */
static void compressed_answers_are_read_and_bounded(void **state) {
    (void)state;
    static const char kilobyte[1024] = { 'x' };
    static const char encoded[] = "Content-Encoding: gzip\r\n";
    size_t fine_size, exact_size, bomb_size;
    uint8_t *fine = zipped("answer", 6, 1, &fine_size), *exact = zipped(kilobyte, 1024, 4, &exact_size);
    uint8_t *bomb = zipped(kilobyte, 1024, 20000, &bomb_size);
    http_double *server = START({ .headers = encoded, .body = fine, .body_len = fine_size },
                                { .headers = encoded, .body = exact, .body_len = exact_size },
                                { .headers = encoded, .body = bomb, .body_len = bomb_size }, { .body = "plain" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_header(server, 0, "accept-encoding", "gzip");
    assert_header(server, 0, "content-encoding", NULL);
    assert_int_equal(http_response(client)->body_len, 6);
    assert_memory_equal(http_response(client)->body, "answer", 6);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_response(client)->body_len, 4096);
    assert_int_equal(post(client), OTEL__HTTP_IMPOSSIBLE);
    assert_non_null(strstr(http_response(client)->problem, "larger than 4096 bytes"));
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_response(client)->body_len, 5);
    otel__http_destroy(client);
    http_double_stop(server);
    free(fine);
    free(exact);
    free(bomb);
}

/* The status counts: spans that a server took must not count as lost. */
static void a_body_that_cannot_be_decompressed_says_nothing(void **state) {
    (void)state;
    http_double *server = START({ .headers = "Content-Encoding: gzip\r\n", .body = "no stream of gzip at all" },
                                { .status = 503, .headers = "Content-Encoding: zstd\r\n", .body = "(whatever)" });
    struct otel__http_client *client = client_for(server);
    static const int statuses[] = { 200, 503 };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
        assert_int_equal(http_response(client)->status, statuses[i]);
        assert_int_equal(http_response(client)->body_len, 0);
    }
    otel__http_destroy(client);
    http_double_stop(server);
}

static void headers_are_bounded(void **state) {
    (void)state;
    char *many = calloc(1, 200001);
    for (size_t i = 0; i < 200000; i += 20)
        memcpy(many + i, "X-Filler: 12345678\r\n", 20);
    http_double *server = START({ .headers = many }, { .status = 200 });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_IMPOSSIBLE);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    otel__http_destroy(client);
    http_double_stop(server);
    free(many);
}

static void long_header_values_are_cut(void **state) {
    (void)state;
    char line[3000] = "Location: ";
    memset(line + 10, 'y', 2900);
    strcpy(line + 2910, "\r\n");
    http_double *server = START({ .status = 301, .headers = line });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(strlen(http_response(client)->location), sizeof http_response(client)->location - 1);
    otel__http_destroy(client);
    http_double_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(an_interim_answer_is_not_the_answer),
        cmocka_unit_test(answers_are_bounded),
        cmocka_unit_test(compressed_answers_are_read_and_bounded),
        cmocka_unit_test(a_body_that_cannot_be_decompressed_says_nothing),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(long_header_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
