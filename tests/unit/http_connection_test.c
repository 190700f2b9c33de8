/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_connection_test.c - a process that closes all its descriptors, as daemons do: what it opens afterwards is its own,
 * whatever numbers the connection had. What connections do otherwise is in http_client_test.c.
 */
#include "common/http/http_client.h"

#include "base/clock.h"
#include "base/sync.h"
#include "http_double.h"
#include "http_post.h"
#include "in_child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { PAIRS = 32, DESCRIPTORS = 1024 };

static struct otel__http_client *client_for(http_double *server) {
    const struct otel__http_settings settings = { .url = http_double_url(server, "/"),
                                                  .content_type = "text/plain",
                                                  .user_agent = "Test/1",
                                                  .response_limit = 4096 };
    otel_error error;
    return otel__http_create(&settings, &error);
}

static bool post(struct otel__http_client *client) {
    return http_post(client, "hello", 5, otel__clock_monotonic() + 20 * OTEL__SECOND) == OTEL__HTTP_ANSWERED;
}

static int own[2 * PAIRS];

static void close_all(void) {
    for (int fd = 3; fd < DESCRIPTORS; fd++)
        close(fd);
}

/* Each with a byte to be read. */
static bool open_own(void) {
    for (unsigned i = 0; i < 2 * PAIRS; i += 2)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, own + i) != 0 ||
            send(own[i], "x", 1, MSG_NOSIGNAL) != 1 || send(own[i + 1], "x", 1, MSG_NOSIGNAL) != 1)
            return false;
    return true;
}

static bool own_are_untouched(void) {
    int waiting = 0;
    for (unsigned i = 0; i < 2 * PAIRS; i++)
        if (ioctl(own[i], FIONREAD, &waiting) != 0 || waiting != 1)
            return false;
    return true;
}

static int closes_all_between_posts(void *argument) {
    struct otel__http_client *client = client_for(argument);
    STEP(client != NULL);
    STEP(post(client));
    close_all();
    STEP(open_own());
    STEP(post(client));
    STEP(post(client));
    STEP(own_are_untouched());
    otel__http_destroy(client);
    STEP(own_are_untouched());
    return 0;
}

/* There is no connection yet, but libcurl has descriptors of its own. */
static int closes_all_before_the_first_post(void *argument) {
    struct otel__http_client *client = client_for(argument);
    STEP(client != NULL);
    close_all();
    STEP(open_own());
    STEP(post(client));
    STEP(own_are_untouched());
    otel__http_destroy(client);
    STEP(own_are_untouched());
    return 0;
}

static int closes_all_before_the_end(void *argument) {
    struct otel__http_client *client = client_for(argument);
    STEP(client != NULL);
    STEP(post(client));
    close_all();
    STEP(open_own());
    otel__http_destroy(client);
    STEP(own_are_untouched());
    return 0;
}

/* Nor does the child of such a process close what was opened since. */
static int closes_all_and_forks(void *argument) {
    struct otel__http_client *client = client_for(argument);
    STEP(client != NULL);
    STEP(post(client));
    close_all();
    STEP(open_own());
    otel__http_before_fork(client);
    otel__http_after_fork(client, true);
    STEP(own_are_untouched());
    STEP(post(client));
    otel__http_destroy(client);
    STEP(own_are_untouched());
    return 0;
}

static void descriptors_opened_after_all_were_closed_are_the_programs(void **state) {
    (void)state;
    static const struct http_step answer = { .status = 200 };
    static int (*const parts[])(void *) = { closes_all_between_posts, closes_all_before_the_first_post,
                                            closes_all_before_the_end, closes_all_and_forks };
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        http_double *server = http_double_start(&answer, 1);
        /* Asleep by then, the server's thread holds no lock of AddressSanitizer's, which a child would wait for. */
        otel__sleep_ms(30);
        fflush(NULL);
        assert_int_equal(in_child(parts[i], server), 0);
        http_double_stop(server);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_opened_after_all_were_closed_are_the_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
