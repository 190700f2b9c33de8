/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_file_test.c - the OTLP file exporter: what its lines hold, where they go, and what it says when they cannot. */
#include "otlp_file_fixture.h"

#include "failing_allocator.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void a_batch_is_one_line_of_otlp_json(void **state) {
    (void)state;
    otel_exporter *exporter = make_for_path();
    for (uint64_t seed = 1; seed <= 30; seed++) {
        span_set *other = span_set_create(seed, 1 + seed % 40);
        otel_batch *some = batch_double_create(span_set_spans(other), span_set_count(other), span_set_resource(other));
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(batch_double_export(exporter, some, 0, NULL), OTEL_OK);
        assert_int_equal(batch_double_delivered(), span_set_count(other));
        size_t len = 0;
        char *text = otlp_lines_content(path, &len);
        assert_memory_equal(text, "{\"resourceSpans\":[", 18);
        assert_ptr_equal(strchr(text, '\n'), text + len - 1);
        assert_null(strchr(text, '\r'));
        assert_holds_the_batch(text, len - 1, other);
        free(text);
        batch_double_free(some);
        span_set_free(other);
    }
    assert_int_equal(reports_count(), 0);
    otel_exporter_destroy(exporter);
}

static void a_large_batch_becomes_several_lines(void **state) {
    (void)state;
    static otel_span_data spans[100];
    static char name[50000];
    otel_exporter *exporter = make_for_path();
    otel_batch *large = long_batch(spans, 100, name, sizeof name);
    assert_int_equal(batch_double_export(exporter, large, 0, NULL), OTEL_OK);
    struct otlp_lines sum = { 0 };
    assert_true(otlp_lines_add_file(&sum, path));
    assert_int_equal(sum.spans, 100);
    assert_int_equal(sum.unreadable, 0);
    assert_in_range(sum.lines, 6, 8);
    assert_true(sum.longest <= 1000000);
    batch_double_free(large);
    otel_exporter_destroy(exporter);
}

/* A longer line than others, or too long for one at all. */
static void a_span_is_a_line_however_long_up_to_64_mib(void **state) {
    (void)state;
    const size_t len = 70 * 1024 * 1024;
    otel_span_data spans[2];
    char *name = malloc(len);
    otel_exporter *exporter = make_for_path();
    otel_batch *both = long_batch(spans, 2, name, len);
    batch_double_free(both);
    spans[1].name.len = 3000000;
    otel_batch *large = batch_double_create(spans, 2, span_set_resource(set));
    assert_int_equal(batch_double_export(exporter, large, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(batch_double_delivered(), 1);
    assert_lines(1, 1);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("1 of 2 spans could not be written to ", "/traces.jsonl: File too large"));
    batch_double_free(large);
    free(name);
    otel_exporter_destroy(exporter);
}

static void what_a_file_holds_stays(void **state) {
    (void)state;
    for (size_t run = 1; run <= 2; run++) {
        otel_exporter *exporter = make_for_path();
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
        otel_exporter_destroy(exporter);
        assert_lines(run, 20 * run);
    }
}

static void a_batch_of_nothing_is_no_line(void **state) {
    (void)state;
    otel_exporter *exporter = make_for_path();
    otel_batch *empty = batch_double_create(NULL, 0, span_set_resource(set));
    assert_int_equal(batch_double_export(exporter, empty, 0, NULL), OTEL_OK);
    assert_lines(0, 0);
    batch_double_free(empty);
    otel_exporter_destroy(exporter);
}

/* ---- a full disk ------------------------------------------------------------------------------------------------- */

/* The limit does what a full disk does: it takes the beginning of a line, and then nothing. */
static void a_full_disk_is_told_once_and_writing_goes_on_after_it(void **state) {
    (void)state;
    struct rlimit before, limit;
    otel_exporter *exporter = make_for_path();
    otel_status full[3];
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    limit = (struct rlimit){ (rlim_t)st.st_size + 1000, before.rlim_max };
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 0; i < 3; i++)
        full[i] = batch_double_export(exporter, batch, 0, NULL);
    setrlimit(RLIMIT_FSIZE, &before); /* before anything is printed, which may go to a file */
    for (int i = 0; i < 3; i++)
        assert_int_equal(full[i], OTEL_ERR_EXPORT);
    assert_int_equal(batch_double_delivered(), 0);
    assert_lines(1, 20);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("20 of 20 spans could not be written to ", "/traces.jsonl: File too large"));
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_lines(2, 40);
    assert_true(reports_mention("writing spans to ", "works again"));
    otel_exporter_destroy(exporter);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static void a_file_is_replaced_when_it_is_full(void **state) {
    (void)state;
    otel_exporter *exporter = make((otel_otlp_file_options){ .path = path, .max_bytes = 1, .kept_files = 2 });
    for (int i = 0; i < 5; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_lines(1, 20);
    for (unsigned i = 1; i <= 3; i++) {
        struct otlp_lines sum = { 0 };
        char full[300];
        snprintf(full, sizeof full, "%.*s.%u.jsonl", (int)(strlen(path) - strlen(".jsonl")), path, i);
        assert_int_equal(otlp_lines_add_file(&sum, full), i <= 2);
        assert_int_equal(sum.spans, i <= 2 ? 20 : 0);
    }
    otel_exporter_destroy(exporter);
}

static void a_file_is_replaced_when_it_is_old(void **state) {
    (void)state;
    otel_exporter *exporter = make((otel_otlp_file_options){ .path = path, .max_age_ms = 1 });
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
        usleep(3000);
    }
    assert_lines(1, 20);
    otel_exporter_destroy(exporter);
}

