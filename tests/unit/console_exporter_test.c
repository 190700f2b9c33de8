/* SPDX-License-Identifier: Apache-2.0 */
/* console_exporter_test.c - spans as lines for people. */
#include <otel/console.h>

#include "batch_double.h"
#include "failing_allocator.h"
#include "reports.h"
#include "span_generator.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
/* gcc takes the text that open_memstream() hands out for the variable that it is handed out through. */
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

/* What the exporter writes for these spans; to be freed. */
static char *written(const otel_span_data *spans, size_t count, const otel_resource_data *resource) {
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    otel_exporter *exporter = otel_console_exporter(stream);
    otel_batch *batch = batch_double_create(spans, count, resource);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
    return text;
}

static const uint8_t trace_id[16] = { 0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
                                      0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36 };
static const uint8_t span_id[8] = { 0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 2, 0xb7 };
static const otel_scope_data scope = { .name = { "kalki.query", 11 }, .version = { "1.0", 3 } };
static const otel_attr service = { { "service.name", 12 }, { .type = OTEL_TYPE_STRING, .len = 5, .u.p = "kalki" } };
static const otel_resource_data resource = { .attributes = { &service, 1 } };

static otel_span_data plain_span(void) {
    return (otel_span_data){ .trace_id = trace_id,
                             .span_id = span_id,
                             .flags = 1,
                             .name = otel_cstr("GET /search"),
                             .start_time = UINT64_C(1700000000123456789),
                             .end_time = UINT64_C(1700000000135806789),
                             .scope = &scope,
                             .kind = OTEL_SERVER };
}

static void assert_lines(const otel_span_data *span, const char *expected) {
    char *text = written(span, 1, &resource);
    assert_string_equal(text, expected);
    free(text);
}

#define TAIL "  trace=4bf92f3577b34da6a3ce929d0e0e4736 span=00f067aa0ba902b7 parent="
#define SCOPE(prefix) " otel." prefix ".name=\"kalki.query\" otel." prefix ".version=\"1.0\""
#define ORIGIN "  service=\"kalki\"" SCOPE("scope") SCOPE("library") "\n"

static void a_plain_span(void **state) {
    (void)state;
    otel_span_data span = plain_span();
    assert_lines(&span, "2023-11-14T22:13:20.123456Z   12.35ms  SERVER    \"GET /search\"" TAIL "none" ORIGIN);
}

static void keys_differ_in_case(void **state) {
    (void)state;
    const otel_resource_data shouted = { .attributes = OTEL_ATTRS(OTEL_ATTR("Service.Name", "other"), service) };
    const otel_span_data span = plain_span();
    char *text = written(&span, 1, &shouted);
    assert_non_null(strstr(text, ORIGIN));
    assert_null(strstr(text, "other"));
    free(text);
}

static void everything_a_span_can_have(void **state) {
    (void)state;
    otel_span_context context = { .size = sizeof context, .flags = 1, .remote = true };
    memcpy(context.trace_id, trace_id, 16);
    memset(context.span_id, 0x11, 8);
    otel_span other = otel_span_wrap(&context);
    otel_attr attrs[] = { OTEL_ATTR("text", "two\nlines \"quoted\""), OTEL_ATTR("n", -5),
                          OTEL_ATTR("yes", otel_bool(true)),          OTEL_ATTR("ratio", 0.5),
                          OTEL_ATTR("bad", otel_bytes("caf\xe9", 4)), OTEL_ATTR("nothing", otel_none()) };
    const int64_t ints[] = { 1, 2 };
    const otel_str strings[] = { { "a", 1 }, { "b", 1 } };
    const double doubles[] = { 1 };
    const bool bools[] = { true, false };
    otel_attr more[] = { OTEL_ATTR("ints", otel_ints(ints, 2)), OTEL_ATTR("strings", otel_strings(strings, 2)),
                         OTEL_ATTR("doubles", otel_doubles(doubles, 1)), OTEL_ATTR("bools", otel_bools(bools, 2)) };
    otel_event_data events[] = { { otel_cstr("exception"), UINT64_C(1700000000124456789), { more, 4 }, 2 },
                                 { otel_cstr("early"), UINT64_C(1700000000123456000), { NULL, 0 }, 0 } };
    otel_link_data links[] = { { &other, otel_cstr("a=1"), { attrs + 1, 1 }, 0 } };
    otel_span_data span = plain_span();
    span.parent = &other;
    span.parent_id = context.span_id;
    span.tracestate = otel_cstr("ot=th:8");
    span.status = OTEL_CODE_ERROR;
    span.status_text = otel_cstr("timed out");
    span.attributes = (otel_attrs){ attrs, 6 };
    span.dropped_attributes = 3;
    span.events = events;
    span.event_count = 2;
    span.dropped_events = 1;
    span.links = links;
    span.link_count = 1;
    span.dropped_links = 7;
    assert_lines(&span, "2023-11-14T22:13:20.123456Z   12.35ms  SERVER    \"GET /search\""
                        "  otel.status_code=ERROR otel.status_description=\"timed out\""
                        "  {\"text\":\"two\\nlines "
                        "\\\"quoted\\\"\",\"n\":-5,\"yes\":true,\"ratio\":0.5,\"bad\":\"Y2Fm6Q==\",\"nothing\":null}"
                        " otel.dropped_attributes_count=3"
                        "  events=[+1.00ms \"exception\" "
                        "{\"ints\":[1,2],\"strings\":[\"a\",\"b\"],\"doubles\":[1.0],\"bools\":[true,false]}"
                        " otel.dropped_attributes_count=2, -789ns \"early\"] otel.dropped_events_count=1"
                        "  links=[4bf92f3577b34da6a3ce929d0e0e4736/1111111111111111 tracestate=\"a=1\" {\"n\":-5}]"
                        " otel.dropped_links_count=7" TAIL "1111111111111111(remote) tracestate=\"ot=th:8\"" ORIGIN);
}

