/* SPDX-License-Identifier: Apache-2.0 */
/* http_wakeup_test.c - libcurl's own descriptors are found, and nobody else's are taken for them. */
#include "common/http/http_wakeup.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 3, HANDLES = 2000 };

static void the_pair_is_known_and_goes_on_working(void **state) {
    (void)state;
    int pair[2], woken = -1;
    CURLM *multi = otel__http_multi_create(pair);
    assert_non_null(multi);
    assert_int_equal(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(pair[1], F_GETFD), FD_CLOEXEC);
    assert_int_equal(curl_multi_wakeup(multi), CURLM_OK);
    assert_int_equal(curl_multi_poll(multi, NULL, 0, 60000, &woken), CURLM_OK);
    assert_int_equal(curl_multi_cleanup(multi), CURLM_OK);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_int_equal(fcntl(pair[1], F_GETFD), -1);
}

static atomic_bool enough;
static atomic_uint taken;

/* Pairs of a program, which executed programs are to inherit, with ever more bytes in them. */
static void *use_descriptors(void *unused) {
    while (!atomic_load(&enough)) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
            continue;
        for (unsigned i = 0; i < 4; i++)
            if (send(pair[1], "x", 1, MSG_NOSIGNAL) != 1 || fcntl(pair[0], F_GETFD) != 0 ||
                fcntl(pair[1], F_GETFD) != 0)
                atomic_fetch_add(&taken, 1);
        close(pair[0]);
        close(pair[1]);
    }
    return unused;
}

static void pairs_of_other_threads_are_left_alone(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    unsigned known = 0;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_descriptors, NULL), 0);
    for (unsigned i = 0; i < HANDLES; i++) {
        int pair[2];
        CURLM *multi = otel__http_multi_create(pair);
        assert_non_null(multi);
        known += pair[0] >= 0;
        curl_multi_cleanup(multi);
    }
    atomic_store(&enough, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(taken, 0);
    assert_int_not_equal(known, 0);
    print_message("measured: of %d pairs %u are known\n", (int)HANDLES, known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pair_is_known_and_goes_on_working),
        cmocka_unit_test(pairs_of_other_threads_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
