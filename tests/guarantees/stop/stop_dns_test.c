/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_dns_test.c - a stop and a flush keep their time while the look-up of the endpoint's name hangs.
 *
 * libcurl looks names up on threads of its own, with getaddrinfo(). This program brings one along that hangs, for 30 s
 * or until the test lets go, which is what a resolver does whose server is gone.
 */
#include "stop_fixture.h"

#include "exporter_double.h"

#include <curl/curl.h>
#include <netdb.h>

enum { LOOK_UP_MS = 30000 };

static _Atomic unsigned look_ups, hanging;
static atomic_bool let_go;

/* Called by libcurl: a program's definition comes before that of libc. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **result) {
    (void)name, (void)service, (void)hints;
    *result = NULL;
    atomic_fetch_add(&hanging, 1);
    atomic_fetch_add(&look_ups, 1);
    for (unsigned waited = 0; waited < LOOK_UP_MS && !atomic_load(&let_go); waited++)
        stop_sleep_ms(1);
    atomic_fetch_sub(&hanging, 1);
    return EAI_AGAIN;
}

static unsigned count_look_ups(struct black_hole *hole) {
    (void)hole;
    return atomic_load(&look_ups);
}

static void open_look_up(struct black_hole *hole) {
    snprintf(hole->url, sizeof hole->url, "http://collector.invalid:4318/v1/traces");
}

static void end_look_ups(struct black_hole *hole) {
    (void)hole;
    atomic_store(&let_go, true);
    assert_soon(atomic_load(&hanging) == 0);
    atomic_store(&let_go, false);
}

static const struct black_hole hole_look_up = { .stage = "DNS",
                                                .open = open_look_up,
                                                .close = end_look_ups,
                                                .settle = end_look_ups,
                                                .reached = count_look_ups,
                                                .own = OTEL_ERR_TIMEOUT,
                                                .batch = 8 };

static void a_stop_does_not_wait_for_a_look_up(void **state) {
    (void)state;
    stop_measure(&hole_look_up, UNDER_WAY, STOP_MS);
    stop_measure(&hole_look_up, TO_BEGIN, STOP_MS);
    stop_measure(&hole_look_up, UNDER_WAY, 0);
}

static void a_flush_does_not_wait_for_a_look_up(void **state) {
    (void)state;
    stop_measure_flush(&hole_look_up, UNDER_WAY);
    stop_measure_flush(&hole_look_up, TO_BEGIN);
}

/*
 * libcurl watches a look-up at intervals and counts in milliseconds, rounded most where a second ends in between: it
 * must not be the one who ends an export at its deadline, and call it a failed one.
 */
static void time_that_is_up_is_no_failure(void **state) {
    (void)state;
    struct black_hole hole = hole_look_up;
    hole.open(&hole);
    for (unsigned i = 0; i < 5; i++) {
        stop_enter(&hole, TO_BEGIN);
        const unsigned since_second = (unsigned)((uint64_t)stop_now_ms() % 1000);
        stop_sleep_ms((1850 - since_second) % 1000);
        assert_int_equal(otel_sdk_stop(STOP_MS), OTEL_ERR_TIMEOUT);
        stop_nothing_left();
        hole.settle(&hole);
    }
    hole.close(&hole);
}

/* Look-ups that were abandoned end when they end, and disturb no later SDK. */
static void lives_that_end_in_look_ups(void **state) {
    (void)state;
    struct black_hole hole = hole_look_up;
    hole.open(&hole);
    for (unsigned i = 0; i < 20; i++) {
        stop_enter(&hole, UNDER_WAY);
        assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
        stop_nothing_left();
        stop_ledger();
    }
    stop_works_again();
    assert_int_not_equal(atomic_load(&hanging), 0);
    hole.close(&hole);
    stop_works_again();
}

/* Why this libcurl cannot do what is tested; NULL: it can. */
static const char *shortcoming(void) {
    const curl_version_info_data *libcurl = curl_version_info(CURLVERSION_NOW);
    if (LIBCURL_VERSION_NUM < 0x075700 || libcurl->version_num < 0x075700)
        return "libcurl before 7.87 cannot leave a look-up behind: the exporter comes back when that has ended";
    if (libcurl->ares_num != 0)
        return "this libcurl does not look names up with getaddrinfo()";
    if (!(libcurl->features & CURL_VERSION_ASYNCHDNS))
        return "this libcurl has been built without threads for look-ups";
    return NULL;
}

static int teardown(void **state) {
    end_look_ups(NULL);
    return stop_teardown(state);
}

#define test(name) cmocka_unit_test_teardown(name, teardown)

int main(int argc, char **argv) {
    stop_options(argc, argv);
    const char *why_not = shortcoming();
    if (why_not) {
        printf("SKIPPED: %s\n", why_not);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        test(a_stop_does_not_wait_for_a_look_up),
        test(a_flush_does_not_wait_for_a_look_up),
        test(time_that_is_up_is_no_failure),
        test(lives_that_end_in_look_ups),
    };
    return cmocka_run_group_tests(tests, stop_group_setup, NULL);
}
