/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propagators_test.c - random contexts through every propagator: what is sent and received again holds what the format
 * can carry and nothing else. By headers, through two services, and by environment variables.
 *
 *     propagators_test [CONTEXTS]      so many by each format (20,000)
 *
 * Other contexts each run: ROUNDTRIP_SEED repeats one; its value is printed first.
 */
#include "header_list.h"
#include "random_context.h"
#include "roundtrip_text.h"

#include <inttypes.h>
#include <otel/context.h>
#include <otel/environment.h>
#include <otel/propagation.h>
#include <otel/xray.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static unsigned long contexts = 20000;
static uint64_t seed;
static const otel_context empty;

/* What a format can carry. */
struct format {
    const otel_propagator *propagator;
    bool span;
    bool half; /* of the trace id the right half, and no baggage without a span */
    uint8_t flags;
    bool tracestate;
    bool baggage; /* of names that are tokens */
    bool metadata;
    bool plain; /* names in lower case, and values that a header can hold as they are */
    bool one_field_each;
};

static const struct format tracecontext = { .propagator = &otel_propagator_tracecontext,
                                            .span = true,
                                            .flags = OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM,
                                            .tracestate = true };
static const struct format baggage = { .propagator = &otel_propagator_baggage, .baggage = true, .metadata = true };
static const struct format b3 = { .propagator = &otel_propagator_b3, .span = true, .flags = OTEL_FLAG_SAMPLED };
static const struct format b3multi = { .propagator = &otel_propagator_b3multi,
                                       .span = true,
                                       .flags = OTEL_FLAG_SAMPLED };
static const struct format jaeger = { .propagator = &otel_propagator_jaeger,
                                      .span = true,
                                      .flags = OTEL_FLAG_SAMPLED,
                                      .baggage = true,
                                      .one_field_each = true };
static const struct format ottrace = { .propagator = &otel_propagator_ottrace,
                                       .span = true,
                                       .half = true,
                                       .flags = OTEL_FLAG_SAMPLED,
                                       .baggage = true,
                                       .plain = true,
                                       .one_field_each = true };
/* Assigned at run time: it is of another library. */
static struct format xray = { .span = true, .flags = OTEL_FLAG_SAMPLED };

/* ---- what arrived ------------------------------------------------------------------------------------------------ */

static bool same(otel_str a, otel_str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

static bool has_span(const struct random_context *plan) {
    const otel_span span = otel_span_wrap(&plan->span);
    return otel_span_valid(&span);
}

static const char *compare_span(const struct format *format, const struct random_context *plan,
                                const otel_context *context) {
    otel_span_context wanted = plan->span;
    const otel_span arrived = otel_context_span(context);
    char ids[4][33];
    if (!format->span || !has_span(plan)) {
        return otel_span_valid(&arrived) ? "a span that was not sent" : NULL;
    }
    memset(wanted.trace_id, 0, format->half ? 8 : 0);
    const otel_span sent = otel_span_wrap(&wanted);
    otel_span_hex(&sent, ids[0], ids[1]);
    otel_span_hex(&arrived, ids[2], ids[3]);
    if (strcmp(ids[0], ids[2]) != 0 || strcmp(ids[1], ids[3]) != 0) {
        return "ids";
    }
    if (otel_span_flags(&arrived) != (plan->span.flags & format->flags) || !otel_span_remote(&arrived)) {
        return "flags";
    }
    otel_tracestate state = otel_span_tracestate(&arrived);
    const bool kept = same(otel_tracestate_text(&state), format->tracestate ? plan->tracestate : otel_cstr(""));
    otel_tracestate_release(&state);
    return kept ? NULL : "tracestate";
}

static otel_str lower(struct roundtrip_pool *pool, otel_str text) {
    char *copy = roundtrip_make(pool, text.len);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] | 0x20 : text.ptr[i]);
    }
    return otel_strn(copy, text.len);
}