/* Of a span that lost all it was given, and is fine otherwise. */
static void only_counts_are_left(void **state) {
    (void)state;
    otel_span_data span = plain_span();
    span.status = OTEL_CODE_OK;
    span.dropped_attributes = 1;
    span.dropped_events = 2;
    span.dropped_links = 3;
    assert_lines(&span, "2023-11-14T22:13:20.123456Z   12.35ms  SERVER    \"GET /search\"  otel.status_code=OK"
                        " otel.dropped_attributes_count=1 otel.dropped_events_count=2 otel.dropped_links_count=3" TAIL
                        "none" ORIGIN);
}

static void the_scope_with_its_attributes(void **state) {
    (void)state;
    const otel_attr attr = OTEL_ATTR("short", OTEL_MAP(OTEL_ATTR("name", "kq")));
    const otel_scope_data unversioned = { .name = otel_cstr("a \"b\""), .attributes = { &attr, 1 } };
    otel_span_data span = plain_span();
    span.scope = &unversioned;
    assert_lines(&span, "2023-11-14T22:13:20.123456Z   12.35ms  SERVER    \"GET /search\"" TAIL
                        "none  service=\"kalki\" otel.scope.name=\"a \\\"b\\\"\" {\"short\":{\"name\":\"kq\"}}"
                        " otel.library.name=\"a \\\"b\\\"\"\n");
}

static void durations(void **state) {
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = { { 0, "      0ns" },      { 999, "    999ns" },     { 1000, "   1.00us" },
                  { 999999, " 999.99us" }, { 1000000, "   1.00ms" }, { UINT64_C(61000000000), "   61.00s" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        otel_span_data span = plain_span();
        span.end_time = span.start_time + cases[i].ns;
        char *text = written(&span, 1, &resource);
        if (memcmp(text + strlen("2023-11-14T22:13:20.123456Z "), cases[i].text, 9) != 0)
            fail_msg("%s", text);
        free(text);
    }
}

/* Whatever a span holds: one line each, and nothing that moves a terminal's cursor. */
static void one_line_per_span(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        span_set *set = span_set_create(seed, 30);
        char *text = written(span_set_spans(set), 30, span_set_resource(set));
        size_t lines = 0;
        for (const char *c = text; *c; c++) {
            lines += *c == '\n';
            assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
        }
        assert_int_equal(lines, 30);
        free(text);
        span_set_free(set);
    }
}

static void a_name_of_many_megabytes(void **state) {
    (void)state;
    size_t len = 20 * 1024 * 1024;
    char *name = malloc(len);
    memset(name, 'x', len);
    otel_span_data spans[] = { plain_span(), plain_span() };
    spans[0].name = otel_strn(name, len);
    char *text = written(spans, 2, &resource);
    char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_memory_equal(end - 9, "... [cut]", 9);
    assert_memory_equal(end + 1, "2023-", 5);
    free(text);
    free(name);
}

/* The reader of the pipe is gone: a failure, told once, and the program lives. */
static void a_closed_pipe(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEBUG);
    signal(SIGPIPE, SIG_DFL);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    FILE *stream = fdopen(ends[1], "w");
    otel_exporter *exporter = otel_console_exporter(stream);
    otel_span_data span = plain_span();
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    for (int i = 0; i < 3; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("Broken pipe", NULL));
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
    reports_stop();
}

/* A pipe that nobody reads, and an exporter that writes more to it than fits. */
struct stuck {
    int ends[2];
    FILE *stream;
    otel_exporter *exporter;
    otel_batch *batch;
    atomic_bool returned;
    otel_span_data spans[400];
    char name[14000]; /* a line takes four writes, and the pipe is full in the middle of one */
};

