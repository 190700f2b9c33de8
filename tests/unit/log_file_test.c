/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_test.c - lines of several writers in a file that is replaced, filled up, renamed, closed and broken off. */
#include "file/log_file.h"

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

static char folder[128], path[256];
static struct otel__log_file file;
static atomic_bool cancelled;

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s", fake_root_make());
    snprintf(path, sizeof path, "%s/traces.jsonl", folder);
    atomic_store(&cancelled, false);
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel__log_file_free(&file);
    fake_root_remove();
    reports_stop();
    return 0;
}

static bool open_with(struct otel__log_file_settings settings) {
    settings.path = settings.path ? settings.path : path;
    settings.kept = settings.kept ? settings.kept : 3;
    return otel__log_file_open(&file, &settings);
}

static otel_status append_within(const char *line, int ms) {
    const struct otel__write_bound bound = { otel__deadline_in(ms, 0), &cancelled };
    return otel__log_file_append(&file, line, strlen(line), &bound);
}

static otel_status append(const char *line) { return append_within(line, 20000); }

static void assert_content(const char *name, const char *expected) {
    char where[512];
    size_t len = 0;
    snprintf(where, sizeof where, "%s/%s", folder, name);
    char *text = otlp_lines_content(where, &len);
    assert_string_equal(text ? text : "(none)", expected);
    free(text);
}

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static void lines_are_appended(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.jsonl", "before\none\ntwo\n");
}

static void a_new_file_is_not_for_everybody(void **state) {
    (void)state;
    struct stat st;
    mode_t before = umask(0);
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 5 }));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(append("two\n"), OTEL_OK);
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604); /* the next one is for whom the last one was for */
}

static void a_path_stays_the_same_in_another_folder(void **state) {
    (void)state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    const bool opened = open_with((struct otel__log_file_settings){ .path = "traces.jsonl" });
    assert_int_equal(chdir("/"), 0);
    assert_true(opened);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(chdir(before), 0);
    assert_content("traces.jsonl", "one\n");
}

static void what_cannot_be_opened(void **state) {
    (void)state;
    char elsewhere[300];
    assert_false(open_with((struct otel__log_file_settings){ .path = folder }));
    assert_int_equal(errno, EISDIR);
    assert_false(open_with((struct otel__log_file_settings){ .path = "/dev/null" }));
    assert_int_equal(errno, ENOTSUP);
    fake_root_pipe("/pipe");
    snprintf(elsewhere, sizeof elsewhere, "%s/pipe", folder);
    assert_false(open_with((struct otel__log_file_settings){ .path = elsewhere }));
    assert_int_equal(errno, ENOTSUP);
    snprintf(elsewhere, sizeof elsewhere, "%s/none/traces.jsonl", folder);
    assert_false(open_with((struct otel__log_file_settings){ .path = elsewhere }));
    assert_int_equal(errno, ENOENT);
}

/* What the program prints to its closed standard output must not land in the file. */
static void it_never_takes_a_standard_descriptor(void **state) {
    (void)state;
    int saved = dup(0);
    close(0);
    const bool opened = open_with((struct otel__log_file_settings){ 0 });
    dup2(saved, 0);
    close(saved);
    assert_true(opened);
    assert_true(file.fd > 2);
    assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
}

/* ---- lines that were broken off ---------------------------------------------------------------------------------- */

static void an_unfinished_line_is_ended(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "{\"resourceSp");
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_content("traces.jsonl", "{\"resourceSp"); /* somebody may be writing it just now */
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.jsonl", "{\"resourceSp\none\ntwo\n");
}

/* The statuses of an append when the file may have `most` bytes, and of one afterwards. */
static void append_at_limit(rlim_t most, const char *line, otel_status *limited, int *why, otel_status *free_) {
    struct rlimit before, limit;
    struct otel__sigpipe guard;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){ most, before.rlim_max };
    otel__sigpipe_begin(&guard);
    setrlimit(RLIMIT_FSIZE, &limit);
    *limited = append(line);
    *why = errno;
    setrlimit(RLIMIT_FSIZE, &before); /* before anything is printed, which may go to a file */
    otel__sigpipe_end(&guard);
    *free_ = append("after\n");
}

