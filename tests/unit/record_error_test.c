/* SPDX-License-Identifier: Apache-2.0 */
/* record_error_test.c - an error with the stack trace of the thread that recorded it. */
#include "span_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

/* The value of the attribute in the text of the only event of the span that ended last; freed by the caller. */
static char *value_of(const char *key) {
    char name[64];
    const char *events = span_last()->events;
    snprintf(name, sizeof name, "%s=string:\"", key);
    const char *found = strstr(events, name);
    if (!found)
        return NULL;
    found += strlen(name);
    char *value = strndup(found, strcspn(found, "\""));
    /* Newlines are written as \x0a. */
    for (char *at = value; at && (at = strstr(at, "\\x0a")) != NULL;) {
        *at = '\n';
        memmove(at + 1, at + 4, strlen(at + 4) + 1);
    }
    return value;
}

static void assert_value(const char *key, const char *expected) {
    char *value = value_of(key);
    assert_non_null(value);
    assert_string_equal(value, expected);
    free(value);
}

enum { MOST_BYTES_OF_A_FUNCTION = 4096 };

__attribute__((noinline)) static void fail_inside(const otel_span *span) {
    otel_span_record_error(span, "IOError", "disk full");
    __asm__ volatile("" ::: "memory"); /* the call above is not the last thing here, or it would have no frame */
}

__attribute__((noinline)) static void fail_outside(const otel_span *span) {
    fail_inside(span);
    __asm__ volatile("" ::: "memory");
}

/* The address in the `line`-th frame, as an offset in its object. */
static uintptr_t offset_in(const char *stack, unsigned line) {
    for (; line > 0; line--)
        stack = strchr(stack, '\n') + 1;
    const char *end = strchr(stack, '\n');
    const char *plus = stack;
    for (const char *at = stack; at < end; at++)
        if (*at == '+')
            plus = at;
    return (uintptr_t)strtoull(plus + 1, NULL, 16);
}

static uintptr_t offset_of(void (*function)(const otel_span *)) {
    Dl_info where;
    const uintptr_t address = (uintptr_t)function;
    assert_int_not_equal(dladdr((const void *)address, &where), 0);
    return address - (uintptr_t)where.dli_fbase;
}

static void the_stack_begins_with_the_caller(void **state) {
    (void)state;
#if !defined(__GLIBC__)
    skip();
#endif
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    errno = EDOM;
    fail_outside(&span);
    assert_int_equal(errno, EDOM);
    otel_span_end(&span);
    assert_value("exception.type", "IOError");
    assert_value("exception.message", "disk full");
    char *stack = value_of("exception.stacktrace");
    assert_non_null(stack);
    const uintptr_t first = offset_in(stack, 0), second = offset_in(stack, 1);
    assert_in_range(first, offset_of(fail_inside), offset_of(fail_inside) + MOST_BYTES_OF_A_FUNCTION);
    assert_in_range(second, offset_of(fail_outside), offset_of(fail_outside) + MOST_BYTES_OF_A_FUNCTION);
    assert_null(strstr(stack, "otel_span_record_error"));
    free(stack);
}

static void recurse(const otel_span *span, unsigned depth) {
    if (depth == 0)
        otel_span_record_error(span, "deep", NULL);
    else
        recurse(span, depth - 1);
    __asm__ volatile("" ::: "memory");
}

static void a_deep_stack_is_cut_at_a_whole_line(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    recurse(&span, 1000);
    otel_span_end(&span);
    char *stack = value_of("exception.stacktrace");
    assert_non_null(stack);
    const size_t len = strlen(stack);
    assert_in_range(len, 1, 8191);
    assert_int_equal(stack[len - 1], '\n');
    assert_null(value_of("exception.message"));
    free(stack);
}

static void it_may_be_called_with_nothing_and_late(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_record_error(NULL, NULL, NULL);
    otel_span_record_error(&span, NULL, NULL);
    otel_span_end(&span);
    otel_span_record_error(&span, "late", NULL);
    assert_value("exception.type", "_OTHER");
}

#define test(name) cmocka_unit_test_setup_teardown(name, spans_begin, spans_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(the_stack_begins_with_the_caller),
        test(a_deep_stack_is_cut_at_a_whole_line),
        test(it_may_be_called_with_nothing_and_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
