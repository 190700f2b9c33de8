/* SPDX-License-Identifier: Apache-2.0 */
/* polling_test.c - who fetches strategies, that nobody waits for it, and what becomes of it at forks and stops. */
#include "polling.h"

#include "base/clock.h"
#include "base/sync.h"
#include "exporter_double.h"
#include "http_double.h"
#include "in_child.h"
#include "sampling.h"
#include "sanitizers.h"

#include <dirent.h>
#include <otel/jaeger_remote.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 20000, NEVER_MS = 3600 * 1000 };
static const char unlucky[16] = { 0, [15] = 1 };

OTEL_TRACER(lib, "lib");

static struct exporter_double seen;
static http_double *server;

static const struct http_step stall = { .action = HTTP_STALL };
#define ALL                                                                                                            \
    { .body = "{\"probabilisticSampling\":{\"samplingRate\":1}}" }
#define NONE                                                                                                           \
    { .body = "{\"probabilisticSampling\":{\"samplingRate\":0}}" }
static const struct http_step all = ALL;
/* For so long that a test on a busy machine sees it, and then nothing. */
static const struct http_step all_then_none[] = { ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, NONE };
enum { ANSWERS = sizeof all_then_none / sizeof *all_then_none };

enum kind { BATCH, SIMPLE_ON_WORKER, SIMPLE_DIRECT, NO_PROCESSOR };

static otel_processor *processor_of(enum kind kind) {
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = NEVER_MS };
    seen.blocking = kind != SIMPLE_DIRECT;
    otel_exporter *exporter = exporter_double_make(&seen);
    return kind == BATCH ? otel_batch_processor(&options, exporter) : otel_simple_processor(exporter);
}

static otel_sampler *remote(int interval_ms, int timeout_ms) {
    return otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = http_double_url(server, "/sampling"),
                                                         .polling_interval_ms = interval_ms, .timeout_ms = timeout_ms,
                                                         .initial = otel_sampler_always_off()));
}

static otel_status start_sdk(enum kind kind, int interval_ms, int timeout_ms) {
    otel_processor *processors[] = { kind == NO_PROCESSOR ? NULL : processor_of(kind) };
    const otel_processors list = { processors, kind != NO_PROCESSOR };
    return otel_sdk_start(OTEL_SDK(.service_name = "a shop", .log_level = OTEL_LOG_NONE,
                                   .sampler = remote(interval_ms, timeout_ms), .processors = list));
}

static void start(enum kind kind, const struct http_step *steps, size_t count, int interval_ms, int timeout_ms) {
    server = http_double_start(steps, count);
    assert_int_equal(start_sdk(kind, interval_ms, timeout_ms), OTEL_OK);
}

static int tear_down(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    exporter_double_reset(&seen);
    if (server)
        http_double_stop(server);
    server = NULL;
    return 0;
}

static unsigned threads_named(const char *wanted) {
    unsigned found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *task; tasks && (task = readdir(tasks));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file && fgets(name, sizeof name, file))
            found += strncmp(name, wanted, strlen(wanted)) == 0;
        if (file)
            fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

/* ---- who --------------------------------------------------------------------------------------------------------- */

static void strategy_is_fetched_before_any_span(void **state) {
    (void)state;
    start(BATCH, &all, 1, NEVER_MS, 0);
    assert_true(http_double_await(server, 1));
    assert_non_null(strstr(http_double_head(server, 0), "GET /sampling?service=a%20shop HTTP/1.1\r\n"));
    assert_true(sampling_comes_to(true));
    assert_int_equal(http_double_requests(server), 1);
}

/* Wherever the resource has it from, down to the name that it has without any. */
static void service_is_that_of_the_resource(void **state) {
    (void)state;
    static const char *const variables[] = { "a%2Fb,x=y", NULL };
    static const char *const queries[] = { "?service=a%2Fb ", "?service=unknown_service%3Apolling_test " };
    for (size_t i = 0; i < 2; i++) {
        char attributes[64];
        snprintf(attributes, sizeof attributes, "service.name=%s", variables[i] ? variables[i] : "");
        if (variables[i])
            setenv("OTEL_RESOURCE_ATTRIBUTES", attributes, 1);
        else
            unsetenv("OTEL_RESOURCE_ATTRIBUTES");
        server = http_double_start(&all, 1);
        assert_int_equal(otel_sdk_start(OTEL_SDK(.log_level = OTEL_LOG_NONE, .sampler = remote(NEVER_MS, 0),
                                                 .processors = OTEL_PROCESSORS(processor_of(BATCH)))),
                         OTEL_OK);
        assert_true(http_double_await(server, 1));
        assert_non_null(strstr(http_double_head(server, 0), queries[i]));
        tear_down(NULL);
    }
}

