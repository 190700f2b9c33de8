/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocation_test.c - in steady state nothing is taken from the heap: not by threads that record, not by the worker,
 * not by the OTLP exporter. What libcurl takes for itself is counted apart and printed.
 */
#include "batch_double.h"
#include "carrier.h"
#include "counting_allocator.h"
#include "http_double.h"
#include "otlp_scene.h"
#include "span_assert.h"

#include <inttypes.h>
#include <otel/otlp.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SPANS = 100000, AT_ONCE = 1000, LONG_MS = 20000, BIG = 5000 };

OTEL_TRACER(tracer, "allocation_test", "1.0");

static http_double *server;

/* ---- an exporter that watches its thread ------------------------------------------------------------------------- */

/* It hands batches on to `inner`, or only reads them. Its thread's allocations count from one export to the next. */
static struct {
    otel_exporter *inner;
    _Atomic bool counting;
    uint64_t seen, seen_by_curl; /* by the end of the last export */
    _Atomic uint64_t exports, own, curls, read;
} watch;

static uint64_t read_attributes(otel_attrs attributes) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < attributes.count; i++)
        bytes += attributes.items[i].key.len + attributes.items[i].value.len;
    return bytes;
}

static void read_batch(otel_batch *batch) {
    for (size_t i = 0; i < otel_batch_count(batch); i++) {
        const otel_span_data *span = otel_batch_span(batch, i);
        uint64_t bytes = span->name.len + read_attributes(span->attributes);
        for (size_t e = 0; e < span->event_count; e++)
            bytes += read_attributes(span->events[e].attributes);
        for (size_t l = 0; l < span->link_count; l++)
            bytes += read_attributes(span->links[l].attributes);
        atomic_fetch_add(&watch.read, bytes);
    }
}

static otel_status export_watched(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    otel_status status = OTEL_OK;
    read_batch(batch);
    if (watch.inner)
        status =
            batch_double_ops(watch.inner)->export_batch(batch_double_self(watch.inner), batch, timeout_ms, outcome);
    if (atomic_load(&watch.counting)) {
        atomic_fetch_add(&watch.exports, 1);
        atomic_fetch_add(&watch.own, allocations() - watch.seen);
        atomic_fetch_add(&watch.curls, allocations_by_curl() - watch.seen_by_curl);
    }
    watch.seen = allocations();
    watch.seen_by_curl = allocations_by_curl();
    return status;
}

static void destroy_watched(void *self) {
    (void)self;
    otel_exporter_destroy(watch.inner);
}

static void start(otel_exporter *inner) {
    static const otel_exporter_ops ops = { .size = sizeof ops,
                                           .name = "watched",
                                           .blocking = true,
                                           .export_batch = export_watched,
                                           .destroy = destroy_watched };
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = 100 };
    memset(&watch, 0, sizeof watch);
    watch.inner = inner;
    otel_exporter *exporter = otel_exporter_create(&ops, NULL);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .log_level = OTEL_LOG_WARN,
                                             .processors = OTEL_PROCESSORS(otel_batch_processor(&options, exporter)))),
                     OTEL_OK);
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.live + ledger.abandoned, 0);
    http_double_stop(server);
    server = NULL;
    return 0;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void make_ten(void) {
    static const char *const keys[10] = {
        "http.request.method", "url.scheme", "url.path",         "http.route",      "server.address",
        "client.name",         "user.agent", "network.protocol", "deployment.zone", "messaging.id",
    };
    const otel_span span = otel_span_start(tracer, OTEL_START("ten"));
    for (unsigned i = 0; i < 10; i++)
        otel_set(&span, keys[i], "a value of 25 characters.");
    otel_span_end(&span);
}

static void record_all_there_is(const otel_span *span) {
    static const int64_t numbers[] = { 1, 2, 3 };
    static const otel_str texts[] = { { "one", 3 }, { "two", 3 } };
    const otel_link link = { .span = *span, .attributes = OTEL_ATTRS(OTEL_ATTR("why", "because")) };
    otel_set(span, "int", 1);
    otel_set(span, "double", 0.5);
    otel_set(span, "bool", otel_bool(true));
    otel_set(span, "ints", otel_ints(numbers, 3));
    otel_set(span, "strings", otel_strings(texts, 2));
    otel_event(span, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("key", "value"), OTEL_ATTR("n", 17)));
    otel_span_record_exception(
        span, &(otel_exception_options){ .size = sizeof(otel_exception_options), .type = "oom", .message = "none" });
    otel_span_add_link(span, &link);
    otel_span_set_name(span, "another name");
    otel_span_set_status(span, OTEL_CODE_ERROR, "it failed");
    otel_span_fail(span, "timeout", "it failed again");
}

