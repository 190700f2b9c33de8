/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_fixture.h - a log file in a folder of its own, for tests of such files. */
#ifndef OTEL_TEST_LOG_FILE_FIXTURE_H
#define OTEL_TEST_LOG_FILE_FIXTURE_H

#include "file/log_file.h"

extern char log_folder[128], log_path[256];
extern struct otel__log_file log_file;
extern atomic_bool log_cancelled;

int log_file_set_up(void **state);
int log_file_tear_down(void **state);

/* With `log_path` and three files to be kept where the settings say nothing. */
bool log_open(struct otel__log_file_settings settings);
otel_status log_append_within(const char *line, int ms);
otel_status log_append(const char *line);
/* Of a file in the folder. */
void assert_log_content(const char *name, const char *expected);

#define LOG_FILE_TEST(name) cmocka_unit_test_setup_teardown(name, log_file_set_up, log_file_tear_down)

#endif