/* Stands in for the system's: a test cannot see what a disk has. */
static unsigned syncs;
static bool sync_fails;
int fdatasync(int fd) {
    (void)fd;
    syncs++;
    errno = EIO;
    return sync_fails ? -1 : 0;
}

static unsigned syncs_of(otel_otlp_file_options options) {
    options.path = path;
    otel_exporter *exporter = make(options);
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    syncs = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    const unsigned by_exports = syncs;
    for (int i = 0; i < 2; i++)
        assert_int_equal(ops->force_flush(batch_double_self(exporter), 0), OTEL_OK);
    assert_int_equal(ops->shutdown(batch_double_self(exporter), 0), OTEL_OK);
    otel_exporter_destroy(exporter);
    return by_exports * 10 + syncs - by_exports;
}

static void lines_are_brought_to_the_disk_as_asked(void **state) {
    (void)state;
    assert_int_equal(syncs_of((otel_otlp_file_options){ .sync = 0 }), 0);
    assert_int_equal(syncs_of((otel_otlp_file_options){ .sync = OTEL_OTLP_FILE_SYNC_NEVER }), 0);
    assert_int_equal(syncs_of((otel_otlp_file_options){ .sync = OTEL_OTLP_FILE_SYNC_BATCH }), 30);
    /* in an interval that does not pass here the flush does it, once */
    assert_int_equal(
        syncs_of((otel_otlp_file_options){ .sync = OTEL_OTLP_FILE_SYNC_INTERVAL, .sync_interval_ms = 3600000 }), 1);
}

static void an_interval_that_has_passed(void **state) {
    (void)state;
    otel_exporter *exporter =
        make((otel_otlp_file_options){ .path = path, .sync = OTEL_OTLP_FILE_SYNC_INTERVAL, .sync_interval_ms = 20 });
    syncs = 0;
    usleep(21000);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(syncs, 1);
    otel_exporter_destroy(exporter);
}

static void a_disk_that_fails_is_a_failure(void **state) {
    (void)state;
    otel_exporter *exporter = make((otel_otlp_file_options){ .path = path, .sync = OTEL_OTLP_FILE_SYNC_BATCH });
    sync_fails = true;
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(batch_double_delivered(), 0);
    assert_true(reports_mention("20 of 20 spans could not be written to ", "Input/output error"));
    otel_exporter_destroy(exporter);
    exporter = make((otel_otlp_file_options){ .path = path, .sync = OTEL_OTLP_FILE_SYNC_INTERVAL });
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(batch_double_ops(exporter)->force_flush(batch_double_self(exporter), 0), OTEL_ERR_EXPORT);
    assert_true(reports_mention("may have lost lines that were written to it: ", "Input/output error"));
    otel_exporter_destroy(exporter);
    sync_fails = false;
}

static void assert_refused(otel_otlp_file_options options, const char *why) {
    options.size = sizeof options;
    options.error = &error;
    snprintf(error.text, sizeof error.text, "untouched");
    assert_null(otel_otlp_file_exporter(&options));
    if (!strstr(error.text, why))
        fail_msg("%s", error.text);
    options.error = NULL;
    assert_null(otel_otlp_file_exporter(&options));
}

static void options_that_are_refused(void **state) {
    (void)state;
    assert_refused((otel_otlp_file_options){ .path = "" }, "path is empty");
    assert_refused((otel_otlp_file_options){ .path = path, .stream = stdout }, "path and stream are both given");
    assert_refused((otel_otlp_file_options){ .max_bytes = 1 }, "there is no path");
    assert_refused((otel_otlp_file_options){ .sync = OTEL_OTLP_FILE_SYNC_NEVER }, "there is no path");
    assert_refused((otel_otlp_file_options){ .path = path, .max_age_ms = -1 }, "max_age_ms is negative");
    assert_refused((otel_otlp_file_options){ .path = path, .kept_files = -1 }, "kept_files is not from 0 to 1000");
    assert_refused((otel_otlp_file_options){ .path = path, .kept_files = 1001 }, "kept_files is not from 0 to 1000");
    assert_refused((otel_otlp_file_options){ .path = path, .sync = 4 }, "sync is no otel_otlp_file_sync");
    assert_refused((otel_otlp_file_options){ .path = path, .sync_interval_ms = -1 }, "sync_interval_ms is negative");
    assert_int_equal(access(path, F_OK), -1);
    assert_refused((otel_otlp_file_options){ .path = "/dev/null" }, "/dev/null: it is no regular file");
    assert_refused((otel_otlp_file_options){ .path = "/nowhere/traces.jsonl" }, "/nowhere/traces.jsonl: No such file");
}

