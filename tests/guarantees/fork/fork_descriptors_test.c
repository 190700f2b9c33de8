/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_descriptors_test.c - descriptors: what programs that are executed inherit, and what is left in a forked child
 * when it has stopped the SDK. Every one that was not there before the SDK counts, also those that libcurl keeps to
 * itself.
 */
#include "tracing.h"

#include "in_child.h"
#include "sanitizers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { QUEUE = 2048, DESCRIPTORS = 256, GENERATIONS = 4 };

static struct collector collector;
static bool own[DESCRIPTORS]; /* that were open before the SDK was started */

static bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

static void note_own(void) {
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        own[fd] = is_open(fd);
}

/* How many were opened since that are open still, and that an executed program has as well if `executed`. */
static unsigned count_others(const char *when, bool executed) {
    unsigned others = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char path[32], target[128];
        const int flags = fcntl(fd, F_GETFD);
        if (own[fd] || flags == -1 || (executed && (flags & FD_CLOEXEC) != 0))
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const ssize_t len = readlink(path, target, sizeof target);
        dprintf(STDERR_FILENO, "%s: descriptor %d, %.*s\n", when, fd, len > 0 ? (int)len : 0, target);
        others++;
    }
    return others;
}

static int fork_and_wait(int (*life)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE_S / 2);
        _exit(life());
    }
    return child > 0 ? outcome_of(child) : -1;
}

static int stop_at_once(void) {
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(count_others("a child after its stop", false) == 0);
    return 0;
}

static unsigned generation;

/* What is left of the parent must not gather from one generation to the next either. */
static int export_fork_and_stop(void) {
    record("child");
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(count_others("a child that exports", true) == 0);
    if (++generation < GENERATIONS)
        STEP(fork_and_wait(export_fork_and_stop) == 0);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(all_exported(1));
    STEP(count_others("a child after its stop", false) == 0);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    collector_start(&collector, NULL);
    note_own();
    assert_int_equal(tracing_start(collector.endpoint, QUEUE), OTEL_OK);
    record("parent");
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    json_decref(collector_stop(&collector));
    return 0;
}

static void an_executed_program_inherits_none(void **state) {
    (void)state;
    assert_int_equal(count_others("the parent", true), 0);
    assert_int_not_equal(count_others("on purpose, the parent", false), 0); /* or this test would see nothing */
}

static void a_child_that_stopped_has_none(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    assert_int_equal(fork_and_wait(stop_at_once), 0);
    generation = 0;
    assert_int_equal(fork_and_wait(export_fork_and_stop), 0);
}

static void a_process_that_stopped_has_none(void **state) {
    (void)state;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(count_others("the parent after its stop", false), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(an_executed_program_inherits_none),
        test(a_child_that_stopped_has_none),
        test(a_process_that_stopped_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
