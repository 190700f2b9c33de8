/* SPDX-License-Identifier: Apache-2.0 */
/* http_client_test.c - the HTTP client against a server that misbehaves in every way. */
#include "http_client_fixture.h"

#include "base/sync.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void sends_the_request(void **state) {
    (void)state;
    http_double *server =
        START({ .body = "answer", .headers = "Content-Type: text/x; a=b\r\nretry-after:  7 \r\nLocation: /there\r\n" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    const struct otel__http_response *response = http_response(client);
    assert_int_equal(response->status, 200);
    assert_int_equal(response->body_len, 6);
    assert_memory_equal(response->body, "answer", 6);
    assert_string_equal(response->content_type, "text/x; a=b");
    assert_string_equal(response->retry_after, "7");
    assert_string_equal(response->location, "/there");

    const char *head = http_double_head(server, 0);
    assert_non_null(strstr(head, "POST /v1/traces?q=1 HTTP/1.1\r\n"));
    size_t len;
    assert_memory_equal(http_double_body(server, 0, &len), "hello", 5);
    assert_int_equal(len, 5);
    assert_header(server, 0, "Content-Type", "application/x-protobuf");
    assert_header(server, 0, "Authorization", "Basic abc");
    assert_header(server, 0, "X-Empty", "");
    assert_header(server, 0, "User-Agent", "Test/1");
    assert_header(server, 0, "Content-Length", "5");
    assert_header(server, 0, "Expect", NULL);
    assert_header(server, 0, "Content-Encoding", NULL);
    const char *type = strcasestr(head, "Content-Type:"); /* once, and not the user's */
    assert_null(strcasestr(type + 1, "Content-Type:"));
    otel__http_destroy(client);
    http_double_stop(server);
}

/* libcurl would wait for permission to send more than 1 MiB, and tidy the path up. */
static void the_request_is_sent_as_it_is(void **state) {
    (void)state;
    size_t len = 2 * 1024 * 1024;
    char *body = calloc(1, len);
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for_limit(http_double_url(server, "/a/../b//c/./?x=/../"), 100);
    assert_int_equal(http_post(client, body, len, in_ms(20000)), OTEL__HTTP_ANSWERED);
    assert_non_null(strstr(http_double_head(server, 0), "POST /a/../b//c/./?x=/../ HTTP/1.1\r\n"));
    assert_header(server, 0, "Expect", NULL);
    otel__http_destroy(client);
    http_double_stop(server);
    free(body);
}

/* The sockets of this process that lead to the server, all of which must be closed on exec(). */
static size_t sockets_to(http_double *server) {
    size_t count = 0;
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in peer = { 0 };
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || ntohs(peer.sin_port) != http_double_port(server))
            continue;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        count++;
    }
    return count;
}

