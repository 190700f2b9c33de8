/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_custom_test.c - samplers that are users' functions: what they are told, and what becomes of what they say. */
#include "backend.h"
#include "failing_allocator.h"
#include "reports.h"
#include "sampler_fixture.h"
#include "span_fixture.h"

#include <otel/baggage.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib", "1.2", "https://schema");

/* ---- a sampler that does as it is told --------------------------------------------------------------------------- */

struct puppet {
    otel_decision decision;
    otel_attrs attributes;
    const char *tracestate; /* "": clears it; NULL: leaves it alone */
    void (*during)(struct puppet *me, const otel_sampling_input *input);
    atomic_uint calls, destroys;
};

static void should_sample(void *self, const otel_sampling_input *input, otel_sampling_result *result) {
    struct puppet *me = self;
    atomic_fetch_add(&me->calls, 1);
    result->decision = me->decision;
    result->attributes = me->attributes;
    if (me->tracestate)
        otel_sampling_set_tracestate(result, otel_tracestate_parse(otel_cstr(me->tracestate)));
    if (me->during)
        me->during(me, input);
    errno = EBUSY;
}

static void describe(void *self, char *buffer, size_t size) {
    const struct puppet *me = self;
    snprintf(buffer, size, "Puppet{%u}", atomic_load(&me->calls));
}

static void destroy(void *self) { atomic_fetch_add(&((struct puppet *)self)->destroys, 1); }

static const otel_sampler_ops ops = {
    .size = sizeof ops, .should_sample = should_sample, .description = describe, .destroy = destroy
};

static otel_sampler *sampler_of(struct puppet *puppet) { return otel_sampler_create(&ops, puppet); }

/* ---- what it is told --------------------------------------------------------------------------------------------- */

static struct {
    bool has_parent, has_span;
    uint8_t trace_id[16];
    char name[16], scope[64], attributes[64], tracestate[32], baggage[16];
    otel_kind kind;
    size_t links;
    otel_span parent;
} told;

static void note(struct puppet *me, const otel_sampling_input *input) {
    (void)me;
    memset(&told, 0, sizeof told);
    told.has_parent = input->parent != NULL;
    told.has_span = ((const otel_span *)input->context)->opaque_[0] != 0;
    told.parent = input->parent ? *input->parent : told.parent;
    memcpy(told.trace_id, input->trace_id, 16);
    snprintf(told.name, sizeof told.name, "%.*s", (int)input->name.len, input->name.ptr);
    snprintf(told.scope, sizeof told.scope, "%s/%s/%s", input->scope->name.ptr, input->scope->version.ptr,
             input->scope->schema_url.ptr);
    char *attributes = attrs_text(input->attributes);
    snprintf(told.attributes, sizeof told.attributes, "%s", attributes);
    free(attributes);
    const otel_str text = otel_tracestate_text(input->tracestate);
    snprintf(told.tracestate, sizeof told.tracestate, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    const otel_str user = otel_context_baggage_value(input->context, "user");
    snprintf(told.baggage, sizeof told.baggage, "%.*s", (int)user.len, user.ptr ? user.ptr : "");
    told.kind = input->kind;
    told.links = input->links.count;
}

static void it_is_told_all_that_is_known(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE, .during = note };
    spans_restart(sampler_of(&puppet));
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span parent = span_wrapped(3, true, &tracestate);
    otel_context context = otel_context_with_span(NULL, &parent);
    const otel_span span = otel_span_start(lib, OTEL_START("GET /", .parent = &context, .kind = OTEL_SERVER,
                                                           .attributes = OTEL_ATTRS(OTEL_ATTR("a", 1)),
                                                           .links = OTEL_LINKS({ .span = parent })));
    otel_span_end(&span);
    assert_true(told.has_parent && told.has_span);
    assert_memory_equal(&told.parent, &parent, sizeof parent);
    assert_memory_equal(told.trace_id, parent.opaque_, 16);
    assert_string_equal(told.name, "GET /");
    assert_string_equal(told.scope, "lib/1.2/https://schema");
    assert_string_equal(told.attributes, "a=int:1");
    assert_string_equal(told.tracestate, "a=1");
    assert_int_equal(told.kind, OTEL_SERVER);
    assert_int_equal(told.links, 1);
    assert_int_equal(atomic_load(&puppet.calls), 1);
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    assert_int_equal(atomic_load(&puppet.destroys), 1);
}

