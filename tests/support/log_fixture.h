/* SPDX-License-Identifier: Apache-2.0 */
/* log_fixture.h - the lines of a test, caught by a sink and read by jansson, which knows nothing of what wrote them. */
#ifndef OTEL_TEST_LOG_FIXTURE_H
#define OTEL_TEST_LOG_FIXTURE_H

#include <jansson.h>
#include <otel/log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The line that came last, and how many there were. */
static struct {
    char text[8192];
    size_t len;
    otel_severity severity;
    unsigned count;
} caught;

__attribute__((unused)) static void catch_line(void *data, otel_severity severity, const char *line, size_t len) {
    (void)data;
    assert_true(len < sizeof caught.text && line[len] == '\0');
    memcpy(caught.text, line, len + 1);
    caught.len = len;
    caught.severity = severity;
    caught.count++;
}

__attribute__((unused)) static int catch_lines(void **state) {
    (void)state;
    memset(&caught, 0, sizeof caught);
    otel_log_configure(OTEL_LOG_OPTIONS(.severity = OTEL_SEVERITY_DEBUG, .lines_per_second = -1, .sink = catch_line));
    return 0;
}

__attribute__((unused)) static int catch_no_more(void **state) {
    (void)state;
    otel_log_configure(NULL);
    return 0;
}

/* Parses one line without its newline, strictly: no key twice. The caller owns the result. */
__attribute__((unused)) static json_t *parse_line(const char *text, size_t len) {
    json_error_t error;
    json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (line == NULL) {
        print_error("%s in: %.*s\n", error.text, (int)len, text);
    }
    return line;
}

__attribute__((unused)) static json_t *caught_line(void) {
    json_t *line = parse_line(caught.text, caught.len);
    assert_non_null(line);
    return line;
}

__attribute__((unused)) static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "(none)";
}

#endif