static void pass_on(const otel_span *span, struct carrier *carrier) {
    otel_scope scope = otel_span_attach(span, false);
    otel_context context = otel_context_current();
    carrier->count = carrier->writes = 0;
    otel_inject(NULL, &carrier_setter, carrier);
    otel_inject(&context, &carrier_setter, carrier);
    otel_context_release(&context);
    otel_scope_close(&scope);
}

/* A request from elsewhere is served, and another one sent. */
static void make_all(const char *tracestate) {
    static struct carrier in, out;
    in.count = 0;
    carrier_add(&in, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    if (tracestate)
        carrier_add(&in, "tracestate", tracestate);
    otel_context remote = otel_extract(NULL, &carrier_getter, &in);
    otel_scope scope = otel_context_attach(&remote);
    {
        OTEL_SPAN(request, tracer, "server", .kind = OTEL_SERVER);
        OTEL_SPAN(client, tracer, "client", .kind = OTEL_CLIENT);
        record_all_there_is(&request);
        pass_on(&client, &out);
    }
    otel_scope_close(&scope);
    otel_context_release(&remote);
}

static void make_plain(void) { make_all(NULL); }
static void make_with_tracestate(void) { make_all("vendor=value,other=thing"); }

/* Makes spans, and exports them every now and then; returns what the calling thread has taken from the heap meanwhile. */
static uint64_t take_of(void (*make)(void), unsigned times) {
    const uint64_t before = allocations();
    for (unsigned i = 0; i < times; i++) {
        make();
        if (i % AT_ONCE == AT_ONCE - 1)
            assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    }
    return allocations() - before;
}

static void warm_up(void (*make)(void)) {
    take_of(make, 4 * AT_ONCE);
    atomic_store(&watch.counting, true);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void steady(void (*make)(void), unsigned spans_each, const char *what) {
    start(NULL);
    warm_up(make);
    const uint64_t taken = take_of(make, SPANS / spans_each);
    printf("measured: allocations of %u spans %s: %" PRIu64 " by their thread, %" PRIu64 " by the worker in %" PRIu64
           " exports\n",
           (unsigned)SPANS, what, taken, atomic_load(&watch.own), atomic_load(&watch.exports));
    assert_int_equal(taken, 0);
    assert_int_equal(watch.own, 0);
    assert_in_range(watch.exports, SPANS / 512, SPANS);
    assert_int_not_equal(watch.read, 0);
}

static void a_span_with_ten_attributes_allocates_nothing(void **state) {
    (void)state;
    steady(make_ten, 1, "with ten string attributes");
}

static void nothing_that_a_span_can_record_allocates(void **state) {
    (void)state;
    steady(make_plain, 2, "with everything, and traceparent in and out");
}

static void a_tracestate_allocates_nothing(void **state) {
    (void)state;
    steady(make_with_tracestate, 2, "with a tracestate in and out");
}

static void what_is_not_recorded_allocates_nothing(void **state) {
    (void)state;
    setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
    start(NULL);
    unsetenv("OTEL_TRACES_SAMPLER");
    assert_int_equal(take_of(make_ten, SPANS) + take_of(make_plain, SPANS), 0);
}

/* ---- contexts without an SDK ------------------------------------------------------------------------------------- */

/* Receives the headers, sends on what they say, and lets go of it; how many fields were sent. */
static size_t carry(const otel_propagator *propagator, const char *parent, const char *state) {
    static struct carrier received, sent;
    const otel_context empty = { { 0 } };
    received.count = sent.count = sent.writes = 0;
    carrier_add(&received, "traceparent", parent);
    carrier_add(&received, state ? "tracestate" : "other", state ? state : "");
    carrier_add(&received, "baggage", "name=value");
    otel_context context = propagator->extract(&empty, &carrier_getter, &received);
    propagator->inject(&context, &carrier_setter, &sent);
    otel_context_release(&context);
    return sent.count;
}

/* From the very first on, with another tracestate each time: short ones, long ones, none, and headers that are refused. */
static void carrying_a_trace_context_allocates_nothing(void **state) {
    (void)state;
    enum { TIMES = 100000 };
    static char states[2][1000];
    size_t fields = 0;
    const uint64_t before = allocations();
    for (unsigned i = 0; i < TIMES; i++) {
        char parent[56];
        snprintf(parent, sizeof parent, "00-0af7651916cd43dd8448eb211c80319c-%016x-0%u", i + 1, i % 4);
        snprintf(states[0], sizeof states[0], "vendor=%u,other=thing", i);
        snprintf(states[1], sizeof states[1], "a=%0250u,b=%0250u,c=%0250u", i, i, i);
        fields += carry(&otel_propagator_tracecontext, parent, states[0]);
        fields += carry(&otel_propagator_tracecontext, parent, states[1]);
        fields += carry(&otel_propagator_tracecontext, parent, NULL);
        fields += carry(&otel_propagator_tracecontext, parent, "not a list");
        fields += carry(&otel_propagator_tracecontext, parent + 1, states[0]);
    }
    const uint64_t taken = allocations() - before;
    printf("measured: allocations of %u extractions and injections of a trace context: %" PRIu64 "\n", 5u * TIMES,
           taken);
    assert_int_equal(taken, 0);
    assert_int_equal(fields, 6 * TIMES);
    assert_int_equal(carry(&otel_propagator_baggage, "", NULL), 1);
    assert_int_not_equal(allocations() - before, 0);
}

/* Also of a worker that serves several sizes of batches, one after the other. */
static void export_over_http(const struct http_step *steps, size_t count, const char *what) {
    server = http_double_start(steps, count);
    const otel_otlp_options options = { .size = sizeof options, .endpoint = http_double_url(server, "") };
    start(otel_otlp_exporter(&options));
    assert_non_null(watch.inner);
    take_of(make_ten, 4 * AT_ONCE);
    warm_up(make_plain);
    uint64_t taken = take_of(make_plain, 20 * AT_ONCE);
    taken += take_of(make_ten, 20 * AT_ONCE);
    printf("measured: OTLP exports, %s: %" PRIu64 " allocations of our own in %" PRIu64 " exports, %" PRIu64
           " of libcurl's; the recording thread's: %" PRIu64 "\n",
           what, atomic_load(&watch.own), atomic_load(&watch.exports), atomic_load(&watch.curls), taken);
    assert_int_equal(taken, 0);
    assert_int_equal(watch.own, 0);
    assert_in_range(watch.exports, 60, SPANS);
    assert_int_not_equal(watch.curls, 0);
}

static void an_export_over_http_allocates_nothing_beside_libcurl(void **state) {
    (void)state;
    export_over_http(STEPS({ .status = 200 }), "answered without a body");
}

/* As collectors do that have nothing to say: the message `partial_success` is there and empty. */
static void an_answer_allocates_nothing_either(void **state) {
    (void)state;
    export_over_http(STEPS({ .headers = PROTOBUF, .body = "\x0a\x00", .body_len = 2 }),
                     "answered with an empty message");
}

/* ---- that allocations are seen at all ---------------------------------------------------------------------------- */

#define assert_counted(expression)                                                                                     \
    do {                                                                                                               \
        const uint64_t before_ = allocations();                                                                        \
        void *volatile block_ = (expression);                                                                          \
        assert_true(allocations() > before_);                                                                          \
        free(block_);                                                                                                  \
    } while (0)

static void *aligned(void) {
    void *block;
    return posix_memalign(&block, 64, 100) == 0 ? block : NULL;
}

static char *printed(void) {
    char *text;
    return asprintf(&text, "%d", 17) < 0 ? NULL : text;
}

static void every_way_to_allocate_is_counted(void **state) {
    (void)state;
    assert_counted(malloc(100));
    assert_counted(calloc(10, 10));
    assert_counted(realloc(NULL, 100));
    assert_counted(aligned_alloc(64, 128));
    assert_counted(aligned());
    assert_counted(strdup("text"));
    assert_counted(printed());
}

static void make_big(void) {
    static char text[BIG + 1];
    memset(text, 'x', BIG);
    const otel_span span = otel_span_start(tracer, OTEL_START("big"));
    otel_set(&span, "big", text);
    otel_span_end(&span);
}

static void a_value_over_four_kilobytes_is_the_one_allocation(void **state) {
    (void)state;
    start(NULL);
    warm_up(make_big);
    assert_int_equal(take_of(make_big, AT_ONCE), AT_ONCE);
    assert_int_equal(watch.own, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_way_to_allocate_is_counted, stop),
        cmocka_unit_test(carrying_a_trace_context_allocates_nothing),
        cmocka_unit_test_teardown(a_value_over_four_kilobytes_is_the_one_allocation, stop),
        cmocka_unit_test_teardown(a_span_with_ten_attributes_allocates_nothing, stop),
        cmocka_unit_test_teardown(nothing_that_a_span_can_record_allocates, stop),
        cmocka_unit_test_teardown(a_tracestate_allocates_nothing, stop),
        cmocka_unit_test_teardown(what_is_not_recorded_allocates_nothing, stop),
        cmocka_unit_test_teardown(an_export_over_http_allocates_nothing_beside_libcurl, stop),
        cmocka_unit_test_teardown(an_answer_allocates_nothing_either, stop),
    };
    if (!counting_allocator_works() || !counting_allocator_tell_curl()) {
        printf("SKIPPED: allocations cannot be counted here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