static void a_root_has_no_parent_and_keeps_the_baggage(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_DROP, .during = note };
    spans_restart(sampler_of(&puppet));
    const otel_span parent = span_wrapped(3, true, NULL);
    otel_context with_baggage = otel_context_with_baggage_value(NULL, "user", otel_cstr("mia"));
    otel_context context = otel_context_with_span(&with_baggage, &parent);
    const otel_span span = otel_span_start(lib, OTEL_START("r", .parent = &context, .root = true));
    assert_false(told.has_parent || told.has_span);
    assert_string_equal(told.baggage, "mia");
    assert_string_equal(told.tracestate, "");
    assert_memory_equal(told.trace_id, span.opaque_, 16);
    assert_memory_not_equal(told.trace_id, parent.opaque_, 16);
    const otel_span child = otel_span_start(lib, OTEL_START("c", .parent = &context));
    assert_true(told.has_parent && told.has_span);
    assert_string_equal(told.baggage, "mia");
    otel_span_end(&span);
    otel_span_end(&child);
    otel_context_release(&context);
    otel_context_release(&with_baggage);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------ */

static void the_three_decisions(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_DROP };
    spans_restart(sampler_of(&puppet));
    for (int decision = OTEL_DROP; decision <= OTEL_RECORD_AND_SAMPLE; decision++) {
        puppet.decision = (otel_decision)decision;
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        assert_int_equal(otel_span_recording(&span), decision != OTEL_DROP);
        assert_int_equal(otel_span_flags(&span) & OTEL_FLAG_SAMPLED, decision == OTEL_RECORD_AND_SAMPLE);
        otel_span_end(&span);
    }
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.unsampled, 1);
    assert_int_equal(ledger.started, 2);
    assert_int_equal(ledger.processors[0].not_sampled, 1);
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

static void attributes_and_tracestate_reach_the_exporter(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE,
                             .tracestate = "mine=2,a=1",
                             .attributes = OTEL_ATTRS(OTEL_ATTR("rule", "vip"), OTEL_ATTR("both", "sampler")) };
    spans_restart(sampler_of(&puppet));
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span parent = span_wrapped(3, true, &tracestate);
    otel_context context = otel_context_with_span(NULL, &parent);
    otel_span span = otel_span_start(
        lib, OTEL_START("s", .parent = &context, .attributes = OTEL_ATTRS(OTEL_ATTR("both", "caller"))));
    otel_span_end(&span);
    assert_string_equal(span_last()->attributes, "both=string:\"caller\" rule=string:\"vip\"");
    assert_string_equal(span_last()->tracestate, "mine=2,a=1");
    assert_string_equal(span_last()->parent_tracestate, "a=1");
    puppet.tracestate = NULL;
    puppet.attributes = (otel_attrs){ NULL, 0 };
    span = otel_span_start(lib, OTEL_START("s", .parent = &context));
    otel_span_end(&span);
    assert_string_equal(span_last()->attributes, "");
    assert_string_equal(span_last()->tracestate, "a=1");
    puppet.tracestate = "";
    span = otel_span_start(lib, OTEL_START("s", .parent = &context));
    otel_span_end(&span);
    assert_string_equal(span_last()->tracestate, "");
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

static void a_dropped_span_has_the_tracestate_too(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_DROP, .tracestate = "mine=2,ot=th:8" };
    spans_restart(sampler_of(&puppet));
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_tracestate tracestate = otel_span_tracestate(&span);
    assert_string_equal(otel_tracestate_text(&tracestate).ptr, "mine=2,ot=th:8"); /* as returned */
    otel_tracestate_release(&tracestate);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

static void its_attributes_count_against_the_limit(void **state) {
    (void)state;
    enum { LIMIT = 128 }; /* the default */
    static otel_attr many[LIMIT + 5];
    static char keys[LIMIT + 5][8];
    for (size_t i = 0; i < LIMIT + 5; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        many[i] = OTEL_ATTR(keys[i], i);
    }
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE, .attributes = { many, LIMIT + 5 } };
    spans_restart(sampler_of(&puppet));
    const otel_span span = otel_span_start(lib, OTEL_START("s", .attributes = OTEL_ATTRS(OTEL_ATTR("k0", "own"))));
    otel_set(&span, "late", 1);
    otel_span_end(&span);
    assert_int_equal(span_last()->attribute_count, LIMIT);
    assert_int_equal(span_last()->dropped_attributes, 6);
    assert_non_null(strstr(span_last()->attributes, "k0=string:\"own\""));
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