static void stuck_begin(struct stuck *stuck) {
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(pipe(stuck->ends), 0);
    stuck->stream = fdopen(stuck->ends[1], "w");
    stuck->exporter = otel_console_exporter(stuck->stream);
    memset(stuck->name, 'x', sizeof stuck->name);
    for (size_t i = 0; i < 400; i++) {
        stuck->spans[i] = plain_span();
        stuck->spans[i].name = otel_strn(stuck->name, sizeof stuck->name);
    }
    stuck->batch = batch_double_create(stuck->spans, 400, &resource);
}

/* Takes what the pipe holds. */
static size_t stuck_drain(struct stuck *stuck, char *last, size_t size) {
    char text[65536];
    size_t total = 0;
    fcntl(stuck->ends[0], F_SETFL, O_NONBLOCK);
    for (ssize_t got; (got = read(stuck->ends[0], text, sizeof text)) > 0; total += (size_t)got)
        snprintf(last, size, "%.*s", (int)got, text);
    return total;
}

static void stuck_end(struct stuck *stuck) {
    batch_double_free(stuck->batch);
    otel_exporter_destroy(stuck->exporter);
    fclose(stuck->stream);
    close(stuck->ends[0]);
    reports_stop();
}

static void a_stuck_reader_ends_an_export_in_time(void **state) {
    (void)state;
    static struct stuck stuck;
    static char text[65536];
    stuck_begin(&stuck);
    fputs("printed before\n", stuck.stream);
    assert_int_equal(batch_double_export(stuck.exporter, stuck.batch, 50, NULL), OTEL_ERR_TIMEOUT);
    assert_true(reports_mention("its reader did not take them in time", NULL));
    assert_int_equal(__fpending(stuck.stream), 0); /* nothing for exit() to wait with */
    assert_true(stuck_drain(&stuck, text, sizeof text) > 0);
    assert_memory_equal(text, "printed before\n2023-", 20);
    otel_batch *one = batch_double_create(stuck.spans, 1, &resource);
    assert_int_equal(batch_double_export(stuck.exporter, one, 50, NULL), OTEL_OK);
    stuck_drain(&stuck, text, sizeof text);
    assert_memory_equal(text, "\n2023-", 6); /* the line that was given up is ended */
    assert_int_equal(batch_double_export(stuck.exporter, one, 50, NULL), OTEL_OK);
    stuck_drain(&stuck, text, sizeof text);
    assert_memory_equal(text, "2023-", 5);
    batch_double_free(one);
    stuck_end(&stuck);
}

/* Seconds by which deadlines lie nearer than they seem. */
static _Atomic int ahead;

int clock_gettime(clockid_t id, struct timespec *now) {
    const int rc = (int)syscall(SYS_clock_gettime, id, now);
    if (id == CLOCK_MONOTONIC)
        now->tv_sec += atomic_load(&ahead);
    return rc;
}

static bool begun(const struct stuck *stuck) {
    int held = 0;
    return ioctl(stuck->ends[0], FIONREAD, &held) == 0 && held > 0;
}

/* While an export is under way. Should it be waiting still after a while, it is cancelled. */
static void *let_a_minute_pass(void *arg) {
    struct stuck *stuck = arg;
    while (!begun(stuck))
        usleep(1000);
    atomic_store(&ahead, 61);
    for (int i = 0; i < 1000 && !atomic_load(&stuck->returned); i++)
        usleep(10000);
    batch_double_ops(stuck->exporter)->cancel(batch_double_self(stuck->exporter));
    return NULL;
}

static void without_a_bound_there_is_one_of_60_s(void **state) {
    (void)state;
    static struct stuck stuck;
    stuck_begin(&stuck);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, let_a_minute_pass, &stuck), 0);
    assert_int_equal(batch_double_export(stuck.exporter, stuck.batch, 0, NULL), OTEL_ERR_TIMEOUT);
    atomic_store(&stuck.returned, true);
    pthread_join(thread, NULL);
    atomic_store(&ahead, 0);
    stuck_end(&stuck);
}

static void *cancel_soon(void *arg) {
    struct stuck *stuck = arg;
    usleep(30000);
    batch_double_ops(stuck->exporter)->cancel(batch_double_self(stuck->exporter));
    return NULL;
}

