/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kalki_redis_test.c - a Redis that is not there, says nothing, says it too slowly or says nonsense: every call comes
 * back, and soon nobody tries any more. That calls come back at all is what the test's own time limit watches.
 */
#include "cache/cache.h"
#include "cache/redis_connection.h"
#include "service/moment.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that accepts one connection after the other and answers each with the same bytes. */
struct double_server {
    int listening;
    unsigned short port; /* 0: a free one */
    const char *answer;  /* NULL: none; sent again and again, if it is to trickle */
    bool trickles;
    bool floods; /* the answer without its end: what follows comes as fast as it is read */
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint accepted;
};

static bool stops(struct double_server *server, int socket, short events) {
    struct pollfd polled = { .fd = socket, .events = events };
    while (!atomic_load(&server->stopping)) {
        if (poll(&polled, 1, 20) > 0)
            return false;
    }
    return true;
}

static void flood(struct double_server *server, int socket) {
    static const char bytes[65536] = { 'x' };
    while (!stops(server, socket, POLLOUT) && send(socket, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        continue;
}

static void attend(struct double_server *server, int socket) {
    char bytes[4096];
    while (!stops(server, socket, POLLIN) && recv(socket, bytes, sizeof bytes, 0) > 0) {
        if (server->answer)
            send(socket, server->answer, strlen(server->answer), MSG_NOSIGNAL);
        while (server->trickles && !atomic_load(&server->stopping) && send(socket, "x", 1, MSG_NOSIGNAL) == 1)
            usleep(5000);
        if (server->floods)
            flood(server, socket);
    }
    close(socket);
}

static void *serve(void *data) {
    struct double_server *server = data;
    while (!stops(server, server->listening, POLLIN)) {
        int socket = accept(server->listening, NULL, NULL);
        atomic_fetch_add(&server->accepted, 1);
        attend(server, socket);
    }
    return NULL;
}

static void start(struct double_server *server) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    static const int on = 1;
    address.sin_port = htons(server->port);
    server->listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(server->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(server->listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listening, 10), 0);
    getsockname(server->listening, (struct sockaddr *)&address, &size);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct double_server *server) {
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    close(server->listening);
}

static struct cache *open_at(unsigned short port) {
    char url[64];
    struct text why = { 0 };
    snprintf(url, sizeof url, "redis://127.0.0.1:%u/", port);
    struct cache *cache = cache_open(url, &why);
    assert_non_null(cache);
    return cache;
}

static const struct cache_bytes key = { "key", 3 };

static void nothing_is_found(struct cache *cache) {
    struct text value = { 0 };
    struct cache_session sessions[2];
    struct cache_size size;
    size_t count = 0;
    assert_false(cache_get(cache, key, &value));
    assert_int_equal(value.length, 0);
    cache_set(cache, key, key, 60);
    cache_delete(cache, key);
    cache_session_touch(cache, "here", 1000);
    assert_false(cache_ping(cache));
    assert_false(cache_measure(cache, &size));
    assert_false(cache_session_count(cache, 1000, &count));
    /* What this process has seen itself is better than nothing. */
    assert_false(cache_session_list(cache, 1000, sessions, 2, &count));
    assert_int_equal(count, 1);
    assert_string_equal(sessions[0].id, "here");
}

static void one_that_is_not_there_is_a_miss(void **state) {
    (void)state;
    struct double_server server = { .answer = NULL };
    start(&server);
    stop(&server); /* whose port nobody listens on now */
    struct cache *cache = open_at(server.port);
    nothing_is_found(cache);
    cache_close(cache);
}

static void check(const char *answer, bool trickles) {
    struct double_server server = { .answer = answer, .trickles = trickles };
    start(&server);
    struct cache *cache = open_at(server.port);
    nothing_is_found(cache);
    cache_close(cache);
    stop(&server);
}

static void one_that_says_nothing_is_a_miss(void **state) {
    (void)state;
    check(NULL, false);
}

static void one_that_never_comes_to_an_end_is_a_miss(void **state) {
    (void)state;
    check("$100000000\r\n", true);
}

/* What an exchange with such a server ends with. */
static const char *outcome(const char *answer, bool floods) {
    struct double_server server = { .answer = answer, .floods = floods };
    const char *error = NULL;
    char port[8];
    redisReply *reply = NULL;
    start(&server);
    snprintf(port, sizeof port, "%u", server.port);
    struct redis_connection *connection = redis_connection_open("127.0.0.1", port, steady_ms() + 10000, &error);
    assert_non_null(connection);
    error = redis_connection_exchange(connection, "PING\r\n", 6, &reply, 1, steady_ms() + 10000);
    redis_connection_close(connection);
    stop(&server);
    return error;
}

static void one_that_never_stops_sending_is_left(void **state) {
    (void)state;
    assert_string_equal(outcome("$2000000000\r\n", true), "reply_too_large");
    assert_string_equal(outcome("+", true), "reply_too_large");
}

/* hiredis would make room for 16 GB, and wait for what comes. */
static void one_that_announces_a_huge_array_is_left(void **state) {
    (void)state;
    assert_string_equal(outcome("*2000000000\r\n", false), "protocol_error");
    assert_string_equal(outcome("*4000\r\n*4000\r\n", false), "protocol_error");
}

static void one_that_says_nonsense_is_a_miss(void **state) {
    (void)state;
    check("HTTP/1.1 400 Bad Request\r\n\r\n", false);
}

static void one_that_refuses_is_a_miss(void **state) {
    (void)state;
    check("-OOM command not allowed\r\n-OOM\r\n-OOM\r\n-OOM\r\n", false);
}

static void after_a_failure_nobody_tries_for_a_while(void **state) {
    (void)state;
    struct double_server server = { .answer = NULL };
    start(&server);
    struct cache *cache = open_at(server.port);
    struct text value = { 0 };
    for (unsigned i = 0; i < 1000; i++)
        assert_false(cache_get(cache, key, &value));
    /* 250 ms for each try and 100 ms, 200 ms, ... between them; the calls in between take next to no time. */
    assert_in_range(atomic_load(&server.accepted), 1, 3);
    cache_close(cache);
    stop(&server);
}

static void a_ping_tries_nevertheless_and_ends_the_pause(void **state) {
    (void)state;
    struct double_server server = { .answer = "+PONG\r\n" };
    struct text value = { 0 };
    start(&server);
    struct cache *cache = open_at(server.port);
    assert_true(cache_ping(cache));
    stop(&server); /* which closes the connection that is kept */
    for (unsigned i = 0; i < 10; i++)
        assert_false(cache_ping(cache)); /* the pause is as long now as it gets */

    struct double_server again = { .port = server.port, .answer = "+PONG\r\n" };
    start(&again);
    assert_false(cache_get(cache, key, &value));
    assert_int_equal(atomic_load(&again.accepted), 0);
    assert_true(cache_ping(cache));
    cache_delete(cache, key);
    assert_int_equal(atomic_load(&again.accepted), 1);
    struct cache_session sessions[1];
    size_t count = 0;
    assert_true(cache_session_list(cache, 1000, sessions, 1, &count));
    cache_close(cache);
    stop(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_not_there_is_a_miss),
        cmocka_unit_test(one_that_says_nothing_is_a_miss),
        cmocka_unit_test(one_that_never_comes_to_an_end_is_a_miss),
        cmocka_unit_test(one_that_never_stops_sending_is_left),
        cmocka_unit_test(one_that_announces_a_huge_array_is_left),
        cmocka_unit_test(one_that_says_nonsense_is_a_miss),
        cmocka_unit_test(one_that_refuses_is_a_miss),
        cmocka_unit_test(after_a_failure_nobody_tries_for_a_while),
        cmocka_unit_test(a_ping_tries_nevertheless_and_ends_the_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
