/* SPDX-License-Identifier: Apache-2.0 */
/* strict_test.c - strict mode: misuse is told, with the place in the program that started the span. */
#include "base/clock.h"
#include "exporter_double.h"
#include "in_child.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

enum { LINES = 64 };

static struct exporter_double seen;
/* What was reported; in memory that children share. */
static struct lines {
    _Atomic unsigned count;
    otel_log_level level[LINES];
    char text[LINES][512];
} * lines;

static void keep_line(void *data, otel_log_level level, const char *text) {
    (void)data;
    const unsigned i = atomic_fetch_add(&lines->count, 1);
    if (i >= LINES)
        return;
    lines->level[i] = level;
    snprintf(lines->text[i], sizeof lines->text[i], "%s", text);
}

static otel_status start(bool strict, otel_log_level level) {
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = level,
                                   .diagnostic = keep_line, .strict = strict,
                                   .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)))));
}

static int set_up(void **state) {
    (void)state;
    if (!lines)
        lines = mmap(NULL, sizeof *lines, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lines == MAP_FAILED)
        return -1;
    memset(lines, 0, sizeof *lines);
    exporter_double_reset(&seen);
    return 0;
}

static int begin(void **state) { return set_up(state) == 0 && start(true, OTEL_LOG_DEFAULT) == OTEL_OK ? 0 : -1; }

static int end(void **state) {
    (void)state;
    return otel_sdk_stop(-1) == OTEL_OK ? 0 : -1;
}

/* The only line is this one, with the place `line` of this file. */
static void assert_told(const char *who, unsigned line, const char *what) {
    char place[64];
    snprintf(place, sizeof place, "strict_test.c:%u, ", line);
    assert_int_equal(lines->count, 1);
    assert_int_equal(lines->level[0], OTEL_LOG_ERROR);
    assert_non_null(strstr(lines->text[0], who));
    assert_non_null(strstr(lines->text[0], place));
    assert_non_null(strstr(lines->text[0], what));
}

/* ---- after the end ----------------------------------------------------------------------------------------------- */

static void a_second_end_is_told(void **state) {
    (void)state;
    const unsigned line = __LINE__ + 1;
    const otel_span span = otel_span_start(lib, OTEL_START("twice"));
    otel_span_end(&span);
    assert_int_equal(lines->count, 0);
    otel_span_end(&span);
    assert_told("span 'twice' of tracer 'lib'", line, "was ended after its end: ignored");
}

static void late_change(unsigned which, const otel_span *span) {
    switch (which) {
    case 0:
        otel_set(span, "key", 1);
        break;
    case 1:
        otel_event(span, "event");
        break;
    case 2:
        otel_exception(span, "type");
        break;
    case 3:
        otel_span_add_link(span, &(otel_link){ .span = *span });
        break;
    case 4:
        otel_span_set_name(span, "name");
        break;
    case 5:
        otel_span_set_status(span, OTEL_CODE_ERROR, "text");
        break;
    default:
        otel_span_fail(span, "type", "text");
        break;
    }
}

static void every_change_after_the_end_is_told(void **state) {
    (void)state;
    for (unsigned which = 0; which < 7; which++) {
        const unsigned line = __LINE__ + 1;
        const otel_span span = otel_span_start(lib, OTEL_START("late"));
        otel_span_end(&span);
        late_change(which, &span);
        assert_told("'late'", line, "was changed after its end: ignored");
        end(state);
        begin(state);
    }
}

static void what_is_no_misuse_is_not_told(void **state) {
    (void)state;
    {
        OTEL_SPAN(span, lib, "ended by hand");
        otel_span_end_at(&span, 0);
        assert_false(otel_span_recording(&span));
        uint8_t id[8];
        otel_span_id(&span, id);
    }
    const otel_span none = { { 0 } };
    otel_span_end(&none);
    otel_set(&none, "key", 1);
    assert_int_equal(lines->count, 0);
}

static void a_span_whose_place_is_unknown_is_told_by_its_name(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, &(otel_span_options){ .size = sizeof(otel_span_options), .name = "n" });
    otel_span_end(&span);
    otel_span_end(&span);
    assert_int_equal(lines->count, 1);
    assert_non_null(strstr(lines->text[0], "span 'n' of tracer 'lib', started without OTEL_START(), was ended"));
}

static void the_last_16384_spans_are_known(void **state) {
    (void)state;
    const otel_span old = otel_span_start(lib, OTEL_START("old"));
    otel_span_end(&old);
    const otel_span known = otel_span_start(lib, OTEL_START("known"));
    otel_span_end(&known);
    for (unsigned i = 0; i < 16383; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_span_end(&span);
    }
    otel_span_end(&old);
    assert_int_equal(lines->count, 0);
    otel_span_end(&known);
    assert_int_equal(lines->count, 1);
    assert_non_null(strstr(lines->text[0], "'known'"));
}

static void each_place_has_a_line_of_its_own(void **state) {
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        const otel_span here = otel_span_start(lib, OTEL_START("s"));
        const otel_span there = otel_span_start(lib, OTEL_START("s"));
        otel_span_end(&here);
        otel_span_end(&there);
        otel_span_end(&here);
        otel_span_end(&there);
    }
    assert_int_equal(lines->count, 2);
}

