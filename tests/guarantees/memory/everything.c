/* SPDX-License-Identifier: Apache-2.0 */
/*
 * everything.c - uses all there is, stops the SDK, and says what that left: nothing of ours on the heap (Valgrind looks
 * at that), no thread, no descriptor. Twice, since a stop may be followed by another start.
 */
#include "../tls_double.h"
#include "carrier.h"
#include "http_double.h"
#include "otlp_scene.h"
#include "sanitizers.h"
#include "span_assert.h"

#include <dirent.h>
#include <otel/console.h>
#include <otel/memory.h>
#include <otel/otlp.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 30, BIG = 20000, LONG_MS = 60000 };

OTEL_TRACER(tracer, "everything", "1.0", "https://example.test/schema");

static char big[BIG + 1];

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void record(const otel_span *span) {
    static const int64_t ints[] = { 1, 2, 3 };
    static const double doubles[] = { 0.5, 1.5 };
    static const bool bools[] = { true, false };
    static const otel_str strings[] = { { "one", 3 }, { "t\xffo", 3 } };
    const otel_link link = { .span = *span, .attributes = OTEL_ATTRS(OTEL_ATTR("why", "because")) };
    otel_set(span, "string", "value");
    otel_set(span, "string", "a longer value that replaces it");
    otel_set(span, "big", big);
    otel_set(span, "ints", otel_ints(ints, 3));
    otel_set(span, "doubles", otel_doubles(doubles, 2));
    otel_set(span, "bools", otel_bools(bools, 2));
    otel_set(span, "strings", otel_strings(strings, 2));
    otel_set(span, "bytes", otel_bytes("\0\1\2", 3));
    otel_set(span, "not \xff utf-8", "\xff");
    otel_event(span, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("big", (const char *)big)));
    otel_span_record_exception(
        span, &(otel_exception_options){ .size = sizeof(otel_exception_options), .type = "oom", .message = "none" });
    otel_span_add_link(span, &link);
    otel_span_set_name(span, "another name");
    otel_span_fail(span, "timeout", "it failed");
}

static void make_kinds(void) {
    for (int kind = OTEL_INTERNAL; kind <= OTEL_CONSUMER; kind++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("kind", .kind = (otel_kind)kind));
        record(&span);
        otel_span_end(&span);
    }
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

OTEL_METER(meter, "everything", "1.0");
OTEL_COUNTER(counter, meter, "counter", "1", "Counts.");
OTEL_HISTOGRAM(histogram, meter, "histogram", "s");
OTEL_OBSERVABLE_GAUGE(gauge, meter, "gauge");

static void observe(void *data, otel_observer *observer) { otel_observe(observer, gauge, *(int *)data); }

/* More series than there may be, in a span, so that there are exemplars. */
static void measure(void) {
    static int observed = 7;
    const otel_span span = otel_span_start(tracer, OTEL_START("measure"));
    otel_context context = otel_context_with_span(NULL, &span);
    otel_scope scope = otel_context_attach(&context);
    const uint64_t registration = otel_observe_with(observe, &observed);
    otel_bound bound = otel_bind(counter, otel__no_attrs());
    otel_bound_add(&bound, 1);
    for (int i = 0; i < 100; i++) {
        otel_add(counter, 1, OTEL_ATTRS(OTEL_ATTR("i", i), OTEL_ATTR("taken", "away")));
        otel_record(histogram, 0.1 * i, OTEL_ATTRS(OTEL_ATTR("i", i % 3)));
    }
    otel_sdk_flush(LONG_MS);
    otel_unobserve(registration);
    otel_scope_close(&scope);
    otel_context_release(&context);
    otel_span_end(&span);
}

static otel_status take_metrics(void *self, const otel_metrics_data *metrics, int timeout_ms) {
    (void)timeout_ms;
    *(size_t *)self += metrics->metric_count;
    return OTEL_OK;
}

static size_t metrics_taken;