static void cancel_ends_the_waiting_for_a_reader(void **state) {
    (void)state;
    static struct stuck stuck;
    stuck_begin(&stuck);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &stuck), 0);
    assert_int_equal(batch_double_export(stuck.exporter, stuck.batch, 0, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(__fpending(stuck.stream), 0);
    stuck_end(&stuck);
}

static void nothing_after_shutdown_or_cancel(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *stream = open_memstream(&text, &len);
        otel_exporter *exporter = otel_console_exporter(stream);
        const otel_exporter_ops *ops = batch_double_ops(exporter);
        void *self = batch_double_self(exporter);
        assert_true(ops->blocking);
        otel_span_data span = plain_span();
        otel_batch *batch = batch_double_create(&span, 1, &resource);
        if (i == 0)
            ops->cancel(self);
        else
            assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(ops->force_flush(self, 0), OTEL_OK);
        assert_int_not_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
        fputs("still open", stream);
        fclose(stream);
        assert_string_equal(text, "still open");
        free(text);
        batch_double_free(batch);
        otel_exporter_destroy(exporter);
    }
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    FILE *stream = tmpfile();
    otel_exporter *exporter = otel_console_exporter(stream);
    otel_span_data span = plain_span();
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(batch_double_export_while_shut_down(exporter, batch), OTEL_ERR_STATE);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
}

/* Nothing is left for a force_flush or a shutdown to write. */
static void an_export_has_reached_the_file(void **state) {
    (void)state;
    char text[64] = "";
    FILE *stream = tmpfile();
    otel_exporter *exporter = otel_console_exporter(stream);
    otel_span_data span = plain_span();
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_true(pread(fileno(stream), text, sizeof text - 1, 0) > 0);
    assert_memory_equal(text, "2023-11-14", 10);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
}

/* Parent and child write to the same file: each line stands there once. */
static void a_forked_child_writes_its_own(void **state) {
    (void)state;
    FILE *stream = tmpfile();
    otel_exporter *exporter = otel_console_exporter(stream);
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    void *self = batch_double_self(exporter);
    otel_span_data span = plain_span();
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    ops->before_fork(self);
    pid_t child = fork();
    ops->after_fork(self, child == 0);
    if (child == 0) {
        bool fine = batch_double_export(exporter, batch, 0, NULL) == OTEL_OK;
        otel_exporter_destroy(exporter);
        fflush(NULL);
        _exit(fine ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    rewind(stream);
    size_t lines = 0;
    for (int c; (c = getc(stream)) != EOF;)
        lines += c == '\n';
    assert_int_equal(lines, 3);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
}

static void a_fork_that_takes_too_long_is_reported(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEBUG);
    FILE *stream = tmpfile();
    otel_exporter *exporter = otel_console_exporter(stream);
    const otel_exporter_ops *ops = batch_double_ops(exporter);
    otel_span_data span = plain_span();
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    ops->before_fork(batch_double_self(exporter));
    assert_int_equal(batch_double_export(exporter, batch, 1, NULL), OTEL_ERR_TIMEOUT);
    ops->after_fork(batch_double_self(exporter), false);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("could not be written to the console", "a fork() took all the time"));
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    fclose(stream);
    reports_stop();
}

static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    FILE *stream = tmpfile();
    fputs("begun\n", stream); /* gives the stream its buffer */
    otel_span_data spans[] = { plain_span(), plain_span() };
    otel_batch *batch = batch_double_create(spans, 2, &resource);
    for (unsigned nth = 1; nth < 8; nth++) {
        reports_start(OTEL_LOG_DEBUG);
        failing_allocator_fail(nth, true);
        otel_exporter *exporter = otel_console_exporter(stream);
        otel_status status = exporter ? batch_double_export(exporter, batch, 0, NULL) : OTEL_ERR_MEMORY;
        failing_allocator_fail(0, false);
        assert_true(status == OTEL_OK || status == OTEL_ERR_MEMORY || status == OTEL_ERR_EXPORT);
        assert_int_equal(reports_count(), exporter && status != OTEL_OK);
        if (exporter)
            assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
        otel_exporter_destroy(exporter);
    }
    batch_double_free(batch);
    fclose(stream);
    reports_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_span),
        cmocka_unit_test(keys_differ_in_case),
        cmocka_unit_test(everything_a_span_can_have),
        cmocka_unit_test(only_counts_are_left),
        cmocka_unit_test(the_scope_with_its_attributes),
        cmocka_unit_test(durations),
        cmocka_unit_test(one_line_per_span),
        cmocka_unit_test(a_name_of_many_megabytes),
        cmocka_unit_test(a_closed_pipe),
        cmocka_unit_test(a_stuck_reader_ends_an_export_in_time),
        cmocka_unit_test(without_a_bound_there_is_one_of_60_s),
        cmocka_unit_test(cancel_ends_the_waiting_for_a_reader),
        cmocka_unit_test(nothing_after_shutdown_or_cancel),
        cmocka_unit_test(an_export_has_reached_the_file),
        cmocka_unit_test(any_thread_may_flush_and_shut_down),
        cmocka_unit_test(a_forked_child_writes_its_own),
        cmocka_unit_test(a_fork_that_takes_too_long_is_reported),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