/* The caller's, even if there is no room for any other; then the sampler's, without those of the caller's keys. */
static void its_attributes_push_out_no_others(void **state) {
    (void)state;
    enum { LIMIT = 128 };
    static otel_attr many[LIMIT];
    static char keys[LIMIT][8];
    for (size_t i = 0; i < LIMIT; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        many[i] = OTEL_ATTR(keys[i], i);
    }
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE,
                             .attributes = OTEL_ATTRS(OTEL_ATTR("k1", "sampler"), OTEL_ATTR("one", 1),
                                                      OTEL_ATTR("two", 1), OTEL_ATTR("two", 2)) };
    spans_restart(sampler_of(&puppet));
    otel_span span = otel_span_start(lib, OTEL_START("s", .attributes = { many, LIMIT }));
    otel_span_end(&span);
    assert_int_equal(span_last()->attribute_count, LIMIT);
    assert_int_equal(span_last()->dropped_attributes, 3);
    assert_non_null(strstr(span_last()->attributes, "k1=int:1 "));
    assert_non_null(strstr(span_last()->attributes, "k127=int:127"));
    span = otel_span_start(lib, OTEL_START("s", .attributes = { many, LIMIT - 1 }));
    otel_span_end(&span);
    assert_int_equal(span_last()->dropped_attributes, 1);
    assert_non_null(strstr(span_last()->attributes, "two=int:2"));
    assert_non_null(strstr(span_last()->attributes, "k1=int:1 "));
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

/* If a reference got lost each time, the table would be full long before the end. */
static void no_tracestate_is_lost(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_DROP };
    otel_sampler *sampler = sampler_of(&puppet);
    for (unsigned i = 0; i < 40000; i++) {
        puppet.tracestate = i & 1 ? "b=2" : NULL;
        struct question q = with_parent(question(id_9), true, true, i & 2 ? "a=1" : "c=3");
        assert_true(q.parent_state != 0);
        ask(&q, sampler);
        assert_state(&q, i & 1 ? "b=2" : i & 2 ? "a=1" : "c=3");
        forget(&q);
    }
    otel_sampler_destroy(sampler);
}

/* ---- mistakes ---------------------------------------------------------------------------------------------------- */

static void nonsense_is_told_once_and_drops(void **state) {
    (void)state;
    struct puppet puppet = { .decision = (otel_decision)3 };
    otel_sampler *sampler = sampler_of(&puppet);
    check(sampler, question(id_9), OTEL_DROP, "");
    puppet.decision = (otel_decision)-1;
    check(sampler, question(id_9), OTEL_DROP, "");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("a sampler decided 3", "dropped"));
    otel_sampler_destroy(sampler);
}

/* Gives back what it returns. */
static void give_back(void *self, const otel_sampling_input *input, otel_sampling_result *result) {
    (void)self;
    (void)input;
    otel_tracestate state = otel_tracestate_parse(otel_cstr("gone=1"));
    otel_sampling_set_tracestate(result, state);
    otel_tracestate_release(&state);
    push_out_unreferenced_tracestates();
    result->decision = OTEL_RECORD_AND_SAMPLE;
}

static void a_tracestate_that_is_gone_is_none(void **state) {
    (void)state;
    otel_sampler *sampler =
        otel_sampler_create(&(otel_sampler_ops){ .size = sizeof ops, .should_sample = give_back }, NULL);
    struct question q = with_parent(question(id_9), true, true, "a=1");
    ask(&q, sampler);
    assert_true(q.answer.state == 0);
    forget(&q);
    otel_sampler_destroy(sampler);
}

static void without_a_function_nothing_is_sampled(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE };
    otel_sampler_ops lacking = ops;
    lacking.should_sample = NULL;
    otel_sampler *samplers[] = { otel_sampler_create(&lacking, &puppet), otel_sampler_create(NULL, NULL) };
    assert_int_equal(atomic_load(&puppet.destroys), 1);
    for (size_t i = 0; i < 2; i++) {
        check(samplers[i], question(id_9), OTEL_DROP, "");
        assert_description(samplers[i], "AlwaysOffSampler");
    }
    assert_true(reports_mention("without should_sample()", NULL));
    assert_int_equal(atomic_load(&puppet.destroys), 1);
}

