/* SPDX-License-Identifier: Apache-2.0 */
/* sigpipe_test.c - a write to a closed pipe, or past a file's limit, must not be noticed by the program. */
#include "base/sigpipe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static volatile sig_atomic_t caught;

static void on_signal(int number) {
    (void)number;
    caught = caught + 1;
}

static void break_a_pipe(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
}

static bool is_pending(void) {
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE) == 1;
}

static bool is_blocked(void) {
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGPIPE) == 1;
}

static void taken_away(void **state) {
    (void)state;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    break_a_pipe();
    errno = 77;
    otel__sigpipe_end(&guard);
    assert_int_equal(errno, 77);
    assert_int_equal(caught, 0);
    assert_false(is_pending());
    assert_false(is_blocked());
    break_a_pipe(); /* the program's own still arrives */
    assert_int_equal(caught, 1);
    caught = 0;
}

static void nothing_to_take(void **state) {
    (void)state;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    otel__sigpipe_end(&guard);
    assert_false(is_blocked());
}

/* A program that blocks SIGPIPE and has one pending keeps both. */
static void the_programs_own_stays(void **state) {
    (void)state;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGPIPE);
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    break_a_pipe();
    otel__sigpipe_end(&guard);
    assert_true(is_pending());
    assert_true(is_blocked());
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    assert_int_equal(caught, 1);
    caught = 0;
}

/* The limit counts for root too. */
static void a_file_past_its_limit(void **state) {
    (void)state;
    FILE *file = tmpfile();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = { .rlim_cur = 4, .rlim_max = before.rlim_max };
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    setrlimit(RLIMIT_FSIZE, &limit);
    const ssize_t first = write(fileno(file), "12345", 5), second = write(fileno(file), "5", 1);
    const int why = errno;
    otel__sigpipe_end(&guard);
    const int caught_inside = caught;
    const ssize_t third = write(fileno(file), "5", 1); /* the program's own still arrives */
    setrlimit(RLIMIT_FSIZE, &before);                  /* before anything is printed, which may go to a file */
    assert_int_equal(first, 4);
    assert_int_equal(second, -1);
    assert_int_equal(third, -1);
    assert_int_equal(why, EFBIG);
    assert_int_equal(caught_inside, 0);
    assert_int_equal(caught, 1);
    caught = 0;
    fclose(file);
}

int main(void) {
    signal(SIGPIPE, on_signal);
    signal(SIGXFSZ, on_signal);
    const struct CMUnitTest tests[] = { cmocka_unit_test(taken_away), cmocka_unit_test(nothing_to_take),
                                        cmocka_unit_test(the_programs_own_stays),
                                        cmocka_unit_test(a_file_past_its_limit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
