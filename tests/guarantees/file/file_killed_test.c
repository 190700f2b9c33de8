/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_killed_test.c - processes that write at full speed are killed at random moments: what they were told is written is
 * there, and a reader has to skip the line that each was within, and no other.
 */
#include "batch_double.h"
#include "fake_root.h"
#include "file/log_file.h"
#include "otlp/otlp_json.h"
#include "span_generator.h"
#include "spans_file.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SPANS = 15, NAME = 60000, WRITERS = 2 }; /* a line of 900 KB, within which there is time to be killed */

static unsigned kills = 60;
static _Atomic uint64_t *acknowledged; /* spans on lines that were written, as the writers know */
static struct otel__otlp_encoder encoder;

/* Encoded once: whoever is killed is writing, most probably. */
static void make_line(void) {
    static otel_span_data spans[SPANS];
    static char name[NAME];
    memset(name, 'x', sizeof name);
    span_set *set = span_set_create(5, 1);
    for (size_t i = 0; i < SPANS; i++) {
        spans[i] = span_set_spans(set)[0];
        spans[i].name = otel_strn(name, sizeof name);
    }
    otel_batch *batch = batch_double_create(spans, SPANS, span_set_resource(set));
    assert_int_equal(otel__otlp_encode_json_line(&encoder, batch, 0, SPANS, 1000 * 1000), OTEL_OK);
    batch_double_free(batch);
    span_set_free(set);
}

/* For ever, or so many times. */
static int write_lines(const char *path, unsigned times) {
    static const atomic_bool never;
    const struct otel__log_file_settings settings = { .path = path, .max_bytes = 100 * 1000 * 1000, .kept = 1000 };
    struct otel__log_file file;
    bool fine = otel__log_file_open(&file, &settings);
    for (unsigned i = 0; fine && (times == 0 || i < times); i++) {
        const struct otel__write_bound bound = { otel__deadline_in(60000, 0), &never };
        fine = otel__log_file_append(&file, encoder.body.cursor, otel__buffer_length(&encoder.body), &bound) == OTEL_OK;
        if (fine)
            atomic_fetch_add(acknowledged, SPANS);
    }
    return fine ? 0 : 1;
}

static pid_t start_writer(const char *path, unsigned times) {
    pid_t child = fork();
    if (child == 0)
        _exit(write_lines(path, times));
    assert_true(child > 0);
    return child;
}

static void await_line(uint64_t before) {
    while (atomic_load(acknowledged) == before)
        usleep(100);
}

/* Kills two that write at the same time. */
static void kill_writers(const char *path) {
    pid_t children[WRITERS];
    const uint64_t before = atomic_load(acknowledged);
    for (int i = 0; i < WRITERS; i++)
        children[i] = start_writer(path, 0);
    await_line(before);
    usleep((unsigned)(random() % 2000));
    for (int i = 0; i < WRITERS; i++) {
        kill(children[i], SIGKILL);
        usleep((unsigned)(random() % 300));
    }
    for (int i = 0; i < WRITERS; i++)
        waitpid(children[i], NULL, 0);
}

static void check(unsigned killed, struct otlp_lines *total, struct otlp_lines sum) {
    const uint64_t known = atomic_load(acknowledged);
    total->lines += sum.lines;
    total->spans += sum.spans;
    total->unreadable += sum.unreadable;
    assert_true(sum.unreadable + (sum.rest > 0) <= killed);
    assert_true(sum.spans >= known);
    assert_true(sum.spans <= known + killed * SPANS); /* killed between the write and its count */
    atomic_store(acknowledged, 0);
}

static void a_killed_writer_costs_a_reader_one_line_at_most(void **state) {
    (void)state;
    enum { ROUNDS = 5 }; /* in one file, before it is read */
    struct otlp_lines total = { 0 };
    unsigned done = 0;
    make_line();
    while (done < kills) {
        const char *path = spans_file_path();
        for (int round = 0; round < ROUNDS; round++)
            kill_writers(path);
        int result = -1;
        assert_int_equal(waitpid(start_writer(path, 3), &result, 0) > 0, 1);
        assert_int_equal(result, 0);
        const struct otlp_lines sum = spans_file_read();
        assert_int_equal(sum.rest, 0); /* the last one was not killed */
        check(WRITERS * ROUNDS, &total, sum);
        fake_root_remove();
        done += WRITERS * ROUNDS;
    }
    print_message("measured: %u killed writers: %zu lines, of which %zu cannot be read; %zu spans can\n", done,
                  total.lines, total.unreadable, total.spans);
    otel__otlp_encoder_free(&encoder);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_killed_writer_costs_a_reader_one_line_at_most) };
    if (argc > 1)
        kills = (unsigned)strtoul(argv[1], NULL, 10);
    srandom((unsigned)getpid());
    acknowledged = shared_counter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