/* As a full disk does, the limit takes the beginning of a line and refuses the rest. */
static void of_a_line_without_room_nothing_stays(void **state) {
    (void)state;
    int why = 0;
    otel_status limited = OTEL_OK, after = OTEL_OK;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    append_at_limit(10, "a longer line\n", &limited, &why, &after);
    assert_int_equal(limited, OTEL_ERR_EXPORT);
    assert_int_equal(why, EFBIG);
    assert_int_equal(after, OTEL_OK);
    assert_content("traces.jsonl", "before\nafter\n");
}

/* Not even the line break that ended what another process had begun. */
static void behind_an_unfinished_line_too(void **state) {
    (void)state;
    int why = 0;
    otel_status limited = OTEL_OK, after = OTEL_OK;
    fake_root_file("/traces.jsonl", "torn");
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    append_at_limit(10, "a longer line\n", &limited, &why, &after);
    assert_int_equal(limited, OTEL_ERR_EXPORT);
    assert_int_equal(after, OTEL_OK);
    assert_content("traces.jsonl", "torn\nafter\n");
}

/* ---- files that others move -------------------------------------------------------------------------------------- */

static void a_renamed_file_is_left(void **state) {
    (void)state;
    char other[300];
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_int_equal(append("one\n"), OTEL_OK);
    snprintf(other, sizeof other, "%s/old", folder);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("old", "one\n");
    assert_content("traces.jsonl", "two\n");
}

static void a_removed_file_is_made_again(void **state) {
    (void)state;
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.jsonl", "two\n");
}

/* What would be written could never be read: that is a failure, until there is a folder again. */
static void a_removed_folder_is_a_failure(void **state) {
    (void)state;
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(append("one\n"), OTEL_ERR_EXPORT);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.jsonl", "two\n");
}

/* Something that cannot be opened stands in its place: lines go on to the file, wherever it is now. */
static void a_place_that_is_taken(void **state) {
    (void)state;
    char other[300];
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 5 }));
    snprintf(other, sizeof other, "%s/old", folder);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(append("two\n"), OTEL_OK); /* what is there now is not renamed */
    assert_content("old", "one\ntwo\n");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("cannot be opened, and lines go on to the file that was there: ", "no regular file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(append("three\n"), OTEL_OK);
    assert_content("traces.jsonl", "three\n");
}

static void a_descriptor_that_became_another_file_is_not_written_to(void **state) {
    (void)state;
    char other[300];
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    assert_int_equal(append("one\n"), OTEL_OK);
    fake_root_file("/other", "mine\n");
    snprintf(other, sizeof other, "%s/other", folder);
    int fd = open(other, O_RDWR | O_APPEND);
    const int number = file.fd;
    assert_int_equal(dup2(fd, number), number);
    close(fd);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("other", "mine\n");
    assert_content("traces.jsonl", "one\ntwo\n");
    assert_true(fcntl(number, F_GETFD) >= 0); /* nor closed */
    close(number);
    assert_int_equal(dup2(fd = open(other, O_RDONLY), file.fd), file.fd);
    close(fd);
    const int last = file.fd;
    otel__log_file_close(&file);
    assert_true(fcntl(last, F_GETFD) >= 0);
    close(last);
}

/* ---- files that are replaced ------------------------------------------------------------------------------------- */

static void a_full_file_is_replaced(void **state) {
    (void)state;
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 8, .kept = 2, .durable = true }));
    static const char *const lines[] = { "1st\n", "2nd\n", "3rd\n", "a long line\n", "5th\n", "6th\n", "7th\n" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(append(lines[i]), OTEL_OK);
    assert_content("traces.1.jsonl", "1st\n2nd\n");
    assert_content("traces.jsonl", "3rd\n");
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(append(lines[i]), OTEL_OK);
    assert_content("traces.3.jsonl", "(none)");
    assert_content("traces.2.jsonl", "a long line\n");
    assert_content("traces.1.jsonl", "5th\n6th\n");
    assert_content("traces.jsonl", "7th\n");
}

