/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_test.c - lines in a file that is replaced, filled up, renamed, closed and broken off. */
#include "log_file_fixture.h"

#include "base/sigpipe.h"
#include "diagnostics.h"
#include "fake_clock.h"
#include "fake_root.h"
#include "otlp_lines.h"
#include "reports.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static void lines_are_appended(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "before\none\ntwo\n");
}

static void a_new_file_is_not_for_everybody(void **state) {
    (void)state;
    struct stat st;
    mode_t before = umask(0);
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 5 }));
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(chmod(log_path, 0604), 0);
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    umask(before);
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604); /* the next one is for whom the last one was for */
}

static void a_path_stays_the_same_in_another_folder(void **state) {
    (void)state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(log_folder), 0);
    const bool opened = log_open((struct otel__log_file_settings){ .path = "traces.jsonl" });
    assert_int_equal(chdir("/"), 0);
    assert_true(opened);
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(chdir(before), 0);
    assert_log_content("traces.jsonl", "one\n");
}

static void what_cannot_be_opened(void **state) {
    (void)state;
    char elsewhere[300];
    assert_false(log_open((struct otel__log_file_settings){ .path = log_folder }));
    assert_int_equal(errno, EISDIR);
    assert_false(log_open((struct otel__log_file_settings){ .path = "/dev/null" }));
    assert_int_equal(errno, ENOTSUP);
    fake_root_pipe("/pipe");
    snprintf(elsewhere, sizeof elsewhere, "%s/pipe", log_folder);
    assert_false(log_open((struct otel__log_file_settings){ .path = elsewhere }));
    assert_int_equal(errno, ENOTSUP);
    snprintf(elsewhere, sizeof elsewhere, "%s/none/traces.jsonl", log_folder);
    assert_false(log_open((struct otel__log_file_settings){ .path = elsewhere }));
    assert_int_equal(errno, ENOENT);
}

/* What the program prints to its closed standard output must not land in the file. */
static void it_never_takes_a_standard_descriptor(void **state) {
    (void)state;
    int saved = dup(0);
    close(0);
    const bool opened = log_open((struct otel__log_file_settings){ 0 });
    dup2(saved, 0);
    close(saved);
    assert_true(opened);
    assert_true(log_file.fd > 2);
    assert_int_equal(fcntl(log_file.fd, F_GETFD), FD_CLOEXEC);
}

/* ---- lines that were broken off ---------------------------------------------------------------------------------- */

static void an_unfinished_line_is_ended(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "{\"resourceSp");
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_log_content("traces.jsonl", "{\"resourceSp"); /* somebody may be writing it just now */
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "{\"resourceSp\none\ntwo\n");
}

/* The statuses of an append when the file may have `most` bytes, and of one afterwards. */
static void append_at_limit(rlim_t most, const char *line, otel_status *limited, int *why, otel_status *free_) {
    struct rlimit before, limit;
    struct otel__sigpipe guard;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){ most, before.rlim_max };
    otel__sigpipe_begin(&guard);
    setrlimit(RLIMIT_FSIZE, &limit);
    *limited = log_append(line);
    *why = errno;
    setrlimit(RLIMIT_FSIZE, &before); /* before anything is printed, which may go to a file */
    otel__sigpipe_end(&guard);
    *free_ = log_append("after\n");
}

/* As a full disk does, the limit takes the beginning of a line and refuses the rest. */
static void of_a_line_without_room_nothing_stays(void **state) {
    (void)state;
    int why = 0;
    otel_status limited = OTEL_OK, after = OTEL_OK;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    append_at_limit(10, "a longer line\n", &limited, &why, &after);
    assert_int_equal(limited, OTEL_ERR_EXPORT);
    assert_int_equal(why, EFBIG);
    assert_int_equal(after, OTEL_OK);
    assert_log_content("traces.jsonl", "before\nafter\n");
}

/* Not even the line break that ended what another process had begun. */
static void behind_an_unfinished_line_too(void **state) {
    (void)state;
    int why = 0;
    otel_status limited = OTEL_OK, after = OTEL_OK;
    fake_root_file("/traces.jsonl", "torn");
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    append_at_limit(10, "a longer line\n", &limited, &why, &after);
    assert_int_equal(limited, OTEL_ERR_EXPORT);
    assert_int_equal(after, OTEL_OK);
    assert_log_content("traces.jsonl", "torn\nafter\n");
}

/* ---- files that others move -------------------------------------------------------------------------------------- */

static void a_renamed_file_is_left(void **state) {
    (void)state;
    char other[300];
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    snprintf(other, sizeof other, "%s/old", log_folder);
    assert_int_equal(rename(log_path, other), 0);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("old", "one\n");
    assert_log_content("traces.jsonl", "two\n");
}