static void programs_do_not_inherit_the_connection(void **state) {
    (void)state;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(sockets_to(server), 1);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void a_connection_is_kept(void **state) {
    (void)state;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    for (int i = 0; i < 20; i++)
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_double_requests(server), 20);
    assert_int_equal(http_double_connections(server), 1);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void a_kept_connection_that_died_is_replaced(void **state) {
    (void)state;
    static const enum http_action deaths[] = { HTTP_RESET, HTTP_CLOSE };
    for (size_t i = 0; i < 2; i++) {
        http_double *server = START({ .status = 200 }, { .action = deaths[i] }, { .status = 204 });
        struct otel__http_client *client = client_for(server);
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
        assert_int_equal(http_response(client)->status, 204);
        assert_int_equal(http_double_connections(server), 2);
        otel__http_destroy(client);
        http_double_stop(server);
    }
}

/*
 * The same while a large request is being written. libcurl repeats some of these by itself, depending on what it
 * notices first.
 */
static void a_kept_connection_that_dies_under_a_request(void **state) {
    (void)state;
    enum { ROUNDS = 200, LEN = 300000 };
    static struct http_step steps[3 * ROUNDS];
    static const char body[LEN];
    for (size_t i = 0; i < 3 * ROUNDS; i++)
        steps[i].action = i % 3 == 1 ? HTTP_RESET_INSIDE_REQUEST : HTTP_ANSWER;
    http_double *server = http_double_start(steps, 3 * ROUNDS);
    struct otel__http_client *client = client_for(server);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
        assert_int_equal(http_post(client, body, LEN, in_ms(20000)), OTEL__HTTP_ANSWERED);
    }
    assert_int_equal(http_double_requests(server), 3 * ROUNDS);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void a_server_that_hangs_up_after_each_answer(void **state) {
    (void)state;
    http_double *server = START({ .then_close = true });
    struct otel__http_client *client = client_for(server);
    for (int i = 0; i < 10; i++)
        assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    otel__http_destroy(client);
    http_double_stop(server);
}

/* A fresh connection that fails is a failure: it is the caller who decides whether to try again. */
static void broken_connections(void **state) {
    (void)state;
    static const enum http_action actions[] = { HTTP_RESET_ON_CONNECT, HTTP_RESET, HTTP_CLOSE,
                                                HTTP_RESET_INSIDE_ANSWER };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        http_double *server = START({ .action = actions[i], .body = "a longer answer" });
        struct otel__http_client *client = client_for(server);
        assert_int_equal(post(client), OTEL__HTTP_UNAVAILABLE);
        char host[64];
        snprintf(host, sizeof host, "127.0.0.1:%d", http_double_port(server));
        assert_non_null(strstr(http_response(client)->problem, host));
        if (actions[i] == HTTP_RESET) /* as a server of TLS does with what is no TLS */
            assert_string_equal(http_response(client)->hint, "Does the server want https there?");
        else if (actions[i] == HTTP_RESET_INSIDE_ANSWER)
            assert_null(http_response(client)->hint);
        assert_int_equal(http_double_requests(server), 1);
        otel__http_destroy(client);
        http_double_stop(server);
    }
}