static void follows(enum kind kind, const char *thread, bool own) {
    start(kind, all_then_none, ANSWERS, 50, 0);
    assert_true(sampling_comes_to(true));
    assert_true(sampling_comes_to(false));
    assert_int_equal(threads_named(thread), 1);
    assert_int_equal(threads_named("otel-sampling"), own);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    const size_t requests = http_double_requests(server);
    otel__sleep_ms(200);
    assert_int_equal(http_double_requests(server), requests);
    assert_int_equal(threads_named("otel-sampling"), 0);
}

static void worker_of_a_batch_processor_fetches(void **state) {
    (void)state;
    follows(BATCH, "otel-batch", false);
}

static void worker_of_a_simple_processor_fetches(void **state) {
    (void)state;
    follows(SIMPLE_ON_WORKER, "otel-simple", false);
}

static void without_a_worker_a_thread_fetches(void **state) {
    (void)state;
    follows(SIMPLE_DIRECT, "otel-sampling", true);
}

static void without_processors_a_thread_fetches(void **state) {
    (void)state;
    follows(NO_PROCESSOR, "otel-sampling", true);
}

static void next_sdk_fetches_as_well(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        start(i == 1 ? BATCH : NO_PROCESSOR, &all, 1, NEVER_MS, 0);
        assert_true(sampling_comes_to(true));
        tear_down(NULL);
    }
}

/* ---- nobody waits ------------------------------------------------------------------------------------------------ */

static void start_stalled(enum kind kind) {
    start(kind, &stall, 1, NEVER_MS, NEVER_MS);
    assert_true(http_double_await(server, 1));
}

/* Nothing is sampled yet but what a parent was. */
static void server_that_stalls_holds_up_no_export(void **state) {
    (void)state;
    server = http_double_start(&stall, 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "shop", .log_level = OTEL_LOG_NONE,
                                             .sampler = otel_sampler_parent_based_root(remote(NEVER_MS, NEVER_MS)),
                                             .processors = OTEL_PROCESSORS(processor_of(BATCH)))),
                     OTEL_OK);
    assert_true(http_double_await(server, 1));
    otel_span_context context = { .size = sizeof context, .remote = true, .flags = 1, .span_id = { 1 } };
    memcpy(context.trace_id, unlucky, 16);
    const otel_span parent = otel_span_wrap(&context);
    const otel_context in = otel_context_with_span(NULL, &parent);
    const otel_span span = otel_span_start(lib, OTEL_START("s", .parent = &in));
    otel_span_end(&span);
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const uint64_t took = otel__clock_monotonic() - before;
    print_message("measured: flush beside a stalled sampling server: %.1f ms\n", (double)took / 1e6);
    assert_int_equal(seen.count, 1);
    assert_true(took < LONG_MS / 2 * OTEL__MILLISECOND);
    assert_int_equal(http_double_open(server), 1); /* it still stalls */
}

static void stop_ends_a_fetch(enum kind kind) {
    start_stalled(kind);
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    const uint64_t took = otel__clock_monotonic() - before;
    print_message("measured: stop during a fetch: %.1f ms\n", (double)took / 1e6);
    assert_true(took < LONG_MS / 2 * OTEL__MILLISECOND);
}

static void stop_ends_a_fetch_of_a_worker(void **state) {
    (void)state;
    stop_ends_a_fetch(BATCH);
}

static void stop_ends_a_fetch_of_a_thread(void **state) {
    (void)state;
    stop_ends_a_fetch(NO_PROCESSOR);
}

/* Without time for anything a stop is in time all the same. */
static void stop_without_time_ends_a_fetch_of_a_thread(void **state) {
    (void)state;
    start_stalled(NO_PROCESSOR);
    assert_int_equal(otel_sdk_stop(0), OTEL_OK);
}

