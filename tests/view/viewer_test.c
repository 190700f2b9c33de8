/* SPDX-License-Identifier: Apache-2.0 */
/* When a trace is shown: times are the test's own. */
#include "fixture.h"
#include "viewer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SETTLE = 300, PATIENCE = 6000 };

struct fixture {
    struct viewer viewer;
    struct view_store *store;
    FILE *file;
    char shown[64 * 1024];
};

static struct fixture *begin(size_t max_traces) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct view_options options = { .settle_ms = SETTLE, .patience_ms = PATIENCE, .color = VIEW_AUTO };
    fixture->store = view_store_new(max_traces, 1 << 20);
    fixture->file = tmpfile();
    viewer_init(&fixture->viewer, &options, fixture->store, fileno(fixture->file));
    return fixture;
}

static void end(struct fixture *fixture) {
    fclose(fixture->file);
    view_store_free(fixture->store);
    free(fixture);
}

/* What was written since the last call. */
static const char *shown(struct fixture *fixture) {
    ssize_t len = pread(fileno(fixture->file), fixture->shown, sizeof fixture->shown - 1, 0);
    assert_true(len >= 0);
    fixture->shown[len] = '\0';
    assert_return_code(ftruncate(fileno(fixture->file), 0), 0);
    lseek(fileno(fixture->file), 0, SEEK_SET);
    return fixture->shown;
}

static const char *show_at(struct fixture *fixture, int64_t now) {
    viewer_show_finished(&fixture->viewer, now);
    return shown(fixture);
}

static void test_a_whole_trace_settles(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    assert_int_equal(viewer_timeout(&fixture->viewer), -1);
    fixture_add(fixture->store, fixture_search, fixture_search_count, 1000);
    assert_true(viewer_timeout(&fixture->viewer) > 0);
    assert_string_equal(show_at(fixture, 1000 + SETTLE - 1), "");
    const char *text = show_at(fixture, 1000 + SETTLE);
    assert_non_null(strstr(text, "15 spans"));
    assert_null(strchr(text, '\033')); /* a file is no terminal */
    assert_string_equal(show_at(fixture, 100000), "");
    assert_int_equal(viewer_timeout(&fixture->viewer), -1);
    end(fixture);
}

/* The gateway's half arrives first, the other service's seconds later. */
static void test_the_far_side_of_a_call_is_waited_for(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture_add(fixture->store, fixture_search, 6, 1000);
    assert_string_equal(show_at(fixture, 1000 + PATIENCE - 1), "");
    fixture_add(fixture->store, fixture_search + 6, fixture_search_count - 6, 1000 + PATIENCE - 1);
    assert_string_equal(show_at(fixture, 1000 + PATIENCE), "");
    assert_non_null(strstr(show_at(fixture, 1000 + PATIENCE - 1 + SETTLE), "15 spans"));
    end(fixture);
}

static void test_a_missing_parent_is_waited_for(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture_add(fixture->store, fixture_search + 6, fixture_search_count - 6, 0);
    assert_string_equal(show_at(fixture, SETTLE), "");
    fixture_add(fixture->store, fixture_search, 6, 5000);
    assert_non_null(strstr(show_at(fixture, 5000 + SETTLE), "15 spans"));
    end(fixture);
}

static void test_patience_ends(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture_add(fixture->store, fixture_search + 6, fixture_search_count - 6, 0);
    assert_string_equal(show_at(fixture, PATIENCE - 1), "");
    assert_non_null(strstr(show_at(fixture, PATIENCE), "(parent 0000000000000005 not received)"));
    end(fixture);
}

static void test_what_comes_late_shows_the_trace_again(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture_add(fixture->store, fixture_search, fixture_search_count - 1, 0);
    assert_null(strstr(show_at(fixture, SETTLE), "again"));
    fixture_add(fixture->store, fixture_search, fixture_search_count, 9000);
    assert_non_null(strstr(show_at(fixture, 9000 + SETTLE), "15 spans  4 errors  (again, with 1 more)"));
    fixture_add(fixture->store, fixture_search, fixture_search_count, 20000); /* only duplicates */
    assert_string_equal(show_at(fixture, 90000), "");
    end(fixture);
}

static void test_the_end_shows_the_rest(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture_add(fixture->store, fixture_search, 6, 0);
    viewer_show_rest(&fixture->viewer);
    assert_non_null(strstr(shown(fixture), "6 spans"));
    viewer_show_rest(&fixture->viewer);
    assert_string_equal(shown(fixture), "");
    end(fixture);
}

static void test_no_trace_goes_unseen(void **state) {
    (void)state;
    struct fixture *fixture = begin(1);
    const struct fixture_span other = { .service = "a", .trace = 9, .id = 1, .name = "x" };
    fixture_add(fixture->store, fixture_search, fixture_search_count, 0);
    fixture_add(fixture->store, &other, 1, 0);
    assert_non_null(strstr(shown(fixture), "trace 4b4b"));
    assert_non_null(strstr(show_at(fixture, SETTLE), "trace 0909"));
    end(fixture);
}

static void test_quiet(void **state) {
    (void)state;
    struct fixture *fixture = begin(10);
    fixture->viewer.options.quiet = true;
    fixture_add(fixture->store, fixture_search, fixture_search_count, 0);
    assert_string_equal(show_at(fixture, SETTLE), "");
    assert_int_equal(viewer_timeout(&fixture->viewer), -1);
    end(fixture);
}

/* A pipe that nobody reads fills up; the second text must not wait for it again. */
static void test_output_that_is_not_read(void **state) {
    (void)state;
    int pipe_fds[2];
    assert_return_code(pipe(pipe_fds), 0);
    struct view_output output = { .fd = pipe_fds[1] };
    char *text = calloc(1, 1 << 20);
    memset(text, 'x', 1 << 20);
    assert_false(view_output_write(&output, text, 1 << 20));
    assert_true(output.stuck);
    assert_false(view_output_write(&output, text, 10));
    assert_int_equal(output.lost, 2);
    while (read(pipe_fds[0], text, 4096) == 4096) {
        struct view_output probe = output;
        if (view_output_write(&probe, "y", 1)) {
            output = probe;
            break;
        }
    }
    assert_false(output.stuck);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    free(text);
}

static void test_output_without_a_reader(void **state) {
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct view_output output = { .fd = fd };
    assert_false(view_output_write(&output, "x", 1));
    assert_true(output.closed);
    assert_false(view_output_write(&output, "x", 1));
    assert_int_equal(output.lost, 2);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_trace_settles),
        cmocka_unit_test(test_the_far_side_of_a_call_is_waited_for),
        cmocka_unit_test(test_a_missing_parent_is_waited_for),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_what_comes_late_shows_the_trace_again),
        cmocka_unit_test(test_the_end_shows_the_rest),
        cmocka_unit_test(test_no_trace_goes_unseen),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_output_that_is_not_read),
        cmocka_unit_test(test_output_without_a_reader),
    };
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
