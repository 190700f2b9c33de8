/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_disk_test.c - a disk that is really full: a small one of memory, mounted where nobody else sees it. Where that is
 * not allowed the test skips; unit/otlp_file_test does the same with a limit of the process.
 */
#include "batch_double.h"
#include "fake_root.h"
#include "in_child.h"
#include "reports.h"
#include "span_generator.h"
#include "spans_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, MANY = 100 };

static const char *why_not;

/* In a name space of mounts of its own, as root of one of users if need be. */
static bool mount_small_disk(const char *folder) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

/* Takes all the room that there is. */
static bool fill(const char *path) {
    static const char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) > 0) {}
    const bool full = errno == ENOSPC;
    close(fd);
    return full;
}

static int fill_up_and_make_room(void *argument) {
    const char *path = argument;
    char folder[256], filler[300];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    if (!mount_small_disk(folder))
        return SKIPPED;
    span_set *set = span_set_create(3, MANY);
    otel_batch *batch = batch_double_create(span_set_spans(set), MANY, span_set_resource(set));
    const otel_otlp_file_options options = { .size = sizeof options, .path = path };
    otel_exporter *exporter = otel_otlp_file_exporter(&options);
    size_t written = 0, lost = 0;
    STEP(exporter);
    for (; batch_double_export(exporter, batch, 0, NULL) == OTEL_OK; written++)
        STEP(written < 1000);
    STEP(fill(filler));
    for (; lost < 5; lost++)
        STEP(batch_double_export(exporter, batch, 0, NULL) == OTEL_ERR_EXPORT && batch_double_delivered() == 0);
    STEP(reports_count() == 1);
    STEP(reports_mention("100 of 100 spans could not be written to ", ": No space left on device"));
    struct otlp_lines sum = spans_file_read();
    STEP(sum.unreadable == 0 && sum.rest == 0 && sum.spans == written * MANY);
    STEP(unlink(filler) == 0);
    STEP(truncate(path, 0) == 0);
    STEP(batch_double_export(exporter, batch, 0, NULL) == OTEL_OK);
    STEP(reports_mention("works again", NULL));
    sum = spans_file_read();
    STEP(sum.unreadable == 0 && sum.rest == 0 && sum.lines == 1 && sum.spans == MANY);
    otel_exporter_destroy(exporter);
    batch_double_free(batch);
    span_set_free(set);
    printf("measured: a full disk: %zu batches written before, %zu refused, 1 report; every line can be read\n",
           written, lost + 1);
    fflush(stdout);
    return 0;
}

static void a_full_disk_leaves_whole_lines_and_writing_goes_on_after_it(void **state) {
    (void)state;
    const char *path = spans_file_path();
    reports_start(OTEL_LOG_DEBUG);
    int result = in_child(fill_up_and_make_room, (void *)(uintptr_t)path);
    reports_stop();
    fake_root_remove();
    if (result == SKIPPED)
        why_not = "no file system can be mounted here";
    else
        assert_int_equal(result, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_full_disk_leaves_whole_lines_and_writing_goes_on_after_it) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (why_not)
        printf("SKIPPED: %s\n", why_not);
    return why_not ? SKIPPED : failed;
}