static bool is_sent(const struct format *format, const struct random_context *plan, const otel_baggage_entry *entry,
                    bool by_environment) {
    return format->baggage && !(format->one_field_each && by_environment) && !(format->half && !has_span(plan)) &&
           header_list_is_token(entry->name) && (!format->plain || header_list_is_value(entry->value));
}

static const char *compare_entry(const struct format *format, const otel_baggage_entry *sent,
                                 const otel_baggage *arrived, struct roundtrip_pool *pool) {
    const otel_str name = format->plain ? lower(pool, sent->name) : sent->name;
    for (size_t i = 0; i < otel_baggage_count(arrived); i++) {
        const otel_baggage_entry entry = otel_baggage_at(arrived, i);
        if (same(entry.name, name)) {
            return !same(entry.value, roundtrip_repaired(pool, sent->value))                       ? "a value"
                   : !same(entry.metadata, format->metadata ? sent->metadata : otel_strn(NULL, 0)) ? "metadata"
                                                                                                   : NULL;
        }
    }
    return "a name";
}

static const char *compare_baggage(const struct format *format, const struct random_context *plan,
                                   const otel_context *context, bool by_environment, struct roundtrip_pool *pool) {
    otel_baggage arrived = otel_context_baggage(context);
    const char *wrong = NULL;
    size_t sent = 0;
    for (size_t i = 0; i < plan->count && wrong == NULL; i++) {
        if (is_sent(format, plan, &plan->entries[i], by_environment)) {
            wrong = compare_entry(format, &plan->entries[i], &arrived, pool);
            sent++;
        }
    }
    const bool more = wrong == NULL && otel_baggage_count(&arrived) != sent;
    otel_baggage_release(&arrived);
    return more ? "an entry that was not sent" : wrong;
}

static const char *compare(const struct format *format, const struct random_context *plan, const otel_context *context,
                           bool by_environment, struct roundtrip_pool *pool) {
    const char *wrong = compare_span(format, plan, context);
    return wrong != NULL ? wrong : compare_baggage(format, plan, context, by_environment, pool);
}

/* ---- there and back ---------------------------------------------------------------------------------------------- */

/* Twice, as through a service between: what arrived once arrives again. */
static const char *by_headers(const struct format *format, const struct random_context *plan,
                              struct roundtrip_pool *pool) {
    static struct header_list sent;
    const char *wrong = NULL;
    otel_context context = random_context_make(plan);
    for (int hop = 0; hop < 2 && wrong == NULL; hop++) {
        header_list_clear(&sent);
        format->propagator->inject(&context, &header_list_setter, &sent);
        otel_context_release(&context);
        context = format->propagator->extract(&empty, &header_list_getter, &sent);
        wrong = sent.proper ? compare(format, plan, &context, false, pool) : "what a header cannot hold";
    }
    otel_context_release(&context);
    return wrong;
}

/* Every field that was written is one of the propagator's list, or an entry of baggage. */
static const char *by_listed_fields(const struct format *format, const struct random_context *plan,
                                    struct roundtrip_pool *pool) {
    (void)pool;
    static struct header_list sent;
    size_t listed = 0;
    otel_context context = random_context_make(plan);
    header_list_clear(&sent);
    format->propagator->inject(&context, &header_list_setter, &sent);
    otel_context_release(&context);
    for (size_t i = 0; i < sent.count; i++) {
        const char *field;
        for (size_t at = 0; (field = format->propagator->field(at)) != NULL; at++) {
            listed += strcmp(field, sent.fields[i].name.ptr) == 0;
        }
    }
    return listed == sent.count || (format->one_field_each && plan->count > 0) ? NULL : "a field that is not listed";
}