static void fetch_is_given_up_and_repeated(void **state) {
    (void)state;
    static const struct http_step steps[] = { { .action = HTTP_STALL }, ALL };
    start(BATCH, steps, 2, 200, 100);
    assert_true(sampling_comes_to(true));
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

static int child_follows(void *unused) {
    (void)unused;
    STEP(one_is_sampled()); /* by what it inherits; and it fetches from now on */
    STEP(sampling_comes_to(false));
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static void child_fetches_for_itself(enum kind kind) {
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    static const struct http_step steps[] = { ALL, NONE };
    start(kind, steps, 2, NEVER_MS, 0);
    assert_true(sampling_comes_to(true));
    assert_int_equal(in_child(child_follows, NULL), 0);
    assert_true(one_is_sampled());
    assert_int_equal(http_double_requests(server), 2);
}

static void child_fetches_on_its_worker(void **state) {
    (void)state;
    child_fetches_for_itself(BATCH);
}

static void child_fetches_on_its_thread(void **state) {
    (void)state;
    child_fetches_for_itself(NO_PROCESSOR);
}

static int child_samples(void *unused) {
    (void)unused;
    STEP(sampling_comes_to(true));
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

/* Both go on: the parent with the fetch that is under way, the child with one of its own. */
static void fork_during_a_fetch_harms_neither(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    static const struct http_step steps[] = {
        { .body = "{\"probabilisticSampling\":{\"samplingRate\":1}}", .delay_ms = 600 },
        ALL,
    };
    start(BATCH, steps, 2, NEVER_MS, 0);
    assert_true(http_double_await(server, 1));
    assert_int_equal(in_child(child_samples, NULL), 0);
    assert_true(sampling_comes_to(true));
    assert_int_equal(http_double_requests(server), 2);
}

static void parent_goes_on_fetching(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    start(NO_PROCESSOR, &all, 1, 5, 0);
    assert_true(sampling_comes_to(true));
    for (int i = 0; i < 200; i++)
        assert_int_equal(in_child(child_samples, NULL), 0);
    const size_t requests = http_double_requests(server);
    assert_true(http_double_await(server, requests + 2));
}

/* ---- descriptors that are closed under us ------------------------------------------------------------------------ */

enum { FILES = 64 };

/* As daemons do: from here on the numbers are those of files of the program's. False: they cannot be had. */
static bool close_all_and_open_files(int files[FILES]) {
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    for (int i = 0; i < FILES; i++)
        files[i] = memfd_create("the program's", 0);
    return files[FILES - 1] >= 0;
}

static int closes_all_during_a_fetch(void *unused) {
    (void)unused;
    int files[FILES];
    STEP(start_sdk(BATCH, 300, NEVER_MS) == OTEL_OK);
    otel__sleep_ms(150); /* the request has been sent, and stalls */
    STEP(close_all_and_open_files(files));
    STEP(sampling_comes_to(true)); /* by the next fetch */
    for (int i = 0; i < FILES; i++)
        STEP(lseek(files[i], 0, SEEK_END) == 0);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static void closing_all_descriptors_ends_a_fetch_and_harms_no_file(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    static const struct http_step steps[] = { { .action = HTTP_STALL }, ALL };
    server = http_double_start(steps, 2);
    assert_int_equal(in_child(closes_all_during_a_fetch, NULL), 0);
    assert_int_equal(http_double_connections(server), 2);
}

int main(void) {
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(strategy_is_fetched_before_any_span),
        test(service_is_that_of_the_resource),
        test(worker_of_a_batch_processor_fetches),
        test(worker_of_a_simple_processor_fetches),
        test(without_a_worker_a_thread_fetches),
        test(without_processors_a_thread_fetches),
        test(next_sdk_fetches_as_well),
        test(server_that_stalls_holds_up_no_export),
        test(stop_ends_a_fetch_of_a_worker),
        test(stop_ends_a_fetch_of_a_thread),
        test(stop_without_time_ends_a_fetch_of_a_thread),
        test(fetch_is_given_up_and_repeated),
        test(child_fetches_on_its_worker),
        test(child_fetches_on_its_thread),
        test(fork_during_a_fetch_harms_neither),
        test(parent_goes_on_fetching),
        test(closing_all_descriptors_ends_a_fetch_and_harms_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
