/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins_sdk_test.c - plug-ins that bring the SDK along, in a program that knows nothing of it: a plug-in may go while
 * the SDK that it started runs, another one goes on with that, and exit() sends what is queued.
 */
#include "in_child.h"
#include "load.h"
#include "sdk_plugin.h"

#include <otel/status.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROUNDS = 10, CODE = 7 };

static const struct sdk_plugin *load_plugin(struct loaded *loaded, const char *name) {
    return load(loaded, name, "sdk_plugin") ? loaded->offers : NULL;
}

/* ---- exit: in children, which come first, while this process has not loaded anything ----------------------------- */

/* The child's exit code; what it wrote to stdout in `text`. */
static int output_of(int (*part)(void *argument), char *text, size_t size) {
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    fflush(NULL);
    const int saved = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    const int code = in_child(part, NULL); /* less is written than a pipe holds */
    dup2(saved, STDOUT_FILENO);
    close(saved);
    const ssize_t count = read(ends[0], text, size - 1);
    text[count > 0 ? count : 0] = '\0';
    close(ends[0]);
    return code;
}

/* exit() waits for 1 s at most, which may be over under valgrind (SLOW) before all is sent. */
static void assert_spans(const char *text, unsigned wanted) {
    unsigned count = 0;
    for (const char *at = strstr(text, "\"work\""); at; at = strstr(at + 1, "\"work\""))
        count++;
    assert_in_range(count, getenv("SLOW") ? 0 : wanted, wanted);
}

static int exits_after_unload(void *argument) {
    (void)argument;
    struct loaded loaded;
    const struct sdk_plugin *plugin = load_plugin(&loaded, "sdk_one");
    STEP(plugin && plugin->start(TO_STDOUT) == OTEL_OK);
    plugin->work(5);
    STEP(unload(&loaded));
    STEP(files_mapped("libotel-sdk.so") == 1);
    exit(CODE);
}

static void exit_sends_what_an_unloaded_plugin_left_queued(void **state) {
    (void)state;
    char text[8192];
    assert_int_equal(output_of(exits_after_unload, text, sizeof text), CODE);
    assert_spans(text, 5);
}

static int exits_after_static_is_closed(void *argument) {
    (void)argument;
    struct loaded loaded;
    const struct sdk_plugin *plugin = load_plugin(&loaded, "sdk_static");
    STEP(plugin && plugin->start(TO_STDOUT) == OTEL_OK);
    plugin->work(5);
    STEP(files_mapped("libotel-") == 0);
    STEP(close_but_keep(&loaded));
    exit(CODE);
}

static void a_plugin_with_the_static_sdk_stays_loaded(void **state) {
    (void)state;
    char text[8192];
    assert_int_equal(output_of(exits_after_static_is_closed, text, sizeof text), CODE);
    assert_spans(text, 5);
}

/* ---- one goes, another goes on ----------------------------------------------------------------------------------- */

static void another_plugin_goes_on_with_the_sdk_of_an_unloaded_one(void **state) {
    (void)state;
    struct loaded one, two;
    assert_int_equal(files_mapped("libotel-"), 0);
    const struct sdk_plugin *first = load_plugin(&one, "sdk_one");
    assert_non_null(first);
    assert_int_equal(first->start(TO_MEMORY), OTEL_OK);
    first->work(10);
    const struct sdk_plugin *second = load_plugin(&two, "sdk_two");
    assert_non_null(second);
    assert_int_equal(second->start(TO_MEMORY), OTEL_ERR_STATE);
    assert_true(unload(&one));
    assert_int_equal(second->start(TO_MEMORY), OTEL_ERR_STATE);
    second->work(5);
    assert_int_equal(second->exported(), 15);
    assert_int_equal(second->stop(), OTEL_OK);
    assert_true(unload(&two));
    assert_int_equal(files_mapped("libotel-sdk.so"), 1);
}

/* With a pipeline of its own, whose names and functions go with it. */
static void a_plugin_starts_and_stops_the_sdk_each_time_it_is_loaded(void **state) {
    (void)state;
    struct loaded two;
    const struct sdk_plugin *second = load_plugin(&two, "sdk_two");
    assert_non_null(second);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct loaded one;
        const struct sdk_plugin *first = load_plugin(&one, "sdk_one");
        assert_non_null(first);
        assert_int_equal(first->start(TO_ITSELF), OTEL_OK);
        first->work(3);
        second->work(2);
        assert_int_equal(first->stop(), OTEL_OK);
        assert_true(unload(&one));
        second->complain();
        assert_string_equal(second->processor(), "batch/itself");
        assert_int_equal(second->exported(), 5);
    }
    assert_int_equal(second->start(TO_MEMORY), OTEL_OK);
    second->work(1);
    assert_int_equal(second->exported(), 1);
    assert_int_equal(second->stop(), OTEL_OK);
    assert_true(unload(&two));
    printf("measured: SDK started and stopped by a plug-in that was then unloaded: %d times\n", ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_sends_what_an_unloaded_plugin_left_queued),
        cmocka_unit_test(a_plugin_with_the_static_sdk_stays_loaded),
        cmocka_unit_test(another_plugin_goes_on_with_the_sdk_of_an_unloaded_one),
        cmocka_unit_test(a_plugin_starts_and_stops_the_sdk_each_time_it_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
