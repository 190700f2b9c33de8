/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_roundtrip_test.c - random spans with every feature, made through the public API by several threads, against the
 * bytes that a server receives: all of the library in between is as in a program.
 *
 * Another program each run. ROUNDTRIP_SEED repeats one: its value is printed first.
 */
#include "http_double.h"
#include "roundtrip_check.h"
#include "roundtrip_text.h"
#include "trace_request.pb-c.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <otel/otlp.h>
#include <otel/sdk.h>

#include <cmocka.h>

extern char **environ;

enum { SPANS_IN_ROUND = 512, SPANS_AT_LEAST = 10000, BODY_MOST = 4 << 20 };

struct setting {
    const char *service_name;
    size_t rounds, spans; /* of each round */
    int batch_size;       /* 0: the default */
    enum roundtrip_roots roots;
    bool by_environment, heavy, plain;
};

/* A program with its server, and what is known about both. */
struct program {
    const struct setting *setting;
    http_double *server;
    size_t requests; /* looked at so far */
    struct roundtrip_pool pool;
    struct roundtrip_source source;
    struct roundtrip_tracer tracers[ROUNDTRIP_TRACERS];
    otel_attrs resource;
    struct roundtrip_check check;
    char problem[1024]; /* the first; "" while there is none */
};

static uint64_t seed;
static uint64_t compared;                  /* spans, by all tests */
static struct roundtrip_features features; /* that they had */
static atomic_uint errors;

/* ---- the program ------------------------------------------------------------------------------------------------- */

static void note(struct program *program, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct program *program, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!program->problem[0])
        vsnprintf(program->problem, sizeof program->problem, format, arguments);
    va_end(arguments);
}

static void listen_to(void *data, otel_log_level level, const char *text) {
    (void)data;
    if (level < OTEL_LOG_ERROR)
        return;
    atomic_fetch_add(&errors, 1);
    fprintf(stderr, "%s\n", text);
}

/* Variables of the machine that the test runs on, or of the test before. */
static void clear_environment(void) {
    for (char **at = environ; *at;) {
        const char *end = strchr(*at, '=');
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(end ? end - *at : 0), *at);
        if (strncmp(name, "OTEL_", 5) == 0 && unsetenv(name) == 0)
            at = environ;
        else
            at++;
    }
}

static otel_status start_by_environment(struct program *program, otel_error *error) {
    setenv("OTEL_SERVICE_NAME", program->setting->service_name, 1);
    setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test%20bench,host.id=%C3%A9,host.id=7", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(program->server, ""), 1);
    setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.5", 1);
    setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100", 1);
    return otel_sdk_start(OTEL_SDK(.diagnostic = listen_to, .error = error));
}

static otel_status start_by_code(struct program *program, otel_error *error) {
    const struct setting *setting = program->setting;
    otel_otlp_options exporter = { .size = sizeof exporter,
                                   .traces_endpoint = http_double_url(program->server, "/somewhere") };
    otel_batch_options batch = { .size = sizeof batch, .max_batch_size = setting->batch_size };
    otel_sampler *root = setting->roots == ROUNDTRIP_ALL_ROOTS ? NULL : otel_sampler_trace_id_ratio(0.5);
    otel_parent_based_options sampler = { .size = sizeof sampler, .root = root };
    return otel_sdk_start(
        OTEL_SDK(.service_name = setting->service_name, .resource = program->resource,
                 .resource_schema_url = "https://example.test/resource\xff",
                 .sampler = otel_sampler_parent_based(&sampler),
                 .processors = OTEL_PROCESSORS(otel_batch_processor(&batch, otel_otlp_exporter(&exporter))),
                 .diagnostic = listen_to, .error = error));
}

