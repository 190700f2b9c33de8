/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that take for ever or take all connections, against a server whose clock and loop are the test's. */
#include "server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MINUTE = 60 * 1000 };

struct setup {
    struct view_ingest ingest;
    struct view_server *server;
    int client;
};

static int connect_client(const struct setup *setup) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(view_server_port(setup->server)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(client, (const struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static void begin(struct setup *setup) {
    const char *problem = NULL;
    *setup = (struct setup){ .ingest = { .store = view_store_new(10, 1 << 20) } };
    setup->server = view_server_start("127.0.0.1", 0, &setup->ingest, &problem);
    assert_non_null(setup->server);
    view_server_run(setup->server, 0);
    setup->client = connect_client(setup);
}

static void end(struct setup *setup) {
    close(setup->client);
    view_server_stop(setup->server);
    assert_int_equal(setup->ingest.in_flight, 0);
    view_store_free(setup->ingest.store);
}

/* Runs the server as its program would, until it has nothing more to do at that time of its clock. */
static void run_at(struct setup *setup, int64_t now) {
    struct pollfd server = { .fd = view_server_fd(setup->server), .events = POLLIN };
    int timeout;
    do {
        timeout = view_server_timeout(setup->server, now);
        timeout = timeout >= 0 && timeout < 50 ? timeout : 50;
        server.revents = 0;
        poll(&server, 1, timeout);
        if (server.revents != 0 || timeout == 0) {
            view_server_run(setup->server, now);
        }
    } while (server.revents != 0 || timeout == 0);
}

static void send_at(struct setup *setup, const char *text, int64_t now) {
    assert_int_equal(send(setup->client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    run_at(setup, now);
}

static bool is_open(const struct setup *setup) {
    char byte;
    return recv(setup->client, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0;
}

static const char post[] = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                           "Content-Length: 1000000\r\n\r\n";

static void test_a_trickling_body_ends_after_a_minute(void **state) {
    (void)state;
    struct setup setup;
    begin(&setup);
    send_at(&setup, post, 0);
    for (int64_t now = 0; now < MINUTE; now += MINUTE / 6) {
        send_at(&setup, "x", now);
        assert_true(is_open(&setup));
    }
    assert_true(setup.ingest.in_flight > 0);
    assert_true(view_server_timeout(setup.server, MINUTE - 1) <= 1);
    view_server_run(setup.server, MINUTE);
    view_server_run(setup.server, MINUTE);
    assert_false(is_open(&setup));
    assert_int_equal(setup.ingest.requests.received, 0);
    end(&setup);
}

static void test_a_trickling_head_too(void **state) {
    (void)state;
    struct setup setup;
    begin(&setup);
    send_at(&setup, "GET /heal", 0);
    send_at(&setup, "t", MINUTE - 1);
    assert_true(is_open(&setup));
    view_server_run(setup.server, MINUTE);
    assert_false(is_open(&setup));
    end(&setup);
}

static void test_each_answer_gives_a_new_minute(void **state) {
    (void)state;
    struct setup setup;
    char answer[512];
    begin(&setup);
    for (int64_t now = 0; now < 3 * MINUTE; now += MINUTE / 2) {
        send_at(&setup, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", now);
        assert_true(recv(setup.client, answer, sizeof answer, MSG_DONTWAIT) > 0);
    }
    end(&setup);
}

/* More than the server takes at once, so that some wait outside. */
enum { CROWD = 600 };

/* Each says so much, which may be nothing, and the server hears what it has room for. */
static void connect_crowd(struct setup *setup, int crowd[CROWD], const char *text) {
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connect_client(setup);
        assert_int_equal(send(crowd[i], text, strlen(text), MSG_NOSIGNAL), strlen(text));
    }
    run_at(setup, 0);
}

/* When the crowd that takes every place goes, the one that waits outside is let in. The server's clock stands still: no
 * place is free because of a silence. */
static void assert_room_after(const char *text) {
    struct setup setup;
    int crowd[CROWD];
    char answer[512];
    begin(&setup);
    close(setup.client);
    connect_crowd(&setup, crowd, text);
    setup.client = connect_client(&setup);
    send_at(&setup, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    assert_true(recv(setup.client, answer, sizeof answer, MSG_DONTWAIT) < 0);
    for (size_t i = 0; i < CROWD; i++) {
        close(crowd[i]);
    }
    run_at(&setup, 0);
    assert_true(recv(setup.client, answer, sizeof answer, MSG_DONTWAIT) > 12);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_int_equal(setup.ingest.in_flight, 0);
    end(&setup);
}

static void test_room_after_silent_clients(void **state) {
    (void)state;
    assert_room_after("");
}

static void test_room_after_unfinished_requests(void **state) {
    (void)state;
    char text[sizeof post + 1000] = { 0 };
    memset(text, 'x', sizeof text - 1);
    memcpy(text, post, sizeof post - 1);
    assert_room_after(text);
}

/* What came with the end of the sending side is a request like any other. */
static void test_a_client_that_only_listens_on_is_answered(void **state) {
    (void)state;
    struct setup setup;
    char answer[512];
    begin(&setup);
    static const char get[] = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(setup.client, get, sizeof get - 1, MSG_NOSIGNAL), sizeof get - 1);
    assert_return_code(shutdown(setup.client, SHUT_WR), 0);
    run_at(&setup, 0);
    assert_true(recv(setup.client, answer, sizeof answer, MSG_DONTWAIT) > 12);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    end(&setup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trickling_body_ends_after_a_minute),
        cmocka_unit_test(test_a_trickling_head_too),
        cmocka_unit_test(test_each_answer_gives_a_new_minute),
        cmocka_unit_test(test_room_after_silent_clients),
        cmocka_unit_test(test_room_after_unfinished_requests),
        cmocka_unit_test(test_a_client_that_only_listens_on_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