/* What its headers would have said nobody knows, so that a 2xx among its first bytes is no success. */
static void an_answer_that_ends_inside_of_its_head(void **state) {
    (void)state;
    static const char *const answers[] = { "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                                           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
                                           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        http_double *server = START({ .action = HTTP_RAW, .body = answers[i] });
        struct otel__http_client *client = client_for(server);
        assert_int_equal(post(client), OTEL__HTTP_UNAVAILABLE);
        assert_non_null(strstr(http_response(client)->problem, " closed the connection inside of its answer"));
        otel__http_destroy(client);
        http_double_stop(server);
    }
    http_double *server = START(
        { .action = HTTP_RAW,
          .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\nx\r\n0\r\nT: t\r\n\r\n" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void nobody_listens(void **state) {
    (void)state;
    int socket;
    char url[64], expected[128];
    int port = http_refused_port(&socket);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    snprintf(expected, sizeof expected, "cannot connect to 127.0.0.1:%d: Connection refused", port);
    struct otel__http_client *client = client_for_limit(url, 100);
    assert_int_equal(post(client), OTEL__HTTP_UNAVAILABLE);
    assert_string_equal(http_response(client)->problem, expected);
    assert_string_equal(http_response(client)->hint, "Is a collector running there?");
    otel__http_destroy(client);
    close(socket);
}

/*
 * The process is out of descriptors, which is no reason to look at the server. They are used up rather than forbidden,
 * since poll() refuses more descriptors than the limit allows, and the server polls too.
 */
static void no_descriptor_left(void **state) {
    (void)state;
    enum { LIMIT = 64 };
    int spare[LIMIT], count = 0;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ LIMIT, before.rlim_max }), 0);
    while (count < LIMIT && (spare[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    enum otel__http_result result = post(client);
    while (count > 0)
        close(spare[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(result, OTEL__HTTP_UNAVAILABLE);
    assert_null(http_response(client)->hint);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void a_name_that_does_not_exist(void **state) {
    (void)state;
    /* A label of 64 letters: the resolver refuses it without asking anyone. */
#define NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid"
    struct otel__http_client *client = client_for_limit("http://" NAME ":4318/v1/traces", 100);
    assert_int_equal(post(client), OTEL__HTTP_UNAVAILABLE);
    assert_string_equal(http_response(client)->problem, "cannot find the address of " NAME);
    otel__http_destroy(client);
}

static void no_http(void **state) {
    (void)state;
    http_double *server = START({ .action = HTTP_RAW, .body = "\x01\x02\x1b[31mgarbage\r\n\r\nmore" });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_IMPOSSIBLE);
    assert_non_null(strstr(http_response(client)->problem, "does not answer in HTTP"));
    assert_null(strchr(http_response(client)->problem, '\x1b'));
    otel__http_destroy(client);
    http_double_stop(server);
}

static void a_deadline_ends_a_request(void **state) {
    (void)state;
    http_double *server = START({ .action = HTTP_STALL }, { .status = 200 });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(http_post(client, "x", 1, in_ms(1000)), OTEL__HTTP_TIMED_OUT);
    assert_non_null(strstr(http_response(client)->problem, "did not answer in time"));
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED); /* and the next one works, on a fresh connection */
    assert_int_equal(http_double_connections(server), 2);
    assert_int_equal(http_post(client, "x", 1, otel__clock_monotonic()), OTEL__HTTP_TIMED_OUT);
    otel__http_destroy(client);
    http_double_stop(server);
}

struct late_cancel {
    struct otel__http_client *client;
    http_double *server;
};

static void *cancel_later(void *argument) {
    struct late_cancel *job = argument;
    http_double_await(job->server, 1);
    otel__http_cancel(job->client);
    return NULL;
}

static void cancel_ends_a_request_and_all_later_ones(void **state) {
    (void)state;
    http_double *server = START({ .action = HTTP_STALL }, { .status = 200 });
    struct late_cancel job = { client_for(server), server };
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_later, &job);
    assert_int_equal(http_post(job.client, "x", 1, UINT64_MAX / 2), OTEL__HTTP_CANCELLED);
    assert_int_equal(post(job.client), OTEL__HTTP_CANCELLED);
    unsigned lane = 0;
    assert_int_equal(otel__http_run(job.client, UINT64_MAX / 2, &lane), OTEL__HTTP_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(http_double_requests(server), 1);
    otel__http_destroy(job.client);
    http_double_stop(server);
}

static void *cancel_now(void *argument) {
    nanosleep(&(struct timespec){ 0, 30000000 }, NULL);
    otel__http_cancel(argument);
    return NULL;
}

static void cancel_ends_a_wait(void **state) {
    (void)state;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    uint64_t until = in_ms(30);
    unsigned lane = 7;
    assert_int_equal(otel__http_run(client, until, &lane), OTEL__HTTP_UNDER_WAY);
    assert_true(otel__clock_monotonic() >= until);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_now, client);
    assert_int_equal(otel__http_run(client, UINT64_MAX / 2, &lane), OTEL__HTTP_CANCELLED);
    assert_int_equal(lane, 7);
    pthread_join(thread, NULL);
    otel__http_destroy(client);
    http_double_stop(server);
}

static void prepare_fork(struct otel__http_client *client) {
    otel__http_before_fork(client);
    while (!otel__http_at_rest(client))
        otel__nap();
}

static void fork_child(http_double *server, struct otel__http_client *client, bool expect_answer) {
    prepare_fork(client);
    pid_t child = fork();
    otel__http_after_fork(client, child == 0);
    if (child == 0) {
        bool answered = post(client) == OTEL__HTTP_ANSWERED && post(client) == OTEL__HTTP_ANSWERED;
        otel__http_destroy(client);
        _exit(answered == expect_answer ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    (void)server;
}

/* The child makes a connection of its own; the parent's stays usable: the child has closed it for itself only. */
static void a_forked_child_connects_anew(void **state) {
    (void)state;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    fork_child(server, client, true);
    assert_int_equal(http_double_connections(server), 2);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_double_connections(server), 2);
    assert_int_equal(http_double_requests(server), 4);
    otel__http_destroy(client);
    http_double_stop(server);
}

/* Or a server would hold connections of a parent that is gone for as long as any child lives. */
static void a_child_does_not_keep_the_parents_connection_open(void **state) {
    (void)state;
    http_double *server = START({ .status = 200 });
    struct otel__http_client *client = client_for(server);
    assert_int_equal(post(client), OTEL__HTTP_ANSWERED);
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    prepare_fork(client);
    pid_t child = fork();
    otel__http_after_fork(client, child == 0);
    if (child == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1); /* lives until the parent lets go */
    }
    otel__http_destroy(client);
    for (int i = 0; i < 10000 && http_double_open(server) > 0; i++)
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    assert_int_equal(http_double_open(server), 0);
    close(hold[0]);
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    http_double_stop(server);
}

static void *post_once(void *argument) { return (void *)(uintptr_t)http_post(argument, "x", 1, in_ms(20000)); }

/* Another thread waits for an answer: that holds nothing up, and both go on. */
static void a_fork_during_a_request(void **state) {
    (void)state;
    http_double *server = START({ .delay_ms = 300 }, { .status = 200 });
    struct otel__http_client *client = client_for(server);
    pthread_t thread;
    pthread_create(&thread, NULL, post_once, client);
    assert_true(http_double_await(server, 1));
    fork_child(server, client, true);
    void *result;
    pthread_join(thread, &result);
    assert_int_equal((uintptr_t)result, OTEL__HTTP_ANSWERED);
    otel__http_destroy(client);
    http_double_stop(server);
}

/* libcurl is told everything, so that it never looks into the environment by itself. */
static void the_environment_names_a_proxy(void **state) {
    (void)state;
    http_double *proxy = START({ .status = 200 });
    setenv("http_proxy", http_double_url(proxy, ""), 1);
    struct otel__http_client *through = client_for_limit("http://far.example.test:4318/v1/traces", 100);
    setenv("no_proxy", "127.0.0.1", 1);
    http_double *server = START({ .status = 200 });
    struct otel__http_client *direct = client_for(server);
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    assert_int_equal(post(through), OTEL__HTTP_ANSWERED); /* what was read at creation counts */
    assert_non_null(strstr(http_double_head(proxy, 0), "POST http://far.example.test:4318/v1/traces HTTP/1.1"));
    assert_int_equal(post(direct), OTEL__HTTP_ANSWERED);
    assert_int_equal(http_double_requests(server), 1);

    struct otel__http_client *before = client_for(server);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(post(before), OTEL__HTTP_ANSWERED);
    unsetenv("http_proxy");
    otel__http_destroy(through);
    otel__http_destroy(direct);
    otel__http_destroy(before);
    http_double_stop(proxy);
    http_double_stop(server);
}

/* The peer resets while a large body is being written: SIGPIPE must not reach the program. */
static void no_sigpipe(void **state) {
    (void)state;
    size_t len = 8 * 1024 * 1024;
    char *body = calloc(1, len);
    http_double *server = START({ .action = HTTP_RESET_ON_CONNECT });
    struct otel__http_client *client = client_for(server);
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(http_post(client, body, len, in_ms(20000)), OTEL__HTTP_UNAVAILABLE);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    otel__http_destroy(client);
    http_double_stop(server);
    free(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_the_request),
        cmocka_unit_test(the_request_is_sent_as_it_is),
        cmocka_unit_test(programs_do_not_inherit_the_connection),
        cmocka_unit_test(a_connection_is_kept),
        cmocka_unit_test(a_kept_connection_that_died_is_replaced),
        cmocka_unit_test(a_kept_connection_that_dies_under_a_request),
        cmocka_unit_test(a_server_that_hangs_up_after_each_answer),
        cmocka_unit_test(broken_connections),
        cmocka_unit_test(an_answer_that_ends_inside_of_its_head),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(no_descriptor_left),
        cmocka_unit_test(a_name_that_does_not_exist),
        cmocka_unit_test(no_http),
        cmocka_unit_test(a_deadline_ends_a_request),
        cmocka_unit_test(cancel_ends_a_request_and_all_later_ones),
        cmocka_unit_test(cancel_ends_a_wait),
        cmocka_unit_test(a_forked_child_connects_anew),
        cmocka_unit_test(a_child_does_not_keep_the_parents_connection_open),
        cmocka_unit_test(a_fork_during_a_request),
        cmocka_unit_test(the_environment_names_a_proxy),
        cmocka_unit_test(no_sigpipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