static otel_metric_reader *reader_of_metrics(void) {
    const otel_metric_exporter_ops ops = { .size = sizeof ops, .name = "taking", .export_metrics = take_metrics };
    return otel_periodic_reader(NULL, otel_metric_exporter_create(&ops, &metrics_taken));
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

/* A request from elsewhere is served, and another one sent. */
static void pass_on(void) {
    static _Thread_local struct carrier in, out;
    in.count = out.count = out.writes = 0;
    carrier_add(&in, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    carrier_add(&in, "tracestate", "vendor=value,other=thing");
    otel_context remote = otel_extract(NULL, &carrier_getter, &in);
    OTEL_ATTACH(scope, &remote);
    OTEL_SPAN(server, tracer, "server", .kind = OTEL_SERVER);
    otel_context current = otel_context_current();
    otel_inject(&current, &carrier_setter, &out);
    CHECK(carrier_text(&out, "traceparent") && carrier_text(&out, "tracestate"));
    otel_context_release(&current);
    otel_context_release(&remote);
}

/* The sampler lets most spans pass. */
static void forget_to_end_one(void) {
    otel_span span;
    do
        span = otel_span_start(tracer, OTEL_START("never ended", .root = true));
    while (!otel_span_recording(&span));
    record(&span);
}

/* ---- threads and their ways to end ------------------------------------------------------------------------------- */

static void jump_out(jmp_buf *back) {
    OTEL_SPAN(skipped, tracer, "skipped");
    OTEL_SPAN(skipped_too, tracer, "skipped too");
    record(&skipped);
    longjmp(*back, 1);
}

static void jump(void) {
    jmp_buf back;
    OTEL_SPAN(outer, tracer, "outer");
    if (setjmp(back) == 0)
        jump_out(&back);
}

static void leave_scopes_open(void) {
    for (unsigned depth = 0; depth < 200; depth++) { /* more than a thread's state has room for */
        const otel_span span = otel_span_start(tracer, OTEL_START("left open"));
        const otel_scope scope = otel_span_attach(&span, true);
        (void)scope;
    }
}

static void *work(void *number) {
    make_kinds();
    for (unsigned round = 0; round < ROUNDS; round++)
        pass_on();
    jump();
    leave_scopes_open();
    if (*(const unsigned *)number % 2)
        pthread_exit(NULL);
    return NULL;
}

static void work_in_threads(void) {
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- the SDK ----------------------------------------------------------------------------------------------------- */

static void ignore(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    (void)text;
}

/* All exporters, both processors, TLS and none, and a sampler made of others. */
static otel_status start_by_code(const char *url, const char *tls_url, FILE *console, otel_memory *memory) {
    const otel_otlp_options plain = {
        .size = sizeof plain, .endpoint = url, .headers = "key=value", .user_agent = "mine/1"
    };
    const otel_otlp_options tls = { .size = sizeof tls, .endpoint = tls_url };
    const otel_batch_options batch = { .size = sizeof batch, .max_batch_size = 100, .schedule_delay_ms = 50 };
    static const char *const keys[] = { "i" };
    const otel_view view = { .instrument = "*", .attribute_keys = keys, .attribute_key_count = 1 };
    const otel_metrics_options metrics = { .readers = OTEL_READERS(reader_of_metrics()),
                                           .views = { &view, 1 },
                                           .cardinality_limit = 50 };
    return otel_sdk_start(
        OTEL_SDK(.service_name = "everything", .diagnostic = ignore, .metrics = metrics,
                 .resource = OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", (const char *)big)),
                 .sampler = otel_sampler_parent_based_root(otel_sampler_trace_id_ratio(0.9)),
                 .processors = OTEL_PROCESSORS(otel_batch_processor(&batch, otel_otlp_exporter(&plain)),
                                               otel_batch_processor(&batch, otel_otlp_exporter(&tls)),
                                               otel_batch_processor(&batch, otel_console_exporter(console)),
                                               otel_simple_processor(otel_memory_exporter(memory)))));
}

static otel_status start_by_environment(const char *url) {
    setenv("OTEL_SERVICE_NAME", "everything", 1);
    setenv("OTEL_RESOURCE_ATTRIBUTES", "a=1,b=%20,c", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url, 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "key=value,other=%20", 1);
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.9", 1);
    setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "nonsense", 1);
    return otel_sdk_start(OTEL_SDK(.diagnostic = ignore));
}

static void use_and_stop(void) {
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    make_kinds();
    measure();
    pass_on();
    forget_to_end_one();
    work_in_threads();
    CHECK(otel_sdk_flush(LONG_MS) == OTEL_OK);
    work_in_threads();
    CHECK(otel_sdk_stop(LONG_MS) == OTEL_OK);
    make_kinds();
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    CHECK(ledger.abandoned == 1 && ledger.live == 0);
    for (size_t i = 0; i < ledger.processor_count; i++)
        CHECK(ledger.processors[i].exported > 0);
}

static void run_by_code(void) {
    http_double *server = http_double_start(
        STEPS({ .status = 503, .headers = "Retry-After: 0\r\n" }, { .action = HTTP_RESET_INSIDE_REQUEST },
              { .headers = PROTOBUF, .body = "\x0a\x05\x08\x03\x12\x01x", .body_len = 7 },
              { .status = 200, .headers = PROTOBUF, .body = "\x0a\x00", .body_len = 2 }));
    const enum tls_action actions[] = { TLS_RESET_INSIDE_REQUEST, TLS_ANSWER_THEN_RESET, TLS_ANSWER };
    tls_double *tls = tls_double_start(actions, 3);
    FILE *console = fopen("/dev/null", "w");
    otel_memory *memory = otel_memory_create(100);
    CHECK(start_by_code(http_double_url(server, ""), tls_double_url(tls), console, memory) == OTEL_OK);
    use_and_stop();
    CHECK(metrics_taken >= 3);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    CHECK(otel_memory_spans_count(spans) == 100);
    otel_memory_spans_release(spans);
    otel_memory_release(memory);
    fclose(console);
    tls_double_stop(tls);
    http_double_stop(server);
}

static void run_by_environment(void) {
    http_double *server = http_double_start(STEPS({ .status = 200 }));
    CHECK(start_by_environment(http_double_url(server, "")) == OTEL_OK);
    use_and_stop();
    unsetenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE");
    http_double_stop(server);
}

/* ---- what is left ------------------------------------------------------------------------------------------------ */

static unsigned entries(const char *folder) {
    unsigned count = 0;
    DIR *dir = opendir(folder);
    CHECK(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

int main(void) {
    memset(big, 'x', BIG);
    const unsigned threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
    for (unsigned life = 0; life < 2; life++) {
        run_by_code();
        run_by_environment();
    }
    CHECK(entries("/proc/self/task") <= threads + UNDER_TSAN); /* which starts a thread of its own at some time */
    CHECK(entries("/proc/self/fd") == descriptors);
    return 0;
}