static void options_of_an_older_caller(void **state) {
    (void)state;
    const otel_otlp_file_options old = { .size = offsetof(otel_otlp_file_options, max_bytes),
                                         .path = path,
                                         .max_bytes = 1,
                                         .sync = 99,
                                         .error = (otel_error *)1 };
    otel_exporter *exporter = otel_otlp_file_exporter(&old);
    assert_non_null(exporter);
    for (int i = 0; i < 2; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_lines(2, 40);
    otel_exporter_destroy(exporter);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void nothing_after_shutdown_or_cancel(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        otel_exporter *exporter = make_for_path();
        const otel_exporter_ops *ops = batch_double_ops(exporter);
        void *self = batch_double_self(exporter);
        assert_true(ops->blocking);
        if (i == 0)
            ops->cancel(self);
        else
            assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), i == 0 ? OTEL_ERR_CANCELLED : OTEL_ERR_STATE);
        assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(ops->force_flush(self, 0), OTEL_OK);
        assert_lines(0, 0);
        otel_exporter_destroy(exporter);
    }
    assert_int_equal(reports_count(), 0);
}

/* A descriptor that the next open file gets. */
static int next_descriptor(void) {
    int fd = dup(0);
    close(fd);
    return fd;
}

static void shutdown_closes_the_file(void **state) {
    (void)state;
    const int before = next_descriptor();
    otel_exporter *exporter = make_for_path();
    assert_int_not_equal(next_descriptor(), before);
    batch_double_ops(exporter)->shutdown(batch_double_self(exporter), 0);
    assert_int_equal(next_descriptor(), before);
    otel_exporter_destroy(exporter);
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    otel_exporter *exporter = make((otel_otlp_file_options){ .path = path, .sync = OTEL_OTLP_FILE_SYNC_BATCH });
    assert_int_equal(batch_double_export_while_shut_down(exporter, batch), OTEL_ERR_STATE);
    otel_exporter_destroy(exporter);
}

static void a_forked_child_writes_its_own(void **state) {
    (void)state;
    otel_exporter *exporter = make_for_path();
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    void *self = batch_double_self(exporter);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    ops->before_fork(self);
    assert_true(ops->at_rest(self));
    pid_t child = fork();
    ops->after_fork(self, child == 0);
    if (child == 0) {
        bool fine = batch_double_export(exporter, batch, 0, NULL) == OTEL_OK;
        otel_exporter_destroy(exporter);
        _exit(fine ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_lines(3, 60);
    otel_exporter_destroy(exporter);
}

static void a_fork_that_takes_too_long_is_reported(void **state) {
    (void)state;
    otel_exporter *exporter = make_for_path();
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    ops->before_fork(batch_double_self(exporter));
    assert_int_equal(batch_double_export(exporter, batch, 1, NULL), OTEL_ERR_TIMEOUT);
    ops->after_fork(batch_double_self(exporter), false);
    assert_true(reports_mention("20 of 20 spans could not be written to ", "a fork() took all the time"));
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    otel_exporter_destroy(exporter);
}

static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    unsigned refused = 0, lost = 0;
    for (unsigned nth = 1; nth < 12; nth++) {
        reports_start(OTEL_LOG_DEBUG);
        unlink(path);
        failing_allocator_fail(nth, true);
        const otel_otlp_file_options options = { .size = sizeof options, .path = path, .error = &error };
        otel_exporter *exporter = otel_otlp_file_exporter(&options);
        otel_status status = exporter ? batch_double_export(exporter, batch, 0, NULL) : OTEL_ERR_MEMORY;
        failing_allocator_fail(0, false);
        assert_true(status == OTEL_OK || status == OTEL_ERR_MEMORY);
        assert_int_equal(reports_count(), exporter && status != OTEL_OK);
        refused += !exporter;
        lost += exporter && status != OTEL_OK;
        if (exporter) {
            assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
            assert_lines(status == OTEL_OK ? 2 : 1, status == OTEL_OK ? 40 : 20);
        } else
            assert_true(strlen(error.text) > 0);
        otel_exporter_destroy(exporter);
    }
    assert_true(refused > 0 && lost > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_one_line_of_otlp_json),
        TEST(a_large_batch_becomes_several_lines),
        TEST(a_span_is_a_line_however_long_up_to_64_mib),
        TEST(what_a_file_holds_stays),
        TEST(a_batch_of_nothing_is_no_line),
        TEST(a_full_disk_is_told_once_and_writing_goes_on_after_it),
        TEST(a_file_is_replaced_when_it_is_full),
        TEST(a_file_is_replaced_when_it_is_old),
        TEST(lines_are_brought_to_the_disk_as_asked),
        TEST(an_interval_that_has_passed),
        TEST(a_disk_that_fails_is_a_failure),
        TEST(options_that_are_refused),
        TEST(options_of_an_older_caller),
        TEST(nothing_after_shutdown_or_cancel),
        TEST(shutdown_closes_the_file),
        TEST(any_thread_may_flush_and_shut_down),
        TEST(a_forked_child_writes_its_own),
        TEST(a_fork_that_takes_too_long_is_reported),
        TEST(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
