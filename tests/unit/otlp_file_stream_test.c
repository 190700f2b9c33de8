/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_file_stream_test.c - the OTLP file exporter on standard output, pipes, devices and memory. */
#include "otlp_file_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void standard_output_is_the_default(void **state) {
    (void)state;
    fflush(stdout);
    int saved = dup(1), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, 1);
    otel_exporter *exporter = otel_otlp_file_exporter(NULL);
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    otel_status status = batch_double_export(exporter, batch, 0, NULL);
    ops->shutdown(batch_double_self(exporter), 0);
    otel_exporter_destroy(exporter);
    const bool open_still = fcntl(1, F_GETFD) == 0;
    dup2(saved, 1);
    close(saved);
    close(fd);
    assert_int_equal(status, OTEL_OK);
    assert_true(open_still);
    assert_lines(1, 20);
}

static void what_the_program_has_printed_comes_first(void **state) {
    (void)state;
    FILE *stream = fopen(path, "w");
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    fputs("printed before\n", stream);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    fputs("printed after\n", stream);
    otel_exporter_destroy(exporter);
    fclose(stream);
    size_t len = 0;
    char *text = otlp_lines_content(path, &len);
    assert_memory_equal(text, "printed before\n{\"res", 20);
    assert_memory_equal(text + len - 16, "}\nprinted after\n", 16);
    free(text);
}

static void a_stream_in_memory(void **state) {
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_holds_the_batch(text, len - 1, set);
    otel_exporter_destroy(exporter);
    fclose(stream);
    free(text);
}

static void a_pipe_without_a_reader_is_a_failure(void **state) {
    (void)state;
    int ends[2];
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    FILE *stream = fdopen(ends[1], "w");
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    for (int i = 0; i < 3; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("20 of 20 spans could not be written to a stream: Broken pipe", NULL));
    otel_exporter_destroy(exporter);
    fclose(stream);
}

/* What was given up is ended by the next line, so that a reader has to skip that one only. */
static void a_stuck_reader_costs_one_line(void **state) {
    (void)state;
    static otel_span_data spans[10];
    static char name[50000], text[1000000];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    FILE *stream = fdopen(ends[1], "w");
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    otel_batch *large = long_batch(spans, 10, name, sizeof name);
    assert_int_equal(batch_double_export(exporter, large, 50, NULL), OTEL_ERR_TIMEOUT);
    assert_true(reports_mention("its reader did not take them in time", NULL));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct otlp_lines sum = { 0 };
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        for (ssize_t got; (got = read(ends[0], text + len, sizeof text - len)) > 0;)
            len += (size_t)got;
        if (i < 2)
            assert_int_equal(batch_double_export(exporter, batch, 5000, NULL), OTEL_OK);
    }
    otlp_lines_add(&sum, text, len);
    assert_int_equal(sum.lines, 3);
    assert_int_equal(sum.unreadable, 1);
    assert_int_equal(sum.spans, 40);
    assert_true(reports_mention("writing spans to a stream works again", NULL));
    batch_double_free(large);
    otel_exporter_destroy(exporter);
    fclose(stream);
    close(ends[0]);
}

struct holder {
    FILE *stream;
    atomic_bool holds, over;
};

/* As a thread that prints to a pipe that nobody reads. */
static void *hold_the_stream(void *arg) {
    struct holder *holder = arg;
    flockfile(holder->stream);
    atomic_store(&holder->holds, true);
    for (int i = 0; i < 300 && !atomic_load(&holder->over); i++)
        usleep(10000);
    funlockfile(holder->stream);
    return NULL;
}

static void a_stuck_printer_does_not_keep_an_export(void **state) {
    (void)state;
    pthread_t thread;
    struct holder holder = { .stream = fopen(path, "w") };
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = holder.stream });
    assert_int_equal(pthread_create(&thread, NULL, hold_the_stream, &holder), 0);
    while (!atomic_load(&holder.holds))
        usleep(1000);
    otel_status held = batch_double_export(exporter, batch, 50, NULL);
    atomic_store(&holder.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(held, OTEL_ERR_TIMEOUT);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    otel_exporter_destroy(exporter);
    fclose(holder.stream);
    assert_lines(1, 20);
}

/* Another process finds it where it was, after an export as before one. */
static void a_lock_of_the_program_on_its_output_stays(void **state) {
    (void)state;
    FILE *stream = fopen(path, "w+");
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    assert_int_equal(fcntl(fileno(stream), F_SETLK, &lock), 0);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    pid_t child = fork();
    if (child == 0) {
        struct flock found = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
        _exit(fcntl(fileno(stream), F_GETLK, &found) == 0 && found.l_type == F_WRLCK ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_lines(1, 20);
    otel_exporter_destroy(exporter);
    fclose(stream);
}

/* Two processes, one pipe, lines that no write puts there whole. */
static void processes_share_a_pipe(void **state) {
    (void)state;
    enum { TIMES = 20 };
    static otel_span_data spans[10];
    static char name[20000], part[65536];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    FILE *stream = fdopen(ends[1], "w");
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    otel_batch *large = long_batch(spans, 10, name, sizeof name);
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool fine = true;
            close(ends[0]);
            for (int n = 0; n < TIMES; n++)
                fine = batch_double_export(exporter, large, 30000, NULL) == OTEL_OK && fine;
            _exit(fine ? 0 : 1);
        }
    }
    otel_exporter_destroy(exporter);
    fclose(stream);
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;)
        fwrite(part, 1, (size_t)got, memory);
    fclose(memory);
    close(ends[0]);
    for (int i = 0; i < 2; i++) {
        int result = -1;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(result, 0);
    }
    struct otlp_lines sum = { 0 };
    otlp_lines_add(&sum, text, len);
    assert_int_equal(sum.unreadable, 0);
    assert_int_equal(sum.lines, 2 * TIMES);
    assert_int_equal(sum.spans, 2 * TIMES * 10);
    free(text);
    batch_double_free(large);
}

static void a_device_without_room(void **state) {
    (void)state;
    FILE *stream = fopen("/dev/full", "w");
    if (!stream)
        skip();
    otel_exporter *exporter = make((otel_otlp_file_options){ .stream = stream });
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_true(reports_mention("could not be written to a stream: No space left on device", NULL));
    otel_exporter_destroy(exporter);
    fclose(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(standard_output_is_the_default),
        TEST(what_the_program_has_printed_comes_first),
        TEST(a_stream_in_memory),
        TEST(a_pipe_without_a_reader_is_a_failure),
        TEST(a_stuck_reader_costs_one_line),
        TEST(a_stuck_printer_does_not_keep_an_export),
        TEST(a_lock_of_the_program_on_its_output_stays),
        TEST(processes_share_a_pipe),
        TEST(a_device_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