/* Names of Jaeger's entries keep their case, and thus would not arrive as they were. */
static const char *by_capitals(const struct format *format, const struct random_context *plan,
                               struct roundtrip_pool *pool) {
    static struct header_list sent;
    struct random_context bare = *plan;
    bare.count = format->one_field_each && !format->plain ? 0 : plan->count;
    otel_context context = random_context_make(&bare);
    header_list_clear(&sent);
    format->propagator->inject(&context, &header_list_setter, &sent);
    header_list_shout(&sent);
    otel_context arrived = format->propagator->extract(&empty, &header_list_getter, &sent);
    const char *wrong = compare(format, &bare, &arrived, false, pool);
    otel_context_release(&arrived);
    otel_context_release(&context);
    return wrong;
}

static const char *by_environment(const struct format *format, const struct random_context *plan,
                                  struct roundtrip_pool *pool) {
    static char *const others[] = { "HOME=/", "PATH=/usr/bin", NULL };
    otel_environment environment = otel_environment_copy(others);
    otel_context context = random_context_make(plan);
    format->propagator->inject(&context, &otel_environment_setter, &environment);
    otel_context arrived = format->propagator->extract(&empty, &otel_environment_getter, environment.envp);
    const char *wrong = compare(format, plan, &arrived, true, pool);
    otel_context_release(&arrived);
    otel_context_release(&context);
    otel_environment_release(&environment);
    return wrong;
}

typedef const char *way(const struct format *format, const struct random_context *plan, struct roundtrip_pool *pool);

static void round_trips(const struct format *format, way *there_and_back, const char *what) {
    struct roundtrip_pool pool = { NULL };
    struct roundtrip_source source = { .state = seed, .pool = &pool };
    size_t spans = 0, entries = 0;
    for (unsigned long i = 0; i < contexts; i++) {
        const struct random_context plan = random_context(&source);
        const char *wrong = there_and_back(format, &plan, &pool);
        if (wrong != NULL) {
            fail_msg("%s, context %lu of seed %" PRIu64 ": %s", format->propagator->name, i, seed, wrong);
        }
        spans += has_span(&plan);
        entries += plan.count;
        roundtrip_pool_free(&pool);
    }
    printf("measured: round trips by %s in %s: %lu contexts with %zu spans and %zu entries of baggage\n",
           format->propagator->name, what, contexts, spans, entries);
}

static void tracecontext_keeps_ids_flags_and_tracestate(void **state) {
    (void)state;
    round_trips(&tracecontext, by_headers, "headers");
}

static void baggage_keeps_all_that_a_header_can_name(void **state) {
    (void)state;
    round_trips(&baggage, by_headers, "headers");
}

static void b3_keeps_ids_and_the_sampled_flag(void **state) {
    (void)state;
    round_trips(&b3, by_headers, "headers");
}

static void b3multi_keeps_ids_and_the_sampled_flag(void **state) {
    (void)state;
    round_trips(&b3multi, by_headers, "headers");
}

static void jaeger_keeps_ids_the_sampled_flag_and_baggage(void **state) {
    (void)state;
    round_trips(&jaeger, by_headers, "headers");
}

static void ottrace_keeps_half_of_the_trace_id_and_plain_baggage(void **state) {
    (void)state;
    round_trips(&ottrace, by_headers, "headers");
}

static void xray_keeps_ids_and_the_sampled_flag(void **state) {
    (void)state;
    round_trips(&xray, by_headers, "headers");
}

static void round_trips_of_all(way *there_and_back, const char *what) {
    const struct format *const all[] = { &tracecontext, &baggage, &b3, &b3multi, &jaeger, &ottrace, &xray };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        round_trips(all[i], there_and_back, what);
    }
}

static void the_environment_keeps_what_has_a_name_of_its_own(void **state) {
    (void)state;
    round_trips_of_all(by_environment, "the environment");
}

static void names_of_fields_may_be_in_capitals(void **state) {
    (void)state;
    round_trips_of_all(by_capitals, "headers in capitals");
}

static void fields_that_are_written_are_listed(void **state) {
    (void)state;
    round_trips_of_all(by_listed_fields, "listed fields");
}

/* ---- what contexts cannot be made with --------------------------------------------------------------------------- */