static void tables_of_other_sizes(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_ONLY };
    struct {
        otel_sampler_ops known;
        void *more;
    } longer = { ops, &puppet };
    longer.known.size = sizeof longer;
    otel_sampler_ops shorter = ops;
    shorter.size = offsetof(otel_sampler_ops, description);
    otel_sampler *samplers[] = { otel_sampler_create(&longer.known, &puppet), otel_sampler_create(&shorter, &puppet) };
    for (size_t i = 0; i < 2; i++)
        check(samplers[i], question(id_9), OTEL_RECORD_ONLY, "");
    assert_description(samplers[0], "Puppet{2}");
    assert_int_equal(atomic_load(&puppet.destroys), 1);
    assert_description(samplers[1], "CustomSampler");
    assert_int_equal(atomic_load(&puppet.destroys), 1); /* which it does not know */
}

static void without_memory_nothing_is_sampled(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE };
    failing_allocator_fail(1, true);
    otel_sampler *samplers[] = { sampler_of(&puppet),
                                 otel_sampler_probability(1),
                                 otel_sampler_trace_id_ratio(1),
                                 otel_sampler_always_record(otel_sampler_always_on()),
                                 otel_sampler_parent_based(NULL),
                                 otel_sampler_composite(otel_composable_always_on()) };
    failing_allocator_fail(0, false);
    assert_int_equal(atomic_load(&puppet.destroys), 1);
    assert_true(reports_mention("out of memory", NULL));
    for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
        check(samplers[i], question(id_9), OTEL_DROP, "");
        assert_description(samplers[i], "AlwaysOffSampler");
    }
    for (unsigned i = 0; i < 2; i++) {
        otel_sampler *given = sampler_of(&puppet);
        failing_allocator_fail(1, true);
        otel_sampler *around = i ? otel_sampler_parent_based_root(given) : otel_sampler_always_record(given);
        failing_allocator_fail(0, false);
        assert_int_equal(atomic_load(&puppet.destroys), 2 + i); /* consumed all the same */
        otel_sampler_destroy(around);
    }
}

/* ---- lifetime ---------------------------------------------------------------------------------------------------- */

static void it_is_destroyed_once_wherever_it_stands(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_DROP };
    otel_sampler *one = sampler_of(&puppet);
    otel_sampler_destroy(otel_sampler_always_record(
        otel_sampler_parent_based(&(otel_parent_based_options){ .size = sizeof(otel_parent_based_options),
                                                                .root = one,
                                                                .local_parent_sampled = one,
                                                                .remote_parent_not_sampled = one })));
    assert_int_equal(atomic_load(&puppet.destroys), 1);
    spans_restart(sampler_of(&puppet));
    assert_int_equal(atomic_load(&puppet.destroys), 1);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    assert_int_equal(atomic_load(&puppet.destroys), 2);
}

static void descriptions_are_asked_for_anew(void **state) {
    (void)state;
    char text[64];
    struct puppet puppet = { .decision = OTEL_DROP };
    otel_sampler *sampler = otel_sampler_always_record(sampler_of(&puppet));
    otel_sampler_description(sampler, text, sizeof text);
    assert_string_equal(text, "AlwaysRecordSampler{Puppet{0}}");
    check(sampler, question(id_9), OTEL_RECORD_ONLY, "");
    otel_sampler_description(sampler, text, sizeof text);
    assert_string_equal(text, "AlwaysRecordSampler{Puppet{1}}");
    otel_sampler_destroy(sampler);
}

static void fill(void *self, char *buffer, size_t size) {
    (void)self;
    memset(buffer, 'x', size);
}

static void a_description_without_an_end_is_cut(void **state) {
    (void)state;
    otel_sampler_ops endless = { .size = sizeof endless, .should_sample = should_sample, .description = fill };
    otel_sampler *sampler = otel_sampler_create(&endless, NULL);
    assert_int_equal(otel_sampler_description(sampler, NULL, 0), 511);
    otel_sampler_destroy(sampler);
}

/* ---- the API in its function ------------------------------------------------------------------------------------- */

static struct {
    otel_span span, other;
    otel_status flush, stop;
} used;

static void use_everything(struct puppet *me, const otel_sampling_input *input) {
    (void)me;
    used.span = otel_span_start(lib, OTEL_START("inner"));
    used.other = otel_span_start(lib, OTEL_START("sampled by another", .parent = input->context));
    otel_set(&used.span, "k", 1);
    otel_event(&used.span, "e");
    otel_span_end(&used.span);
    otel_span_end(&used.other);
    used.flush = otel_sdk_flush(100);
    used.stop = otel_sdk_stop(100);
}

