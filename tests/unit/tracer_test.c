/* SPDX-License-Identifier: Apache-2.0 */
/* tracer_test.c - tracers bind to the SDK that runs, and equal scopes are one scope. */
#include "tracer.h"

#include "failing_allocator.h"
#include "in_child.h"
#include "sanitizers.h"
#include "reports.h"
#include "span_assert.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { THREADS = 4, SCOPES_MAX = 4096 };

static int begin(void **state) {
    (void)state;
    reports_start(OTEL_LOG_TRACE);
    return otel__scopes_begin() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    otel__scopes_end();
    reports_stop();
    return 0;
}

static otel_tracer tracer(const char *name, const char *version, const char *schema_url) {
    return (otel_tracer){ .name = name, .version = version, .schema_url = schema_url };
}

#define str_is(text, expected)                                                                                         \
    assert_true((text).len == strlen(expected) && memcmp((text).ptr, (expected), (text).len) == 0)

static void a_tracer_names_its_scope(void **state) {
    (void)state;
    const otel_attr items[] = { OTEL_ATTR("k", 1) };
    otel_tracer full = { .name = "lib", .version = "1.2", .schema_url = "http://s", .attributes = { items, 1 } };
    const struct otel__scope *scope = otel__tracer_scope(&full);
    str_is(scope->data.name, "lib");
    str_is(scope->data.version, "1.2");
    str_is(scope->data.schema_url, "http://s");
    assert_int_equal(scope->data.attributes.count, 1);
    otel_tracer bare = tracer("lib", NULL, NULL);
    scope = otel__tracer_scope(&bare);
    str_is(scope->data.name, "lib");
    assert_int_equal(scope->data.version.len + scope->data.schema_url.len + scope->data.attributes.count, 0);
    assert_int_equal(reports_count(), 0);
}

static void attributes_without_a_key_are_dropped_and_counted(void **state) {
    (void)state;
    const otel_attr items[] = { OTEL_ATTR("", 1), OTEL_ATTR("k", 1), OTEL_ATTR(NULL, 2), OTEL_ATTR("k", 3) };
    otel_tracer some = { .name = "lib", .attributes = { items, 4 } };
    const struct otel__scope *scope = otel__tracer_scope(&some);
    assert_int_equal(scope->data.attributes.count, 1);
    assert_int_equal(scope->data.dropped_attributes, 2); /* what was replaced is not lost */
    otel_tracer none = { .name = "lib", .attributes = { NULL, 4 } };
    assert_int_equal(otel__tracer_scope(&none)->data.dropped_attributes, 0);
}

static void equal_tracers_share_a_scope_and_others_dont(void **state) {
    (void)state;
    const otel_attr one[] = { OTEL_ATTR("k", 1), OTEL_ATTR("l", "x") },
                    two[] = { OTEL_ATTR("l", "x"), OTEL_ATTR("k", 1) },
                    three[] = { OTEL_ATTR("k", 2), OTEL_ATTR("l", "x") };
    otel_tracer tracers[] = {
        tracer("a", "1", "u"), tracer("a", "1", "u"),  tracer("b", "1", "u"), tracer("a", "2", "u"),
        tracer("a", "1", "v"), tracer("a", "1", NULL), tracer("a", "1", ""),  tracer("a", "1", "u"),
        tracer("a", "1", "u"), tracer("a", "1", "u"),
    };
    tracers[7].attributes = (otel_attrs){ one, 2 };
    tracers[8].attributes = (otel_attrs){ two, 2 };
    tracers[9].attributes = (otel_attrs){ three, 2 };
    /* Which of them are the same: equal numbers. */
    static const int same[] = { 0, 0, 1, 2, 3, 4, 4, 5, 5, 6 };
    for (unsigned i = 0; i < 10; i++)
        for (unsigned j = 0; j < 10; j++)
            assert_int_equal(otel__tracer_scope(&tracers[i]) == otel__tracer_scope(&tracers[j]), same[i] == same[j]);
}