/* Of what was received the same is sent on. */
static void passes(const otel_propagator *propagator, const struct header_list *received) {
    static struct header_list sent;
    header_list_clear(&sent);
    otel_context context = propagator->extract(&empty, &header_list_getter, received);
    propagator->inject(&context, &header_list_setter, &sent);
    otel_context_release(&context);
    if (!header_list_equal(received, &sent)) {
        fail_msg("%s does not send on %s: %s", propagator->name, received->fields[0].name.ptr,
                 received->fields[0].value.ptr);
    }
}

static void receive(struct header_list *list, const char *name, const char *value) {
    header_list_setter.set(list, name, value, strlen(value));
}

static void decisions_beyond_the_flag_are_kept(void **state) {
    (void)state;
    static struct header_list list;
    struct roundtrip_source source = { .state = seed };
    for (unsigned long i = 0; i < contexts; i++) {
        char trace_id[33], span_id[17], value[64];
        const bool debug = roundtrip_one_in(&source, 2);
        snprintf(trace_id, sizeof trace_id, "%016" PRIx64 "%016" PRIx64, roundtrip_next(&source),
                 roundtrip_next(&source) | 1);
        snprintf(span_id, sizeof span_id, "%016" PRIx64, roundtrip_next(&source) | 1);
        header_list_clear(&list);
        snprintf(value, sizeof value, "%s-%s%s", trace_id, span_id, debug ? "-d" : "");
        receive(&list, "b3", value);
        passes(&otel_propagator_b3, &list);
        header_list_clear(&list);
        receive(&list, "x-b3-traceid", trace_id);
        receive(&list, "x-b3-spanid", span_id);
        if (debug) {
            receive(&list, "x-b3-flags", "1");
        }
        passes(&otel_propagator_b3multi, &list);
        header_list_clear(&list);
        snprintf(value, sizeof value, "%s:%s:0:%d", trace_id, span_id, debug ? 3 : 1);
        receive(&list, "uber-trace-id", value);
        passes(&otel_propagator_jaeger, &list);
    }
}

static void request_ids_are_kept(void **state) {
    (void)state;
    static struct header_list list;
    struct roundtrip_source source = { .state = seed };
    for (unsigned long i = 0; i < contexts; i++) {
        char id[257];
        const size_t length = 1 + roundtrip_below(&source, 256);
        for (size_t at = 0; at < length; at++) {
            id[at] = (char)('!' + roundtrip_below(&source, '~' - '!' + 1));
        }
        id[length] = '\0';
        header_list_clear(&list);
        receive(&list, "x-request-id", id);
        passes(&otel_propagator_request_id, &list);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracecontext_keeps_ids_flags_and_tracestate),
        cmocka_unit_test(baggage_keeps_all_that_a_header_can_name),
        cmocka_unit_test(b3_keeps_ids_and_the_sampled_flag),
        cmocka_unit_test(b3multi_keeps_ids_and_the_sampled_flag),
        cmocka_unit_test(jaeger_keeps_ids_the_sampled_flag_and_baggage),
        cmocka_unit_test(ottrace_keeps_half_of_the_trace_id_and_plain_baggage),
        cmocka_unit_test(xray_keeps_ids_and_the_sampled_flag),
        cmocka_unit_test(the_environment_keeps_what_has_a_name_of_its_own),
        cmocka_unit_test(names_of_fields_may_be_in_capitals),
        cmocka_unit_test(fields_that_are_written_are_listed),
        cmocka_unit_test(decisions_beyond_the_flag_are_kept),
        cmocka_unit_test(request_ids_are_kept),
    };
    const char *given = getenv("ROUNDTRIP_SEED");
    if (given == NULL || sscanf(given, "%" SCNu64, &seed) != 1) {
        seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
    }
    xray.propagator = &otel_propagator_xray;
    contexts = argc > 1 ? strtoul(argv[1], NULL, 10) : contexts;
    printf("ROUNDTRIP_SEED=%" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