static void it_may_use_the_api(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE, .during = use_everything };
    spans_restart(
        otel_sampler_parent_based(&(otel_parent_based_options){ .size = sizeof(otel_parent_based_options),
                                                                .root = sampler_of(&puppet),
                                                                .remote_parent_sampled = sampler_of(&puppet) }));
    errno = ENOENT;
    otel_span span = otel_span_start(lib, OTEL_START("outer"));
    assert_int_equal(errno, ENOENT);
    assert_true(otel_span_recording(&span));
    assert_int_equal(atomic_load(&puppet.calls), 1); /* not by itself */
    assert_true(used.span.opaque_[0] != 0);
    assert_int_equal(otel_span_flags(&used.span) & OTEL_FLAG_SAMPLED, 0);
    assert_int_equal(used.flush, OTEL_ERR_STATE);
    assert_int_equal(used.stop, OTEL_ERR_STATE);
    otel_span_end(&span);
    assert_int_equal(exporter_double_named(&seen, "outer"), 1);
    assert_int_equal(exporter_double_named(&seen, "inner"), 0);
    const otel_span remote = span_wrapped(3, true, NULL);
    span = span_child_of(lib, &remote);
    assert_int_equal(atomic_load(&puppet.calls), 2);
    otel_span_end(&span);
    const otel_span again = otel_span_start(lib, OTEL_START("after")); /* the mark on the thread is gone */
    assert_true(otel_span_recording(&again));
    otel_span_end(&again);
    assert_int_equal(atomic_load(&puppet.calls), 3);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    assert_int_equal(atomic_load(&puppet.destroys), 2);
}

static void start_local_child(struct puppet *me, const otel_sampling_input *input) {
    (void)me;
    if (input->parent)
        return;
    used.other = otel_span_start(lib, OTEL_START("other", .parent = NULL));
    otel_span_end(&used.other);
}

/* Where another sampler decides, spans that it starts are recorded. */
static void spans_that_others_decide_about_are_recorded(void **state) {
    (void)state;
    struct puppet puppet = { .decision = OTEL_RECORD_AND_SAMPLE, .during = start_local_child };
    spans_restart(otel_sampler_parent_based_root(sampler_of(&puppet)));
    otel_span parent = otel_span_start(lib, OTEL_START("parent"));
    otel_context context = otel_context_with_span(NULL, &parent);
    otel_scope scope = otel_context_attach(&context);
    const otel_span root = otel_span_start(lib, OTEL_START("root", .root = true));
    otel_scope_close(&scope);
    otel_context_release(&context);
    otel_span_end(&root);
    otel_span_end(&parent);
    assert_int_equal(exporter_double_named(&seen, "other"), 1);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *start_spans(void *unused) {
    for (int i = 0; i < 5000; i++) {
        otel_span span = otel_span_start(lib, OTEL_START("s", .root = true));
        otel_span_end(&span);
    }
    return unused;
}

static void threads_ask_at_the_same_time(void **state) {
    (void)state;
    static struct puppet puppet = { .decision = OTEL_RECORD_ONLY, .tracestate = "mine=1" };
    static const otel_attr attribute = { { "k", 1 }, { OTEL_TYPE_INT, 0, 0, { 1 } } };
    puppet.attributes = (otel_attrs){ &attribute, 1 };
    spans_restart(sampler_of(&puppet));
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, start_spans, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&puppet.calls), 20000);
    assert_int_equal(ledger_now().started, 20000);
    assert_int_equal(otel_sdk_stop(5000), OTEL_OK);
    assert_int_equal(atomic_load(&puppet.destroys), 1);
}

#define ALONE(name) cmocka_unit_test_setup_teardown(name, samplers_begin, samplers_end)
#define TEST(name) cmocka_unit_test_setup_teardown(name, spans_begin, spans_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_is_told_all_that_is_known),
        TEST(a_root_has_no_parent_and_keeps_the_baggage),
        TEST(the_three_decisions),
        TEST(attributes_and_tracestate_reach_the_exporter),
        TEST(a_dropped_span_has_the_tracestate_too),
        TEST(its_attributes_count_against_the_limit),
        TEST(its_attributes_push_out_no_others),
        ALONE(no_tracestate_is_lost),
        ALONE(nonsense_is_told_once_and_drops),
        ALONE(a_tracestate_that_is_gone_is_none),
        ALONE(without_a_function_nothing_is_sampled),
        ALONE(tables_of_other_sizes),
        ALONE(without_memory_nothing_is_sampled),
        TEST(it_is_destroyed_once_wherever_it_stands),
        ALONE(descriptions_are_asked_for_anew),
        ALONE(a_description_without_an_end_is_cut),
        TEST(it_may_use_the_api),
        TEST(spans_that_others_decide_about_are_recorded),
        TEST(threads_ask_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