/* Text that is not UTF-8 is repaired, and binding again finds what was made of it. */
static void bad_text_makes_one_scope_too(void **state) {
    (void)state;
    const otel_attr items[] = { OTEL_ATTR("k\xff", "v\xff") };
    otel_tracer a = { .name = "lib\xff", .version = "\xfe", .schema_url = "\xfd", .attributes = { items, 1 } };
    otel_tracer b = a;
    otel_tracer c = a;
    c.name = "lib\xfe"; /* the same, when repaired */
    str_is(otel__tracer_scope(&a)->data.name, "lib\xef\xbf\xbd");
    assert_ptr_equal(otel__tracer_scope(&a), otel__tracer_scope(&b));
    assert_ptr_equal(otel__tracer_scope(&a), otel__tracer_scope(&c));
}

static void a_tracer_without_a_name_works_and_is_reported(void **state) {
    (void)state;
    otel_tracer null = tracer(NULL, NULL, NULL);
    assert_int_equal(otel__tracer_scope(&null)->data.name.len, 0);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("(null)", NULL));
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
    otel__tracer_scope(&null);
    assert_int_equal(reports_count(), 1);
}

static void an_empty_name_is_reported_too(void **state) {
    (void)state;
    otel_tracer empty = tracer("", "1", NULL);
    assert_int_equal(otel__tracer_scope(&empty)->data.name.len, 0);
    str_is(otel__tracer_scope(&empty)->data.version, "1");
    assert_true(reports_mention("''", NULL));
}

static void a_tracer_binds_anew_after_a_restart(void **state) {
    (void)state;
    otel_tracer lib = tracer("lib", NULL, NULL), other = tracer("other", NULL, NULL);
    otel__tracer_scope(&lib);
    const uint64_t bound = lib.opaque_[0];
    assert_int_not_equal(bound, 0);
    otel__scopes_end();
    assert_true(otel__scopes_begin());
    /* In another order, so that a scope that was kept would likely be the other's memory. */
    str_is(otel__tracer_scope(&other)->data.name, "other");
    str_is(otel__tracer_scope(&lib)->data.name, "lib");
    assert_int_not_equal(lib.opaque_[0], bound);
}

static void too_many_scopes_are_reported_and_nameless(void **state) {
    (void)state;
    static char names[SCOPES_MAX + 2][8];
    static otel_tracer tracers[SCOPES_MAX + 2];
    for (unsigned i = 0; i < SCOPES_MAX + 2; i++) {
        snprintf(names[i], sizeof names[i], "t%u", i);
        tracers[i] = tracer(names[i], NULL, NULL);
    }
    for (unsigned i = 0; i < SCOPES_MAX; i++)
        str_is(otel__tracer_scope(&tracers[i])->data.name, names[i]);
    assert_int_equal(reports_count(), 0);
    assert_int_equal(otel__tracer_scope(&tracers[SCOPES_MAX])->data.name.len, 0);
    assert_int_equal(otel__tracer_scope(&tracers[SCOPES_MAX + 1])->data.name.len, 0);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("t4096", "4096"));
    str_is(otel__tracer_scope(&tracers[0])->data.name, "t0");
    otel_tracer again = tracer("t17", NULL, NULL);
    assert_ptr_equal(otel__tracer_scope(&again), otel__tracer_scope(&tracers[17]));
}

static void without_memory_a_tracer_is_nameless_and_errno_stays(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    otel_tracer lib = tracer("lib", NULL, NULL);
    failing_allocator_fail(1, true);
    errno = EDOM;
    const struct otel__scope *scope = otel__tracer_scope(&lib);
    const int seen = errno;
    failing_allocator_fail(0, false);
    assert_int_equal(scope->data.name.len, 0);
    assert_int_equal(seen, EDOM);
    assert_true(reports_mention("lib", NULL));
}

struct meeting {
    otel_tracer tracer;
    pthread_barrier_t barrier;
    const struct otel__scope *seen[THREADS];
    _Atomic unsigned next;
};

static void *bind_at_once(void *data) {
    struct meeting *meeting = data;
    const unsigned me = atomic_fetch_add(&meeting->next, 1);
    pthread_barrier_wait(&meeting->barrier);
    meeting->seen[me] = otel__tracer_scope(&meeting->tracer);
    return NULL;
}