static void a_removed_file_is_made_again(void **state) {
    (void)state;
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "two\n");
}

/* What would be written could never be read: that is a failure, until there is a folder again. */
static void a_removed_folder_is_a_failure(void **state) {
    (void)state;
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(rmdir(log_folder), 0);
    assert_int_equal(log_append("one\n"), OTEL_ERR_EXPORT);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(log_folder, 0700), 0);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "two\n");
}

/* Something that cannot be opened stands in its place: lines go on to the file, wherever it is now. */
static void a_place_that_is_taken(void **state) {
    (void)state;
    char other[300];
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 5 }));
    snprintf(other, sizeof other, "%s/old", log_folder);
    assert_int_equal(rename(log_path, other), 0);
    assert_int_equal(mkfifo(log_path, 0600), 0);
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(log_append("two\n"), OTEL_OK); /* what is there now is not renamed */
    assert_log_content("old", "one\ntwo\n");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("cannot be opened, and lines go on to the file that was there: ", "no regular file"));
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(log_append("three\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "three\n");
}

static void a_descriptor_that_became_another_file_is_not_written_to(void **state) {
    (void)state;
    char other[300];
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    fake_root_file("/other", "mine\n");
    snprintf(other, sizeof other, "%s/other", log_folder);
    int fd = open(other, O_RDWR | O_APPEND);
    const int number = log_file.fd;
    assert_int_equal(dup2(fd, number), number);
    close(fd);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("other", "mine\n");
    assert_log_content("traces.jsonl", "one\ntwo\n");
    assert_true(fcntl(number, F_GETFD) >= 0); /* nor closed */
    close(number);
    assert_int_equal(dup2(fd = open(other, O_RDONLY), log_file.fd), log_file.fd);
    close(fd);
    const int last = log_file.fd;
    otel__log_file_close(&log_file);
    assert_true(fcntl(last, F_GETFD) >= 0);
    close(last);
}

/* ---- files that are replaced ------------------------------------------------------------------------------------- */

static void a_full_file_is_replaced(void **state) {
    (void)state;
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 8, .kept = 2, .durable = true }));
    static const char *const lines[] = { "1st\n", "2nd\n", "3rd\n", "a long line\n", "5th\n", "6th\n", "7th\n" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(log_append(lines[i]), OTEL_OK);
    assert_log_content("traces.1.jsonl", "1st\n2nd\n");
    assert_log_content("traces.jsonl", "3rd\n");
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(log_append(lines[i]), OTEL_OK);
    assert_log_content("traces.3.jsonl", "(none)");
    assert_log_content("traces.2.jsonl", "a long line\n");
    assert_log_content("traces.1.jsonl", "5th\n6th\n");
    assert_log_content("traces.jsonl", "7th\n");
}

/* Readers may read what follows behind it. */
static void an_unfinished_line_is_ended_before_its_file_is_replaced(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "{\"resourceSp");
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 5 }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_log_content("traces.1.jsonl", "{\"resourceSp\n");
    assert_log_content("traces.jsonl", "one\n");
}

static void names_of_full_files(void **state) {
    (void)state;
    static const char *const cases[][2] = { { "plain", "plain.1" },
                                            { ".hidden", ".hidden.1" },
                                            { "a.b.c", "a.b.1.c" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[300];
        snprintf(where, sizeof where, "%s/%s", log_folder, cases[i][0]);
        assert_true(log_open((struct otel__log_file_settings){ .path = where, .max_bytes = 5 }));
        assert_int_equal(log_append("one\n"), OTEL_OK);
        assert_int_equal(log_append("two\n"), OTEL_OK);
        assert_log_content(cases[i][1], "one\n");
        assert_log_content(cases[i][0], "two\n");
        otel__log_file_free(&log_file);
    }
}

/* The link stays, and full files lie beside the file that it leads to. */
static void behind_a_link_the_file_is_replaced(void **state) {
    (void)state;
    char link[300], real[300];
    struct stat st;
    snprintf(real, sizeof real, "%s/real", log_folder);
    snprintf(link, sizeof link, "%s/link.jsonl", log_folder);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink("real/spans.jsonl", link), 0);
    assert_true(log_open((struct otel__log_file_settings){ .path = link, .max_bytes = 5, .durable = true }));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_log_content("real/spans.jsonl", "two\n");
    assert_log_content("real/spans.1.jsonl", "one\n");
    assert_log_content("link.1.jsonl", "(none)");
}