/* ---- scopes ------------------------------------------------------------------------------------------------------ */

static void a_scope_that_is_closed_out_of_order_is_told(void **state) {
    (void)state;
    const unsigned line = __LINE__ + 1;
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    const otel_span inner = otel_span_start(lib, OTEL_START("inner"));
    otel_scope outer_scope = otel_span_attach(&outer, false);
    otel_scope inner_scope = otel_span_attach(&inner, false);
    otel_scope_close(&outer_scope);
    assert_told("'outer'", line, "a scope was closed while younger ones were open");
    otel_scope_close(&inner_scope);
    assert_int_equal(lines->count, 1);
    otel_span_end(&inner);
    otel_span_end(&outer);
}

static void *close_scope(void *scope) {
    otel_scope_close(scope);
    return NULL;
}

static void a_scope_that_is_closed_by_another_thread_is_told(void **state) {
    (void)state;
    pthread_t thread;
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_scope scope = otel_span_attach(&span, true);
    assert_int_equal(pthread_create(&thread, NULL, close_scope, &scope), 0);
    pthread_join(thread, NULL);
    assert_int_equal(lines->count, 1);
    assert_int_equal(lines->level[0], OTEL_LOG_ERROR);
    assert_non_null(strstr(lines->text[0], "on another thread"));
    otel_scope_close(&scope);
}

/* ---- spans that never end ---------------------------------------------------------------------------------------- */

static void spans_that_are_not_ended_when_the_sdk_stops_are_told(void **state) {
    (void)state;
    const unsigned line = __LINE__ + 1;
    const otel_span lost = otel_span_start(lib, OTEL_START("lost"));
    (void)lost;
    assert_int_equal(otel_sdk_stop(-1), OTEL_OK);
    assert_int_equal(lines->count, 2); /* and the warning that there is in any mode */
    lines->count = 1;
    assert_told("span 'lost' of tracer 'lib'", line, "was never ended");
}

static int exits_with_a_live_span(void *argument) {
    (void)argument;
    if (start(true, OTEL_LOG_DEFAULT) != OTEL_OK)
        return 1;
    const otel_span ended = otel_span_start(lib, OTEL_START("ended"));
    otel_span_end(&ended);
    const otel_span lost = otel_span_start(lib, OTEL_START("lost"));
    (void)lost;
    exit(7);
}

static void spans_that_are_not_ended_at_exit_are_told(void **state) {
    (void)state;
    fflush(NULL);
    assert_int_equal(in_child(exits_with_a_live_span, NULL), 7);
    assert_int_equal(lines->count, 1);
    assert_non_null(strstr(lines->text[0], "'lost'"));
    assert_non_null(strstr(lines->text[0], "was never ended"));
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

static int ends_inherited_spans(void *argument) {
    const otel_span *spans = argument;
    otel_span_end(&spans[0]);
    otel_set(&spans[1], "key", 1);
    otel_span_end(&spans[1]);
    return (int)lines->count;
}

static void a_child_is_not_told_of_its_parents_spans(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    otel_span spans[2];
    for (unsigned i = 0; i < 2; i++)
        spans[i] = otel_span_start(lib, OTEL_START("parent's"));
    otel_span_end(&spans[0]);
    fflush(NULL);
    assert_int_equal(in_child(ends_inherited_spans, spans), 0);
    otel_span_end(&spans[1]);
    assert_int_equal(lines->count, 0);
}

/* ---- without strict mode ----------------------------------------------------------------------------------------- */

static void late_calls_are_debug_messages_otherwise(void **state) {
    (void)state;
    assert_int_equal(start(false, OTEL_LOG_DEBUG), OTEL_OK);
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_end(&span);
    lines->count = 0;
    otel_span_end(&span);
    assert_int_equal(lines->count, 1);
    assert_int_equal(lines->level[0], OTEL_LOG_DEBUG);
    assert_null(strstr(lines->text[0], "strict_test.c"));
}

static void the_environment_turns_it_on(void **state) {
    (void)state;
    setenv("OTEL_C_STRICT", "true", 1);
    assert_int_equal(start(false, OTEL_LOG_DEFAULT), OTEL_OK);
    unsetenv("OTEL_C_STRICT");
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_end(&span);
    otel_span_end(&span);
    assert_int_equal(lines->count, 1);
}

#define strict(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define any(name) cmocka_unit_test_setup_teardown(name, set_up, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        strict(a_second_end_is_told),
        strict(every_change_after_the_end_is_told),
        strict(what_is_no_misuse_is_not_told),
        strict(a_span_whose_place_is_unknown_is_told_by_its_name),
        strict(the_last_16384_spans_are_known),
        strict(each_place_has_a_line_of_its_own),
        strict(a_scope_that_is_closed_out_of_order_is_told),
        strict(a_scope_that_is_closed_by_another_thread_is_told),
        strict(spans_that_are_not_ended_when_the_sdk_stops_are_told),
        any(spans_that_are_not_ended_at_exit_are_told),
        strict(a_child_is_not_told_of_its_parents_spans),
        any(late_calls_are_debug_messages_otherwise),
        any(the_environment_turns_it_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