static void threads_that_bind_a_tracer_at_once_agree(void **state) {
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        char name[16];
        snprintf(name, sizeof name, "r%u", round);
        struct meeting meeting = { .tracer = tracer(name, NULL, NULL) };
        pthread_barrier_init(&meeting.barrier, NULL, THREADS);
        pthread_t threads[THREADS];
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, bind_at_once, &meeting), 0);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&meeting.barrier);
        for (unsigned i = 1; i < THREADS; i++)
            assert_ptr_equal(meeting.seen[i], meeting.seen[0]);
        str_is(meeting.seen[0]->data.name, name);
    }
}

static otel_tracer of_child[3] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
static unsigned frees;
static int outcome_of_child = -1;

static int uses_scopes_of_its_own(void *argument) {
    (void)argument;
    STEP(otel__scopes_begin());
    for (unsigned i = 0; i < 3; i++)
        STEP(*otel__tracer_scope(&of_child[i])->data.name.ptr == *of_child[i].name);
    otel__scopes_end();
    return 0;
}

static void fork_at_the_second_free(void) {
    if (++frees != 2)
        return;
    failing_allocator_after_free(NULL);
    outcome_of_child = in_child(uses_scopes_of_its_own, NULL);
}

/* A fork while another thread frees them, here as if by that thread, leaves the child none that are freed. */
static void a_child_finds_no_scope_that_was_being_freed(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "free() cannot be watched here");
    for (unsigned i = 0; i < 3; i++)
        otel__tracer_scope(&of_child[i]);
    failing_allocator_after_free(fork_at_the_second_free);
    otel__scopes_end();
    failing_allocator_after_free(NULL);
    assert_int_equal(outcome_of_child, 0);
}

/* However long a caller's mistake is, it takes no memory, and is reported once. */
static void text_beyond_the_bound_makes_the_empty_scope(void **state) {
    (void)state;
    enum { BOUND = 64 * 1024 };
    char *text = malloc(BOUND + 2);
    memset(text, 't', BOUND + 1);
    text[BOUND + 1] = '\0';
    const otel_attr items[] = { OTEL_ATTR("k", text) };
    otel_tracer tracers[] = { tracer(text, NULL, NULL), tracer("a", text, NULL), tracer("b", NULL, text),
                              tracer("c", NULL, NULL), tracer("d", NULL, NULL) };
    tracers[3].attributes = (otel_attrs){ items, 1 };
    tracers[4].attributes = (otel_attrs){ items, SIZE_MAX };
    for (unsigned i = 0; i < 5; i++) {
        const struct otel__scope *scope = otel__tracer_scope(&tracers[i]);
        assert_non_null(scope);
        assert_int_equal(scope->data.name.len + scope->data.version.len + scope->data.schema_url.len, 0);
        assert_int_equal(scope->data.attributes.count, 0);
        assert_int_equal(reports_count(), 1);
    }
    assert_true(reports_mention("no room for tracer", NULL));
    text[BOUND - 1024] = '\0';
    otel_tracer long_one = tracer(text, NULL, NULL);
    assert_int_equal(otel__tracer_scope(&long_one)->data.name.len, BOUND - 1024);
    assert_int_equal(reports_count(), 1);
    free(text);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_tracer_names_its_scope),
        test(equal_tracers_share_a_scope_and_others_dont),
        test(attributes_without_a_key_are_dropped_and_counted),
        test(bad_text_makes_one_scope_too),
        test(a_tracer_without_a_name_works_and_is_reported),
        test(an_empty_name_is_reported_too),
        test(a_tracer_binds_anew_after_a_restart),
        test(a_child_finds_no_scope_that_was_being_freed),
        test(text_beyond_the_bound_makes_the_empty_scope),
        test(too_many_scopes_are_reported_and_nameless),
        test(without_memory_a_tracer_is_nameless_and_errno_stays),
        test(threads_that_bind_a_tracer_at_once_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
