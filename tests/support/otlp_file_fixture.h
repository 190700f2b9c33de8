/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_file_fixture.h - an OTLP file exporter, a folder for its file, and a batch of 20 random spans. */
#ifndef OTLP_FILE_FIXTURE_H
#define OTLP_FILE_FIXTURE_H

#include <otel/otlp_file.h>

#include "batch_double.h"
#include "fake_root.h"
#include "otlp_expect.h"
#include "otlp_json_read.h"
#include "otlp_lines.h"
#include "reports.h"
#include "span_generator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char path[256];
static otel_error error;
static span_set *set;
static otel_batch *batch; /* of 20 random spans */

static inline int set_up(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s/traces.jsonl", fake_root_make());
    set = span_set_create(7, 20);
    batch = batch_double_create(span_set_spans(set), 20, span_set_resource(set));
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    batch_double_free(batch);
    span_set_free(set);
    fake_root_remove();
    reports_stop();
    return 0;
}

static inline otel_exporter *make(otel_otlp_file_options options) {
    options.size = sizeof options;
    options.error = &error;
    snprintf(error.text, sizeof error.text, "untouched");
    otel_exporter *exporter = otel_otlp_file_exporter(&options);
    if (!exporter)
        fail_msg("%s", error.text);
    assert_string_equal(error.text, "");
    return exporter;
}

static inline otel_exporter *make_for_path(void) { return make((otel_otlp_file_options){ .path = path }); }

static inline void assert_lines(size_t lines, size_t spans) {
    struct otlp_lines sum = { 0 };
    assert_true(otlp_lines_add_file(&sum, path));
    assert_int_equal(sum.unreadable, 0);
    assert_int_equal(sum.rest, 0);
    assert_int_equal(sum.lines, lines);
    assert_int_equal(sum.spans, spans);
}

/* By a strict reader of OTLP JSON, against what the generator made. */
static inline void assert_holds_the_batch(const char *line, size_t len, span_set *expected) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    char problem[256];
    otlp_report report;
    if (!otlp_json_read(line, len, &bytes, &size, problem))
        fail_msg("%s", problem);
    if (!otlp_expect_request(&report, bytes, size, span_set_spans(expected), span_set_count(expected),
                             span_set_resource(expected)))
        fail_msg("%s", report.text);
    free(bytes);
}

/* Spans whose names have `len` bytes each. */
static inline otel_batch *long_batch(otel_span_data *spans, size_t count, char *name, size_t len) {
    memset(name, 'x', len);
    for (size_t i = 0; i < count; i++) {
        spans[i] = span_set_spans(set)[0];
        spans[i].name = otel_strn(name, len);
    }
    return batch_double_create(spans, count, span_set_resource(set));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