static void an_old_file_is_replaced(void **state) {
    (void)state;
    fake_clock_start(OTEL__SECOND * 1000, 0);
    const struct otel__log_file_settings settings = { .max_age = 10 * OTEL__SECOND };
    assert_true(log_open(settings));
    fake_clock_pass(60 * OTEL__SECOND);
    assert_int_equal(log_append("one\n"), OTEL_OK); /* nothing can be too old that is empty, but the file is */
    assert_log_content("traces.jsonl", "one\n");
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.1.jsonl", "one\n");
    fake_clock_pass(9 * OTEL__SECOND);
    assert_int_equal(log_append("three\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "two\nthree\n");
    fake_clock_set_wall(OTEL__SECOND); /* the clock was set back */
    assert_int_equal(log_append("four\n"), OTEL_OK);
    fake_clock_set_wall(OTEL__SECOND * 1071);
    assert_int_equal(log_append("five\n"), OTEL_OK);
    assert_log_content("traces.1.jsonl", "two\nthree\nfour\n");
    fake_clock_stop();
}

/* Its age goes on where the last run left it. */
static void a_file_of_an_earlier_run_has_its_age(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(log_open((struct otel__log_file_settings){ .max_age = 10 * OTEL__SECOND }));
    fake_clock_start(otel__clock_wall() + 11 * OTEL__SECOND, 0);
    assert_int_equal(log_append("one\n"), OTEL_OK);
    fake_clock_stop();
    assert_log_content("traces.1.jsonl", "before\n");
    assert_log_content("traces.jsonl", "one\n");
}

static void a_file_that_cannot_be_renamed_grows(void **state) {
    (void)state;
    fake_root_file("/traces.1.jsonl/in/the/way", "");
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 5, .kept = 1 }));
    for (int i = 0; i < 3; i++)
        assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "one\none\none\n");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("cannot be renamed, and grows: ", "Is a directory"));
}

static void try_the_lock(void *data, otel_log_level level, const char *text) {
    bool *was_free = data;
    (void)level;
    (void)text;
    if (otel__lock_try(log_file.in_process)) {
        otel__lock_release(log_file.in_process);
        *was_free = true;
    }
}

/* Who hears of it may wait for another thread, which may be about to write. */
static void what_is_wrong_is_told_under_no_lock(void **state) {
    (void)state;
    bool was_free = false;
    fake_root_file("/traces.1.jsonl/in/the/way", "");
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 5, .kept = 1 }));
    otel__diagnostics_set(OTEL_LOG_DEBUG, try_the_lock, &was_free);
    for (int i = 0; i < 2; i++)
        assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_true(was_free);
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

static void a_closed_file_is_opened_again(void **state) {
    (void)state;
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    otel__log_file_close(&log_file);
    assert_int_equal(log_file.fd, -1);
    assert_true(otel__log_file_sync(&log_file));
    assert_int_equal(log_append("one\n"), OTEL_OK);
    assert_true(otel__log_file_sync(&log_file));
    assert_log_content("traces.jsonl", "one\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LOG_FILE_TEST(lines_are_appended),
        LOG_FILE_TEST(a_new_file_is_not_for_everybody),
        LOG_FILE_TEST(a_path_stays_the_same_in_another_folder),
        LOG_FILE_TEST(what_cannot_be_opened),
        LOG_FILE_TEST(it_never_takes_a_standard_descriptor),
        LOG_FILE_TEST(an_unfinished_line_is_ended),
        LOG_FILE_TEST(of_a_line_without_room_nothing_stays),
        LOG_FILE_TEST(behind_an_unfinished_line_too),
        LOG_FILE_TEST(a_renamed_file_is_left),
        LOG_FILE_TEST(a_removed_file_is_made_again),
        LOG_FILE_TEST(a_removed_folder_is_a_failure),
        LOG_FILE_TEST(a_place_that_is_taken),
        LOG_FILE_TEST(a_descriptor_that_became_another_file_is_not_written_to),
        LOG_FILE_TEST(a_full_file_is_replaced),
        LOG_FILE_TEST(an_unfinished_line_is_ended_before_its_file_is_replaced),
        LOG_FILE_TEST(names_of_full_files),
        LOG_FILE_TEST(behind_a_link_the_file_is_replaced),
        LOG_FILE_TEST(an_old_file_is_replaced),
        LOG_FILE_TEST(a_file_of_an_earlier_run_has_its_age),
        LOG_FILE_TEST(a_file_that_cannot_be_renamed_grows),
        LOG_FILE_TEST(what_is_wrong_is_told_under_no_lock),
        LOG_FILE_TEST(a_closed_file_is_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