/* From the weakest source to the strongest. */
static struct roundtrip_list expected_resource(struct program *program) {
    otel_str name = roundtrip_repaired(&program->pool, otel_cstr(program->setting->service_name));
    const otel_attr own[] = {
        OTEL_ATTR("telemetry.sdk.name", "otel-c"),
        OTEL_ATTR("telemetry.sdk.language", "c"),
        OTEL_ATTR("telemetry.sdk.version", otel_sdk_version()),
        OTEL_ATTR("service.name", name),
    };
    const otel_attr given[] = { OTEL_ATTR("deployment.environment.name", "test bench"), OTEL_ATTR("host.id", "7") };
    otel_attrs more = program->setting->by_environment ? (otel_attrs){ given, 2 } : program->resource;
    otel_attr *all = roundtrip_make(&program->pool, (4 + more.count) * sizeof *all);
    memcpy(all, own, sizeof own);
    if (more.count > 0)
        memcpy(all + 4, more.items, more.count * sizeof *all);
    return roundtrip_expect_list((otel_attrs){ all, 4 + more.count }, &program->pool);
}

static void begin(struct program *program, const struct setting *setting) {
    static const struct http_step success = { .status = 200 };
    clear_environment();
    *program = (struct program){ .setting = setting, .source = { .state = seed } };
    program->source.pool = &program->pool;
    program->source.heavy = setting->heavy;
    program->source.plain = setting->plain;
    program->source.state += 31 * (uint64_t)setting->batch_size + setting->roots;
    program->server = http_double_start(&success, 1);
    roundtrip_make_tracers(&program->source, program->tracers);
    program->resource = roundtrip_sound_attributes(&program->source, 8);
    program->check.features = &features;
    program->check.roots = setting->roots;
    program->check.resource = expected_resource(program);
    if (!setting->by_environment)
        program->check.schema_url = otel_cstr("https://example.test/resource\xef\xbf\xbd");
    roundtrip_states_hold();
    otel_error error;
    otel_status status =
        setting->by_environment ? start_by_environment(program, &error) : start_by_code(program, &error);
    if (status != OTEL_OK)
        note(program, "the SDK does not start: %s", error.text);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

/* Several spans in one request beyond the byte bound would be refused by servers. */
static void check_size(struct program *program, const uint8_t *body, size_t len) {
    Otel__Otlp__ExportTraceServiceRequest *request = otel__otlp__export_trace_service_request__unpack(NULL, len, body);
    size_t spans = 0;
    for (size_t r = 0; request && r < request->n_resource_spans; r++)
        for (size_t s = 0; s < request->resource_spans[r]->n_scope_spans; s++)
            spans += request->resource_spans[r]->scope_spans[s]->n_spans;
    if (spans > 1 && len > BODY_MOST)
        note(program, "%zu spans in a request of %zu bytes", spans, len);
    otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
}

static void check_requests(struct program *program, struct roundtrip_plan *plan) {
    roundtrip_check_begin(&program->check, plan);
    for (; program->requests < http_double_requests(program->server); program->requests++) {
        size_t len;
        const uint8_t *body = http_double_body(program->server, program->requests, &len);
        if (!roundtrip_check_request(&program->check, body, len))
            note(program, "request %zu: %s", program->requests, program->check.problem.text);
        check_size(program, body, len);
    }
    if (!roundtrip_check_end(&program->check))
        note(program, "%s", program->check.problem.text);
}

static void run_round(struct program *program) {
    struct roundtrip_pool pool = { NULL };
    program->source.pool = &pool;
    struct roundtrip_plan plan = roundtrip_make_plan(&program->source, program->tracers, program->setting->spans);
    program->check.clock = roundtrip_run(&plan);
    otel_status status = otel_sdk_flush(60000);
    if (status != OTEL_OK)
        note(program, "flush: %s", otel_status_text(status));
    check_requests(program, &plan);
    program->source.pool = &program->pool;
    roundtrip_pool_free(&pool);
}

/* ---- the ledger -------------------------------------------------------------------------------------------------- */

static void must_be(struct program *program, const char *what, uint64_t counted, uint64_t expected) {
    if (counted != expected)
        note(program, "the ledger has %s = %llu, should be %llu", what, (unsigned long long)counted,
             (unsigned long long)expected);
}

static void check_ledger(struct program *program) {
    const struct roundtrip_check *check = &program->check;
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    const otel_ledger_processor *processor = &ledger.processors[0];
    must_be(program, "processors", ledger.processor_count, 1);
    must_be(program, "started", ledger.started, check->recorded);
    must_be(program, "ended", ledger.ended, check->recorded - check->abandoned);
    must_be(program, "live", ledger.live, 0);
    must_be(program, "abandoned", ledger.abandoned, check->abandoned);
    must_be(program, "unsampled", ledger.unsampled, check->unsampled);
    must_be(program, "refused", ledger.refused, 0);
    must_be(program, "dropped attributes", ledger.dropped_attributes, check->dropped_attributes);
    must_be(program, "dropped events", ledger.dropped_events, check->dropped_events);
    must_be(program, "dropped links", ledger.dropped_links, check->dropped_links);
    must_be(program, "ended for the processor", processor->ended, check->received);
    must_be(program, "exported", processor->exported, check->received);
    must_be(program, "rejected", processor->rejected, 0);
    must_be(program, "dropped by the processor",
            processor->dropped_queue_full + processor->dropped_failed + processor->dropped_stopped, 0);
    must_be(program, "queued or in flight", processor->queued + processor->in_flight, 0);
}

static void finish(struct program *program) {
    otel_status status = otel_sdk_stop(60000);
    if (status != OTEL_OK)
        note(program, "stop: %s", otel_status_text(status));
    http_double_stop(program->server);
    roundtrip_states_release();
    roundtrip_pool_free(&program->pool);
    clear_environment();
    if (atomic_exchange(&errors, 0) > 0)
        note(program, "the library reported errors");
    if (program->problem[0])
        fail_msg("seed %#llx: %s", (unsigned long long)seed, program->problem);
}

static void run(const struct setting *setting) {
    struct program program;
    begin(&program, setting);
    for (size_t i = 0; i < setting->rounds && !program.problem[0]; i++)
        run_round(&program);
    if (otel_sdk_stop(60000) == OTEL_OK && !program.problem[0])
        check_ledger(&program);
    print_message("%llu spans in %zu requests, %llu not sampled, %llu never ended\n",
                  (unsigned long long)program.check.received, program.requests,
                  (unsigned long long)program.check.unsampled, (unsigned long long)program.check.abandoned);
    compared += program.check.received;
    finish(&program);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void the_proto_file_agrees_with_the_specification(void **state) {
    (void)state;
    struct roundtrip_problem problem = { "" };
    if (!roundtrip_same_schema(&roundtrip_request, &otel__otlp__export_trace_service_request__descriptor, &problem))
        fail_msg("%s", problem.text);
}

static void all_spans_arrive_as_described(void **state) {
    (void)state;
    run(&(struct setting){ .service_name = "roundtrip", .rounds = 10, .spans = SPANS_IN_ROUND });
}

static void spans_arrive_in_small_batches(void **state) {
    (void)state;
    run(&(struct setting){ .service_name = "not \xff utf-8", .rounds = 5, .spans = SPANS_IN_ROUND, .batch_size = 7 });
}

static void what_is_sampled_arrives(void **state) {
    (void)state;
    run(&(struct setting){ .service_name = "half",
                           .rounds = 5,
                           .spans = SPANS_IN_ROUND,
                           .batch_size = 64,
                           .roots = ROUNDTRIP_HALF_OF_ROOTS });
}

static void the_environment_sets_everything_up(void **state) {
    (void)state;
    run(&(struct setting){ .service_name = "environment",
                           .rounds = 5,
                           .spans = SPANS_IN_ROUND,
                           .by_environment = true,
                           .roots = ROUNDTRIP_HALF_OF_ROOTS });
}

static void large_batches_are_split(void **state) {
    (void)state;
    run(&(struct setting){ .service_name = "heavy", .rounds = 1, .spans = 120, .batch_size = 120, .heavy = true });
}

static void enough_spans_of_every_kind_were_compared(void **state) {
    (void)state;
    print_message("%llu spans compared\n", (unsigned long long)compared);
    assert_true(compared >= SPANS_AT_LEAST);
    const char *unseen = roundtrip_unseen_feature(&features);
    if (unseen)
        fail_msg("seed %#llx: no span had: %s", (unsigned long long)seed, unseen);
}

/* ---- the check itself -------------------------------------------------------------------------------------------- */

/* The same request with one bit changed, looked at as if for the first time. */
static bool is_noticed(struct program *program, struct roundtrip_plan *plan, uint8_t *body, size_t len, size_t bit) {
    for (size_t f = 0; f < plan->count; f++)
        for (size_t i = 0; i < plan->families[f].count; i++)
            plan->families[f].spans[i].received = false;
    struct roundtrip_check check = program->check;
    check.problem.text[0] = '\0';
    memset(check.ended_before, 0, sizeof check.ended_before);
    body[bit / 8] ^= (uint8_t)(1u << bit % 8);
    bool noticed = !roundtrip_check_request(&check, body, len);
    body[bit / 8] ^= (uint8_t)(1u << bit % 8);
    return noticed;
}

static void change_every_bit(struct program *program, struct roundtrip_plan *plan, size_t request) {
    size_t len;
    const uint8_t *body = http_double_body(program->server, request, &len);
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, body, len);
    for (size_t bit = 0; bit < 8 * len && !program->problem[0]; bit++)
        if (!is_noticed(program, plan, copy, len, bit))
            note(program, "bit %zu of byte %zu of %zu may have either value", bit % 8, bit / 8, len);
    free(copy);
    print_message("each of %zu bits matters\n", 8 * len);
}

static void every_bit_of_a_request_matters(void **state) {
    (void)state;
    struct program program;
    begin(&program, &(struct setting){ .service_name = "bits", .plain = true });
    struct roundtrip_pool pool = { NULL };
    program.source.pool = &pool;
    struct roundtrip_plan plan = roundtrip_make_plan(&program.source, program.tracers, 4);
    program.check.clock = roundtrip_run(&plan);
    otel_status status = otel_sdk_flush(60000);
    check_requests(&program, &plan);
    if (status != OTEL_OK || program.requests == 0)
        note(&program, "flush: %s, after %zu requests", otel_status_text(status), program.requests);
    roundtrip_check_begin(&program.check, &plan);
    for (size_t i = 0; i < program.requests; i++)
        change_every_bit(&program, &plan, i);
    roundtrip_check_end(&program.check);
    roundtrip_pool_free(&pool);
    finish(&program);
}

/* ---- */

static uint64_t choose_seed(void) {
    const char *given = getenv("ROUNDTRIP_SEED");
    uint64_t chosen = given ? strtoull(given, NULL, 0) : 0;
    if (!given && getrandom(&chosen, sizeof chosen, 0) != (ssize_t)sizeof chosen)
        chosen = 1;
    return chosen;
}

int main(void) {
    seed = choose_seed();
    print_message("ROUNDTRIP_SEED=%#llx\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proto_file_agrees_with_the_specification),
        cmocka_unit_test(all_spans_arrive_as_described),
        cmocka_unit_test(spans_arrive_in_small_batches),
        cmocka_unit_test(what_is_sampled_arrives),
        cmocka_unit_test(the_environment_sets_everything_up),
        cmocka_unit_test(large_batches_are_split),
        cmocka_unit_test(enough_spans_of_every_kind_were_compared),
        cmocka_unit_test(every_bit_of_a_request_matters),
    };
    return cmocka_run_group_tests_name("otlp_roundtrip", tests, NULL, NULL);
}
