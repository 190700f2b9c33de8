/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c - the HTTP server that shows one page: what it answers, and whom it does not wait for. */
#include "prometheus/server.h"

#include "base/clock.h"
#include "in_child.h"
#include "scrape.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct otel__server *server;
static int port;
static otel_status status;
static size_t page_size;
static _Atomic int page_ms;

static otel_status write_page(void *data, bool openmetrics, struct otel__page *page) {
    (void)data;
    if (page_ms)
        usleep((useconds_t)page_ms * 1000);
    otel__page_text(page, openmetrics ? "open\n" : "text\n");
    while (page->len < page_size && !page->failed)
        otel__page_text(page, "# much more text that is always the same\n");
    return status;
}

static int begin(void **state) {
    struct otel__listeners listeners;
    char why[128];
    (void)state;
    status = OTEL_OK;
    page_size = 0;
    page_ms = 0;
    assert_null(otel__listen(&listeners, "localhost", 0, why));
    port = listeners.port;
    server = otel__server_start(&listeners, &(struct otel__server_settings){ "/metrics", write_page, NULL });
    assert_non_null(server);
    return 0;
}

static int end(void **state) {
    (void)state;
    if (server)
        otel__server_stop(server);
    server = NULL;
    return 0;
}

static char answer[1 << 20];

static const char *get(const char *path, const char *headers) {
    assert_true(scrape_get(port, path, headers, answer, sizeof answer) > 0);
    return answer;
}

