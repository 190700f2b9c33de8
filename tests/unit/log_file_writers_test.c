/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_writers_test.c - lines of several threads and processes in one file, also while it is replaced. */
#include "log_file_fixture.h"

#include "otlp_lines.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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
        int fd = open(log_path, O_RDWR);
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
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    pid_t child = other_process(go);
    assert_int_equal(log_append_within("one\n", 30), OTEL_ERR_TIMEOUT);
    assert_log_content("traces.jsonl", "");
    end_other_process(child, go);
    assert_int_equal(log_append("two\n"), OTEL_OK);
    assert_log_content("traces.jsonl", "two\n");
}

static void *cancel_soon(void *arg) {
    usleep(20000);
    atomic_store(&log_cancelled, true);
    return arg;
}

static void cancel_ends_the_waiting_for_another_process(void **state) {
    (void)state;
    int go[2];
    pthread_t thread;
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    pid_t child = other_process(go);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(log_append("one\n"), OTEL_ERR_CANCELLED);
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
    snprintf(where, sizeof where, "%s/%s", log_folder, name);
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

static int write_as_process(void *arg) { return write_many(&log_file, *(char *)arg) ? 0 : 1; }

/* Forked ones, who share the descriptor, and replace the file many times. */
static void processes_do_not_mix_their_lines_nor_lose_any(void **state) {
    (void)state;
    assert_true(log_open((struct otel__log_file_settings){ .max_bytes = 500 * 1000, .kept = 999 }));
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
        snprintf(where, sizeof where, "%s/%s", log_folder, name);
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
        const struct otel__log_file_settings settings = { .path = log_path, .kept = 1 };
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
    snprintf(link, sizeof link, "%s/link", log_folder);
    assert_int_equal(symlink("traces.jsonl", link), 0);
    assert_true(log_open((struct otel__log_file_settings){ 0 }));
    static const char *const spellings[] = { "//traces.jsonl", "/./traces.jsonl", "/link" };
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        char other[512];
        struct otel__log_file again;
        snprintf(other, sizeof other, "%s%s", log_folder, spellings[i]);
        assert_true(otel__log_file_open(&again, &(struct otel__log_file_settings){ .path = other, .kept = 1 }));
        assert_ptr_equal(again.in_process, log_file.in_process);
        otel__log_file_free(&again);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LOG_FILE_TEST(another_process_is_waited_for_as_long_as_there_is_time),
        LOG_FILE_TEST(cancel_ends_the_waiting_for_another_process),
        LOG_FILE_TEST(processes_do_not_mix_their_lines_nor_lose_any),
        LOG_FILE_TEST(threads_do_not_mix_their_lines),
        LOG_FILE_TEST(a_file_has_one_lock_however_its_path_is_spelt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
