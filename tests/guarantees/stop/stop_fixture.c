/* SPDX-License-Identifier: Apache-2.0 */
#include "stop_fixture.h"

#include "exporter_double.h"

#include <dirent.h>

OTEL_TRACER(tracer, "stop");

unsigned stop_attempts = 3;

/* ---- what is measured -------------------------------------------------------------------------------------------- */

double stop_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void stop_sleep_ms(unsigned ms) {
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 }, NULL);
}

static unsigned count_entries(const char *path) {
    unsigned count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

unsigned stop_threads(void) { return count_entries("/proc/self/task"); }
/* One is the folder that is read. */
unsigned stop_descriptors(void) { return count_entries("/proc/self/fd") - 1; }

otel_ledger stop_ledger(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

struct times {
    double ms[ATTEMPTS_MOST];
    unsigned count;
};

static int by_size(const void *a, const void *b) {
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void add_time(struct times *times, double ms) {
    times->ms[times->count++] = ms;
    qsort(times->ms, times->count, sizeof *times->ms, by_size);
}

static double median(const struct times *times) { return times->ms[times->count / 2]; }

/*
 * Where much is computed other work delays every attempt: there the fastest one shows enough. ThreadSanitizer takes some
 * ten times as long for it, of which a part lies between two looks at the clock.
 */
static bool punctual(const struct times *times, const struct black_hole *hole, int timeout_ms) {
    const bool by_fastest = hole->computes || UNDER_ASAN || UNDER_TSAN;
    const int grace = hole->computes && UNDER_TSAN ? 4 * GRACE_MS : GRACE_MS;
    return (by_fastest ? times->ms[0] : median(times)) <= timeout_ms + grace;
}

/* Another attempt: not enough of them yet, or too few were within the figure. */
static bool go_on(const struct times *times, const struct black_hole *hole, int timeout_ms) {
    return times->count < stop_attempts || (times->count < ATTEMPTS_MOST && !punctual(times, hole, timeout_ms));
}

static void judge(const struct times *times, const char *what, const struct black_hole *hole, enum moment moment,
                  int timeout_ms) {
    print_message("measured: %s(%d): %s, %s: median %.1f ms, longest %.1f ms of %u\n", what, timeout_ms, hole->stage,
                  moment == UNDER_WAY ? "export under way" : "export to begin", median(times),
                  times->ms[times->count - 1], times->count);
    assert_true(punctual(times, hole, timeout_ms));
    assert_true(times->ms[times->count - 1] < NEVER_MS);
}

/* ---- an SDK in a black hole -------------------------------------------------------------------------------------- */

otel_processor *stop_processor(const char *url, unsigned batch, int exporter_ms) {
    const otel_otlp_options otlp = { .size = sizeof otlp, .traces_endpoint = url, .timeout_ms = exporter_ms };
    const otel_batch_options options = { .size = sizeof options,
                                         .max_queue_size = 70000,
                                         .max_batch_size = (int)batch,
                                         .schedule_delay_ms = 3600 * 1000,
                                         .export_timeout_ms = exporter_ms };
    otel_exporter *exporter = otel_otlp_exporter(&otlp);
    return batch ? otel_batch_processor(&options, exporter) : otel_simple_processor(exporter);
}

void stop_start_with(otel_processors processors) {
    otel_error why;
    const otel_status status =
        otel_sdk_start(OTEL_SDK(.service_name = "stop", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .error = &why, .processors = processors));
    if (status != OTEL_OK)
        fail_msg("%s", why.text);
}

void stop_start(const char *url, unsigned batch) {
    stop_start_with(OTEL_PROCESSORS(stop_processor(url, batch, EXPORTER_MS)));
}

void stop_record(unsigned count, unsigned text) {
    static char filler[4096];
    memset(filler, 'x', sizeof filler);
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("span"));
        otel_set(&span, "text", otel_strn(filler, text));
        otel_span_end(&span);
    }
}

void stop_enter(struct black_hole *hole, enum moment moment) {
    const unsigned before = hole->reached ? hole->reached(hole) : 0;
    stop_start(hole->url, hole->batch);
    if (moment == TO_BEGIN) {
        stop_record(hole->batch / 2, hole->text);
        return;
    }
    /* One batch under way and one that waits. */
    stop_record(2 * hole->batch, hole->text);
    assert_soon(stop_ledger().processors[0].exports == 1);
    if (hole->reached)
        assert_soon(hole->reached(hole) > before);
    stop_sleep_ms(hole->arrival_ms ? hole->arrival_ms : 20);
}

bool stop_nothing_left(void) {
    if (otel_sdk_stop(0) == OTEL_OK)
        return true;
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    return false;
}

void stop_works_again(void) {
    static const struct http_step fine = { .status = 200 };
    http_double *server = http_double_start(&fine, 1);
    stop_start(http_double_url(server, "/v1/traces"), 8);
    stop_record(20, 0);
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    assert_int_equal(stop_ledger().processors[0].exported, 20);
    assert_in_range(http_double_requests(server), 1, 20);
    http_double_stop(server);
}

/* Every span is lost, and counted as lost. */
static void check_losses(const struct black_hole *hole, enum moment moment, otel_status said) {
    const otel_ledger ledger = stop_ledger();
    const otel_ledger_processor *p = &ledger.processors[0];
    const unsigned made = moment == UNDER_WAY ? 2 * hole->batch : hole->batch / 2;
    assert_int_equal(ledger.started, made);
    assert_int_equal(ledger.ended, made);
    assert_int_equal(p->dropped_failed + p->dropped_stopped, made);
    assert_int_equal(said, moment == UNDER_WAY ? OTEL_ERR_TIMEOUT : hole->own);
    if (moment == UNDER_WAY)
        assert_int_equal(p->dropped_failed, hole->batch);
}

static double stop_once(struct black_hole *hole, enum moment moment, int timeout_ms, bool *left) {
    stop_enter(hole, moment);
    const double begin = stop_now_ms();
    const otel_status said = otel_sdk_stop(timeout_ms);
    const double took = stop_now_ms() - begin;
    stop_ledger();
    *left = !stop_nothing_left();
    if (hole->settle)
        hole->settle(hole);
    check_losses(hole, moment, said);
    return took;
}

void stop_measure(const struct black_hole *kind, enum moment moment, int timeout_ms) {
    struct black_hole hole = *kind;
    struct times times = { .count = 0 };
    unsigned left_over = 0;
    hole.open(&hole);
    const unsigned threads = stop_threads(), descriptors = stop_descriptors() - hole.peer_count;
    while (go_on(&times, &hole, timeout_ms) || (left_over == times.count && times.count < ATTEMPTS_MOST)) {
        bool left;
        add_time(&times, stop_once(&hole, moment, timeout_ms, &left));
        left_over += left;
        /* The kernel and the server take a moment to notice what is gone. */
        assert_soon(hole.leaves_threads || stop_threads() == threads);
        assert_soon(hole.leaves_threads || stop_descriptors() - hole.peer_count == descriptors);
    }
    judge(&times, "stop", &hole, moment, timeout_ms);
    assert_in_range(left_over, 0, times.count - 1);
    hole.close(&hole);
    stop_works_again();
}

/* ---- flush ------------------------------------------------------------------------------------------------------- */

static double flush_once(struct black_hole *hole, enum moment moment) {
    stop_enter(hole, moment);
    const uint64_t before = stop_ledger().ended;
    const double begin = stop_now_ms();
    const otel_status said = otel_sdk_flush(STOP_MS);
    const double took = stop_now_ms() - begin;
    if (moment == UNDER_WAY || hole->own == OTEL_ERR_TIMEOUT)
        assert_int_equal(said, OTEL_ERR_TIMEOUT);
    stop_record(3, 0);
    assert_int_equal(stop_ledger().ended, before + 3);
    otel_sdk_stop(0);
    stop_nothing_left();
    const otel_ledger ledger = stop_ledger();
    assert_int_equal(ledger.processors[0].dropped_failed + ledger.processors[0].dropped_stopped, before + 3);
    return took;
}

void stop_measure_flush(const struct black_hole *kind, enum moment moment) {
    struct black_hole hole = *kind;
    struct times times = { .count = 0 };
    hole.open(&hole);
    while (go_on(&times, &hole, STOP_MS))
        add_time(&times, flush_once(&hole, moment));
    judge(&times, "flush", &hole, moment, STOP_MS);
    hole.close(&hole);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

int stop_group_setup(void **state) {
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY",  "no_proxy",    "NO_PROXY",    "OTEL_SDK_DISABLED" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    stop_works_again();
    return 0;
}

int stop_teardown(void **state) {
    (void)state;
    otel_sdk_stop(NEVER_MS);
    return 0;
}

void stop_options(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--long") == 0)
        stop_attempts = ATTEMPTS;
}