/* Readers may read what follows behind it. */
static void an_unfinished_line_is_ended_before_its_file_is_replaced(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "{\"resourceSp");
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 5 }));
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_content("traces.1.jsonl", "{\"resourceSp\n");
    assert_content("traces.jsonl", "one\n");
}

static void names_of_full_files(void **state) {
    (void)state;
    static const char *const cases[][2] = { { "plain", "plain.1" },
                                            { ".hidden", ".hidden.1" },
                                            { "a.b.c", "a.b.1.c" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[300];
        snprintf(where, sizeof where, "%s/%s", folder, cases[i][0]);
        assert_true(open_with((struct otel__log_file_settings){ .path = where, .max_bytes = 5 }));
        assert_int_equal(append("one\n"), OTEL_OK);
        assert_int_equal(append("two\n"), OTEL_OK);
        assert_content(cases[i][1], "one\n");
        assert_content(cases[i][0], "two\n");
        otel__log_file_free(&file);
    }
}

/* The link stays, and full files lie beside the file that it leads to. */
static void behind_a_link_the_file_is_replaced(void **state) {
    (void)state;
    char link[300], real[300];
    struct stat st;
    snprintf(real, sizeof real, "%s/real", folder);
    snprintf(link, sizeof link, "%s/link.jsonl", folder);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink("real/spans.jsonl", link), 0);
    assert_true(open_with((struct otel__log_file_settings){ .path = link, .max_bytes = 5, .durable = true }));
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_content("real/spans.jsonl", "two\n");
    assert_content("real/spans.1.jsonl", "one\n");
    assert_content("link.1.jsonl", "(none)");
}

static void an_old_file_is_replaced(void **state) {
    (void)state;
    fake_clock_start(OTEL__SECOND * 1000, 0);
    const struct otel__log_file_settings settings = { .max_age = 10 * OTEL__SECOND };
    assert_true(open_with(settings));
    fake_clock_pass(60 * OTEL__SECOND);
    assert_int_equal(append("one\n"), OTEL_OK); /* nothing can be too old that is empty, but the file is */
    assert_content("traces.jsonl", "one\n");
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.1.jsonl", "one\n");
    fake_clock_pass(9 * OTEL__SECOND);
    assert_int_equal(append("three\n"), OTEL_OK);
    assert_content("traces.jsonl", "two\nthree\n");
    fake_clock_set_wall(OTEL__SECOND); /* the clock was set back */
    assert_int_equal(append("four\n"), OTEL_OK);
    fake_clock_set_wall(OTEL__SECOND * 1071);
    assert_int_equal(append("five\n"), OTEL_OK);
    assert_content("traces.1.jsonl", "two\nthree\nfour\n");
    fake_clock_stop();
}

/* Its age goes on where the last run left it. */
static void a_file_of_an_earlier_run_has_its_age(void **state) {
    (void)state;
    fake_root_file("/traces.jsonl", "before\n");
    assert_true(open_with((struct otel__log_file_settings){ .max_age = 10 * OTEL__SECOND }));
    fake_clock_start(otel__clock_wall() + 11 * OTEL__SECOND, 0);
    assert_int_equal(append("one\n"), OTEL_OK);
    fake_clock_stop();
    assert_content("traces.1.jsonl", "before\n");
    assert_content("traces.jsonl", "one\n");
}

static void a_file_that_cannot_be_renamed_grows(void **state) {
    (void)state;
    fake_root_file("/traces.1.jsonl/in/the/way", "");
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 5, .kept = 1 }));
    for (int i = 0; i < 3; i++)
        assert_int_equal(append("one\n"), OTEL_OK);
    assert_content("traces.jsonl", "one\none\none\n");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("cannot be renamed, and grows: ", "Is a directory"));
}

