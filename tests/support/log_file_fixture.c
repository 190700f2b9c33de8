/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_fixture.c - see log_file_fixture.h. */
#include "log_file_fixture.h"

#include "diagnostics.h"
#include "fake_root.h"
#include "otlp_lines.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char log_folder[128], log_path[256];
struct otel__log_file log_file;
atomic_bool log_cancelled;

int log_file_set_up(void **state) {
    (void)state;
    snprintf(log_folder, sizeof log_folder, "%s", fake_root_make());
    snprintf(log_path, sizeof log_path, "%s/traces.jsonl", log_folder);
    atomic_store(&log_cancelled, false);
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

int log_file_tear_down(void **state) {
    (void)state;
    otel__log_file_free(&log_file);
    fake_root_remove();
    reports_stop();
    return 0;
}

bool log_open(struct otel__log_file_settings settings) {
    settings.path = settings.path ? settings.path : log_path;
    settings.kept = settings.kept ? settings.kept : 3;
    return otel__log_file_open(&log_file, &settings);
}

otel_status log_append_within(const char *line, int ms) {
    const struct otel__write_bound bound = { otel__deadline_in(ms, 0), &log_cancelled };
    return otel__log_file_append(&log_file, line, strlen(line), &bound);
}

otel_status log_append(const char *line) { return log_append_within(line, 20000); }

void assert_log_content(const char *name, const char *expected) {
    char where[512];
    size_t len = 0;
    snprintf(where, sizeof where, "%s/%s", log_folder, name);
    char *text = otlp_lines_content(where, &len);
    assert_string_equal(text ? text : "(none)", expected);
    free(text);
}