static void assert_begins(const char *text, const char *expected) {
    assert_memory_equal(text, expected, strlen(expected));
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void the_page_is_at_its_path(void **state) {
    (void)state;
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_string_equal(scrape_body(answer), "text\n");
    assert_begins(get("/metrics?name=x", "Accept: application/openmetrics-text\r\n"), "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert_string_equal(scrape_body(answer), "open\n");
}

static void elsewhere_there_is_nothing(void **state) {
    (void)state;
    assert_begins(get("/", ""), "HTTP/1.1 404 ");
    assert_string_equal(scrape_body(answer), "The metrics are at /metrics.\n");
    assert_begins(get("/metrics/", ""), "HTTP/1.1 404 ");
}

static void only_get_and_head_are_allowed(void **state) {
    (void)state;
    const int client = scrape_connect(port);
    assert_true(scrape_send(client, "POST /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"));
    assert_true(scrape_answer(client, answer, sizeof answer) > 0);
    assert_begins(answer, "HTTP/1.1 405 ");
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    close(client);
}

static void head_has_no_body(void **state) {
    (void)state;
    const int client = scrape_connect(port);
    assert_true(scrape_send(client, "HEAD /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
    const ssize_t len = recv(client, answer, sizeof answer - 1, MSG_WAITALL);
    assert_true(len > 0);
    answer[len] = '\0';
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_string_equal(scrape_body(answer), "");
    close(client);
}

static void long_pages_are_compressed_for_who_wants_that(void **state) {
    (void)state;
    page_size = 100 * 1000;
    const long plain = scrape_get(port, "/metrics", "", answer, sizeof answer);
    assert_true(plain > 100 * 1000);
    const long packed = scrape_get(port, "/metrics", "Accept-Encoding: gzip\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "\r\nContent-Encoding: gzip\r\n"));
    assert_in_range(packed, 1, plain / 10);
}

static void a_connection_serves_many_requests(void **state) {
    (void)state;
    const int client = scrape_connect(port);
    for (int i = 0; i < 100; i++) {
        assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_true(scrape_answer(client, answer, sizeof answer) > 0);
        assert_string_equal(scrape_body(answer), "text\n");
    }
    close(client);
}

static void while_there_is_no_page_that_is_said(void **state) {
    (void)state;
    status = OTEL_ERR_STATE;
    assert_begins(get("/metrics", ""), "HTTP/1.1 503 ");
    status = OTEL_ERR_MEMORY;
    assert_begins(get("/metrics", ""), "HTTP/1.1 503 ");
    status = OTEL_OK;
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
}

static void heads_are_bounded(void **state) {
    (void)state;
    static char header[40000] = "X: ";
    const int client = scrape_connect(port);
    memset(header + 3, 'x', sizeof header - 6);
    strcpy(header + sizeof header - 3, "\r\n");
    scrape_send(client, "GET /metrics HTTP/1.1\r\n");
    scrape_send(client, header);
    const long len = scrape_answer(client, answer, sizeof answer);
    assert_true(len < 0 || strncmp(answer, "HTTP/1.1 4", 10) == 0);
    close(client);
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
}

static void both_loopback_addresses_answer(void **state) {
    (void)state;
    const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
                                          .sin6_port = htons((in_port_t)port),
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const int client = socket(AF_INET6, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (const struct sockaddr *)&address, sizeof address) != 0) {
        struct otel__listeners listeners;
        char why[128];
        assert_non_null(otel__listen(&listeners, "::1", 0, why)); /* there is no IPv6 here */
    } else {
        assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_true(scrape_answer(client, answer, sizeof answer) > 0);
    }
    close(client);
}

/* ---- listening --------------------------------------------------------------------------------------------------- */

static void a_port_in_use_is_said_to_be(void **state) {
    struct otel__listeners listeners;
    char why[128];
    (void)state;
    assert_string_equal(otel__listen(&listeners, "localhost", port, why), "the port is in use");
    assert_string_equal(otel__listen(&listeners, "127.0.0.1", port, why), "the port is in use");
    assert_int_equal(listeners.count, 0);
}

static void a_foreign_host_is_said_to_be(void **state) {
    struct otel__listeners listeners;
    char why[128];
    (void)state;
    assert_string_equal(otel__listen(&listeners, "192.0.2.1", 0, why), "its host is not an address of this machine");
    assert_non_null(strstr(otel__listen(&listeners, "no such host", 0, why), "its host cannot be found"));
}

/* ---- clients that misbehave -------------------------------------------------------------------------------------- */

enum { CROWD = 100 };

static void *crowd_member(void *data) {
    char text[4096];
    bool *served = data;
    *served = scrape_get(port, "/metrics", "", text, sizeof text) > 0 && strcmp(scrape_body(text), "text\n") == 0;
    return NULL;
}

static void a_hundred_scrapes_at_once_are_served(void **state) {
    (void)state;
    pthread_t threads[CROWD];
    bool served[CROWD] = { false };
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &served[i]), 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CROWD; i++)
        assert_true(served[i]);
}

static void half_a_request_holds_up_nobody_and_is_ended(void **state) {
    (void)state;
    int halves[20];
    for (int i = 0; i < 20; i++) {
        halves[i] = scrape_connect(port);
        assert_true(scrape_send(halves[i], "GET /metrics HTTP/1.1\r\nHost: te"));
    }
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
    for (int i = 0; i < 20; i++) {
        assert_true(scrape_ends(halves[i]));
        close(halves[i]);
    }
}

static void who_does_not_read_holds_up_nobody(void **state) {
    (void)state;
    page_size = 900 * 1000;
    const int client = scrape_connect(port);
    const int small = 4096;
    setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 20; i++)
        assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    usleep(100 * 1000);
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
    close(client);
}

/* More than there are places. Each has been served, and stays. */
static void who_is_idle_gives_way(void **state) {
    (void)state;
    int clients[CROWD];
    for (int i = 0; i < CROWD; i++) {
        clients[i] = scrape_connect(port);
        assert_true(scrape_send(clients[i], "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_true(scrape_answer(clients[i], answer, sizeof answer) > 0);
    }
    assert_true(scrape_ends(clients[0]));
    for (int i = 0; i < CROWD; i++)
        close(clients[i]);
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
}

/* ---- stopping and forking ---------------------------------------------------------------------------------------- */

static void a_stop_waits_for_no_client(void **state) {
    (void)state;
    page_size = 900 * 1000;
    const int half = scrape_connect(port), silent = scrape_connect(port), deaf = scrape_connect(port);
    assert_true(scrape_send(half, "GET /met"));
    for (int i = 0; i < 20; i++)
        assert_true(scrape_send(deaf, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    usleep(100 * 1000);
    const uint64_t before = otel__clock_monotonic();
    otel__server_stop(server);
    server = NULL;
    const uint64_t took = otel__clock_monotonic() - before;
    printf("measured: stop with three hanging clients: %.1f ms\n", (double)took / 1e6);
    assert_in_range(took, 0, OTEL__SECOND * 5); /* half of what a request has */
    assert_int_equal(scrape_connect(port), -1);
    close(half);
    close(silent);
    close(deaf);
}

static void a_stop_waits_for_a_page(void **state) {
    (void)state;
    page_ms = 300;
    const int client = scrape_connect(port);
    assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    usleep(100 * 1000);
    otel__server_stop(server);
    server = NULL;
    close(client);
}

static int child_serves_nobody(void *data) {
    (void)data;
    otel__server_after_fork(server, true);
    return 0;
}

static void the_parent_serves_on_after_a_fork(void **state) {
    (void)state;
    const int client = scrape_connect(port);
    assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_true(scrape_answer(client, answer, sizeof answer) > 0);
    otel__server_before_fork(server);
    const int result = in_child(child_serves_nobody, NULL);
    otel__server_after_fork(server, false);
    assert_int_equal(result, 0);
    assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_true(scrape_answer(client, answer, sizeof answer) > 0);
    close(client);
    assert_begins(get("/metrics", ""), "HTTP/1.1 200 ");
}

static int child_has_closed_all(void *data) {
    const int *client = data;
    otel__server_after_fork(server, true);
    for (int fd = 3; fd < 100; fd++) {
        int kind;
        socklen_t len = sizeof kind;
        STEP(fd == *client || getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len) != 0);
    }
    return 0;
}

static void a_child_holds_no_socket_of_its_parents_server(void **state) {
    (void)state;
    int client = scrape_connect(port);
    assert_true(scrape_send(client, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_true(scrape_answer(client, answer, sizeof answer) > 0);
    otel__server_before_fork(server);
    const int result = in_child(child_has_closed_all, &client);
    otel__server_after_fork(server, false);
    assert_int_equal(result, 0);
    close(client);
}

static _Atomic bool signalled_elsewhere;
static pthread_t tester;

static void on_signal(int signal) {
    (void)signal;
    signalled_elsewhere = signalled_elsewhere || !pthread_equal(pthread_self(), tester);
}

/* With the test's own thread blocking it, a signal to the process would come to the server's. */
static void its_thread_takes_no_signals(void **state) {
    (void)state;
    const struct sigaction action = { .sa_handler = on_signal };
    struct sigaction before;
    sigset_t usr1;
    tester = pthread_self();
    signalled_elsewhere = false;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigaction(SIGUSR1, &action, &before);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    kill(getpid(), SIGUSR1);
    get("/metrics", "");
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    sigaction(SIGUSR1, &before, NULL);
    assert_false(signalled_elsewhere);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_page_is_at_its_path),
        TEST(elsewhere_there_is_nothing),
        TEST(only_get_and_head_are_allowed),
        TEST(head_has_no_body),
        TEST(long_pages_are_compressed_for_who_wants_that),
        TEST(a_connection_serves_many_requests),
        TEST(while_there_is_no_page_that_is_said),
        TEST(heads_are_bounded),
        TEST(both_loopback_addresses_answer),
        TEST(a_port_in_use_is_said_to_be),
        TEST(a_foreign_host_is_said_to_be),
        TEST(a_hundred_scrapes_at_once_are_served),
        TEST(half_a_request_holds_up_nobody_and_is_ended),
        TEST(who_does_not_read_holds_up_nobody),
        TEST(who_is_idle_gives_way),
        TEST(a_stop_waits_for_no_client),
        TEST(a_stop_waits_for_a_page),
        TEST(the_parent_serves_on_after_a_fork),
        TEST(a_child_holds_no_socket_of_its_parents_server),
        TEST(its_thread_takes_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