static void try_the_lock(void *data, otel_log_level level, const char *text) {
    bool *was_free = data;
    (void)level;
    (void)text;
    if (otel__lock_try(file.in_process)) {
        otel__lock_release(file.in_process);
        *was_free = true;
    }
}

/* Who hears of it may wait for another thread, which may be about to write. */
static void what_is_wrong_is_told_under_no_lock(void **state) {
    (void)state;
    bool was_free = false;
    fake_root_file("/traces.1.jsonl/in/the/way", "");
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 5, .kept = 1 }));
    otel__diagnostics_set(OTEL_LOG_DEBUG, try_the_lock, &was_free);
    for (int i = 0; i < 2; i++)
        assert_int_equal(append("one\n"), OTEL_OK);
    assert_true(was_free);
}

/* ---- several writers --------------------------------------------------------------------------------------------- */

/* Holds the file's lock until its standard input ends. */
static pid_t other_process(int go[2]) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR);
        if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "x", 1) == 1)
            (void)!read(go[0], &byte, 1);
        _exit(0);
    }
    close(go[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void end_other_process(pid_t child, int go[2]) {
    close(go[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void another_process_is_waited_for_as_long_as_there_is_time(void **state) {
    (void)state;
    int go[2];
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    pid_t child = other_process(go);
    assert_int_equal(append_within("one\n", 30), OTEL_ERR_TIMEOUT);
    assert_content("traces.jsonl", "");
    end_other_process(child, go);
    assert_int_equal(append("two\n"), OTEL_OK);
    assert_content("traces.jsonl", "two\n");
}

static void *cancel_soon(void *arg) {
    usleep(20000);
    atomic_store(&cancelled, true);
    return arg;
}

static void cancel_ends_the_waiting_for_another_process(void **state) {
    (void)state;
    int go[2];
    pthread_t thread;
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    pid_t child = other_process(go);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(append("one\n"), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    end_other_process(child, go);
}

enum { WRITERS = 4, LINES = 300, WIDTH = 20000 };

/* Lines of one letter each, of a length that no pipe or page holds. False: one could not be written. */
static bool write_many(struct otel__log_file *to, char letter) {
    static const atomic_bool never;
    char *line = malloc(WIDTH + 1);
    bool fine = line != NULL;
    for (size_t i = 0; fine && i < LINES; i++) {
        const size_t len = WIDTH - i * 13;
        const struct otel__write_bound bound = { otel__deadline_in(60000, 0), &never };
        memset(line, letter, len);
        line[len] = '\n';
        fine = otel__log_file_append(to, line, len + 1, &bound) == OTEL_OK;
    }
    free(line);
    return fine;
}

/* Counts whole lines; false: one is of more than one letter. */
static bool count_lines(const char *name, size_t *lines) {
    char where[512];
    size_t len = 0;
    snprintf(where, sizeof where, "%s/%s", folder, name);
    char *text = otlp_lines_content(where, &len);
    bool whole = true;
    for (char *line = text, *stop; whole && line && (stop = strchr(line, '\n')); line = stop + 1) {
        char letter[2] = { *line, '\0' };
        whole = strspn(line, letter) == (size_t)(stop - line);
        ++*lines;
    }
    free(text);
    return whole;
}

static int write_as_process(void *arg) { return write_many(&file, *(char *)arg) ? 0 : 1; }

/* Forked ones, who share the descriptor, and replace the file many times. */
static void processes_do_not_mix_their_lines_nor_lose_any(void **state) {
    (void)state;
    assert_true(open_with((struct otel__log_file_settings){ .max_bytes = 500 * 1000, .kept = 999 }));
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(write_as_process(&(char){ (char)('a' + i) }));
    }
    for (int i = 0; i < WRITERS; i++) {
        int result = -1;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(result, 0);
    }
    size_t lines = 0;
    unsigned files = 1;
    assert_true(count_lines("traces.jsonl", &lines));
    for (;; files++) {
        char name[64], where[512];
        snprintf(name, sizeof name, "traces.%u.jsonl", files);
        snprintf(where, sizeof where, "%s/%s", folder, name);
        if (access(where, F_OK) != 0)
            break;
        assert_true(count_lines(name, &lines));
    }
    assert_int_equal(lines, WRITERS * LINES);
    assert_true(files > 20);
}

static struct otel__log_file of_thread[WRITERS];

static void *write_as_thread(void *arg) {
    struct otel__log_file *mine = arg;
    return write_many(mine, (char)('a' + (mine - of_thread))) ? mine : NULL;
}

/* Each with the file opened for itself, as exporters do. */
static void threads_do_not_mix_their_lines(void **state) {
    (void)state;
    pthread_t threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        const struct otel__log_file_settings settings = { .path = path, .kept = 1 };
        assert_true(otel__log_file_open(&of_thread[i], &settings));
        assert_int_equal(pthread_create(&threads[i], NULL, write_as_thread, &of_thread[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
        otel__log_file_free(&of_thread[i]);
    }
    size_t lines = 0;
    assert_true(count_lines("traces.jsonl", &lines));
    assert_int_equal(lines, WRITERS * LINES);
}

/* Or threads that open it under different names would end each other's locks, which are the process's. */
static void a_file_has_one_lock_however_its_path_is_spelt(void **state) {
    (void)state;
    char link[300];
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink("traces.jsonl", link), 0);
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    static const char *const spellings[] = { "//traces.jsonl", "/./traces.jsonl", "/link" };
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        char other[512];
        struct otel__log_file again;
        snprintf(other, sizeof other, "%s%s", folder, spellings[i]);
        assert_true(otel__log_file_open(&again, &(struct otel__log_file_settings){ .path = other, .kept = 1 }));
        assert_ptr_equal(again.in_process, file.in_process);
        otel__log_file_free(&again);
    }
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

static void a_closed_file_is_opened_again(void **state) {
    (void)state;
    assert_true(open_with((struct otel__log_file_settings){ 0 }));
    otel__log_file_close(&file);
    assert_int_equal(file.fd, -1);
    assert_true(otel__log_file_sync(&file));
    assert_int_equal(append("one\n"), OTEL_OK);
    assert_true(otel__log_file_sync(&file));
    assert_content("traces.jsonl", "one\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_appended),
        TEST(a_new_file_is_not_for_everybody),
        TEST(a_path_stays_the_same_in_another_folder),
        TEST(what_cannot_be_opened),
        TEST(it_never_takes_a_standard_descriptor),
        TEST(an_unfinished_line_is_ended),
        TEST(of_a_line_without_room_nothing_stays),
        TEST(behind_an_unfinished_line_too),
        TEST(a_renamed_file_is_left),
        TEST(a_removed_file_is_made_again),
        TEST(a_removed_folder_is_a_failure),
        TEST(a_place_that_is_taken),
        TEST(a_descriptor_that_became_another_file_is_not_written_to),
        TEST(a_full_file_is_replaced),
        TEST(an_unfinished_line_is_ended_before_its_file_is_replaced),
        TEST(names_of_full_files),
        TEST(behind_a_link_the_file_is_replaced),
        TEST(an_old_file_is_replaced),
        TEST(a_file_of_an_earlier_run_has_its_age),
        TEST(a_file_that_cannot_be_renamed_grows),
        TEST(what_is_wrong_is_told_under_no_lock),
        TEST(another_process_is_waited_for_as_long_as_there_is_time),
        TEST(cancel_ends_the_waiting_for_another_process),
        TEST(processes_do_not_mix_their_lines_nor_lose_any),
        TEST(threads_do_not_mix_their_lines),
        TEST(a_file_has_one_lock_however_its_path_is_spelt),
        TEST(a_closed_file_is_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
