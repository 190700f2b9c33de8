/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_composable.c - the parts of composite samplers (specification: trace/sdk.md, Built-in ComposableSamplers).
 * Each is immutable, and lies in one block with what it was given.
 */
#include "sampler_composable.h"

#include "base/str.h"
#include "base/utf8.h"
#include "common/value_text.h"
#include "diagnostics.h"
#include "options.h"
#include "sampler_state.h"
#include "value_copy.h"

#include <stdlib.h>

enum kind { ALWAYS_ON, ALWAYS_OFF, PROBABILITY, PARENT_THRESHOLD, RULE_BASED, ANNOTATING, CUSTOM };

struct otel_composable {
    enum kind kind;
    atomic_bool warned;
    double ratio; /* probability */
    uint64_t threshold, root_state;
    otel_composable *delegate; /* parent threshold, annotating */
    otel_attrs attributes;     /* annotating */
    otel_sampling_rule *rules; /* rule-based */
    size_t rule_count;
    otel_composable_ops ops; /* custom */
    void *self;
};

/* Shared by all who ask for them; destroying them does nothing. */
static otel_composable always_on = { .kind = ALWAYS_ON };
static otel_composable always_off = { .kind = ALWAYS_OFF };

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/*
 * A user's function is not asked about a span that one of them starts, which is dropped then: see sampler_callback.h.
 * Parts of ours decide about it as about any other.
 */

static const otel_sampling_input *input_of(struct otel__intent_query *query) {
    if (!query->open) {
        otel__question_open(&query->question, query->in);
        query->question.input.trace_id = NULL;
        query->open = true;
    }
    return &query->question.input;
}

static void forget_innermost(const otel_composable *composable, struct otel__intent *intent) {
    if (!intent->crowded && otel__sampler_first(&composable->warned))
        otel_report(OTEL_LOG_ERROR, "sampler/attributes",
                    "more than %d parts of a sampler add attributes: those of the innermost are left out",
                    (int)OTEL__SAMPLED_LISTS);
    intent->crowded = true;
    memmove(intent->source, intent->source + 1, --intent->sources * sizeof intent->source[0]);
}

/* Called from the innermost part on, whose attributes any other part's may replace. */
static void add_source(const otel_composable *composable, struct otel__intent *intent,
                       otel_attrs (*attributes)(void *data), void *data) {
    if (intent->sources == OTEL__SAMPLED_LISTS)
        forget_innermost(composable, intent);
    intent->source[intent->sources].attributes = attributes;
    intent->source[intent->sources++].data = data;
}

static otel_attrs own_attributes(void *composable) { return ((otel_composable *)composable)->attributes; }

/* A parent whose threshold does not explain what it did has none. */
static void follow_parent(const struct otel__intent_query *query, struct otel__intent *intent) {
    if (otel__parent_threshold(query->in, query->ot, &intent->threshold)) {
        intent->reliable = true;
        intent->inherited = true;
        return;
    }
    intent->threshold = otel__parent_sampled(query->in) ? 0 : OTEL__THRESHOLD_NEVER;
}

static const otel_composable *first_match(const otel_composable *composable, struct otel__intent_query *query) {
    for (size_t i = 0; i < composable->rule_count; i++) {
        const otel_sampling_rule *rule = &composable->rules[i];
        bool matches = true;
        if (rule->matches && otel__asking_now())
            return &always_off;
        if (rule->matches) {
            const otel_sampling_input *input = input_of(query);
            const struct otel__asking asking = otel__asking_begin();
            matches = rule->matches(rule->data, input);
            otel__asking_end(&asking);
        }
        if (matches)
            return rule->then;
    }
    return &always_off;
}

static void ask_custom(const otel_composable *composable, struct otel__intent_query *query,
                       struct otel__intent *intent) {
    if (otel__asking_now())
        return;
    otel_sampling_intent wanted = { .size = sizeof wanted, .threshold = OTEL_NO_THRESHOLD };
    const otel_sampling_input *input = input_of(query);
    const struct otel__asking asking = otel__asking_begin();
    composable->ops.sampling_intent(composable->self, input, &wanted);
    otel__asking_end(&asking);
    intent->threshold = wanted.threshold;
    intent->reliable = wanted.adjusted_count_reliable;
    intent->tracestate = wanted.tracestate;
    intent->tracestate_data = wanted.data;
    if (wanted.attributes)
        add_source(composable, intent, wanted.attributes, wanted.data);
}

void otel__composable_ask(const otel_composable *composable, struct otel__intent_query *query,
                          struct otel__intent *intent) {
    while (composable->kind == RULE_BASED || (composable->kind == PARENT_THRESHOLD && !query->in->parent))
        composable = composable->kind == RULE_BASED ? first_match(composable, query) : composable->delegate;
    switch (composable->kind) {
    case ALWAYS_ON:
    case PROBABILITY:
        intent->threshold = composable->threshold;
        intent->root_state = composable->root_state;
        intent->reliable = true;
        break;
    case PARENT_THRESHOLD:
        follow_parent(query, intent);
        break;
    case ANNOTATING:
        otel__composable_ask(composable->delegate, query, intent);
        add_source(composable, intent, own_attributes, (void *)(uintptr_t)composable);
        break;
    case CUSTOM:
        ask_custom(composable, query, intent);
        break;
    case ALWAYS_OFF:
    case RULE_BASED:
        break;
    }
}

/* ---- constructors and destructors -------------------------------------------------------------------------------- */

static otel_composable *make(enum kind kind, size_t room) {
    otel_composable *composable = calloc(1, sizeof *composable + room);
    if (composable)
        composable->kind = kind;
    else
        otel_report(OTEL_LOG_ERROR, "sampler/memory", "out of memory: instead of a sampler one that samples nothing");
    return composable;
}

/* One composable may stand in several rules. */
static void destroy_rules(const otel_sampling_rule *rules, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t before = 0; before < i; before++)
            seen = seen || rules[before].then == rules[i].then;
        if (!seen)
            otel_composable_destroy(rules[i].then);
    }
}

void otel_composable_destroy(otel_composable *composable) {
    if (!composable || composable == &always_on || composable == &always_off)
        return;
    otel_composable_destroy(composable->delegate);
    otel__tracestate_drop(composable->root_state);
    destroy_rules(composable->rules, composable->rule_count);
    if (composable->ops.destroy)
        composable->ops.destroy(composable->self);
    free(composable);
}

otel_composable *otel_composable_always_on(void) { return &always_on; }

otel_composable *otel_composable_always_off(void) { return &always_off; }

otel_composable *otel_composable_probability(double probability) {
    if (!(probability >= 0 && probability <= 1)) {
        otel_report(OTEL_LOG_WARN, "sampler/probability",
                    "a sampling probability of %g is not from 2^-56 to 1; using 1", probability);
        probability = 1;
    }
    if (probability > 0 && probability < OTEL__PROBABILITY_LEAST)
        otel_report(OTEL_LOG_WARN, "sampler/probability",
                    "a sampling probability of %g is not from 2^-56 to 1; nothing is sampled", probability);
    otel_composable *composable = probability < OTEL__PROBABILITY_LEAST ? NULL : make(PROBABILITY, 0);
    if (!composable)
        return &always_off;
    composable->ratio = probability;
    composable->threshold = otel__threshold_of(probability, OTEL__THRESHOLD_PRECISION);
    char th[OTEL__THRESHOLD_DIGITS + 1];
    otel__threshold_text(composable->threshold, th);
    composable->root_state = otel__state_of_roots(th);
    return composable;
}

/* The delegate that is missing is one that samples nothing. */
static otel_composable *delegate_or_off(otel_composable *delegate, const char *who) {
    if (delegate)
        return delegate;
    otel_report(OTEL_LOG_WARN, "sampler/composable", "%s was given no delegate: nothing is sampled", who);
    return &always_off;
}

otel_composable *otel_composable_parent_threshold(otel_composable *root) {
    root = delegate_or_off(root, "parent_threshold");
    otel_composable *composable = make(PARENT_THRESHOLD, 0);
    if (!composable) {
        otel_composable_destroy(root);
        return &always_off;
    }
    composable->delegate = root;
    return composable;
}

otel_composable *otel_composable_annotating(otel_composable *delegate, otel_attrs attributes) {
    delegate = delegate_or_off(delegate, "annotating");
    if (!attributes.items)
        return delegate;
    if (attributes.count > OTEL__LIST_MAX) {
        otel_report(OTEL_LOG_ERROR, "sampler/composable",
                    "annotating was given %zu attributes, more than %d: none of them are added", attributes.count,
                    (int)OTEL__LIST_MAX);
        return delegate;
    }
    otel_composable *composable = make(ANNOTATING, otel__attrs_copy_size(attributes));
    if (!composable) {
        otel_composable_destroy(delegate);
        return &always_off;
    }
    char *room = (char *)(composable + 1);
    composable->delegate = delegate;
    composable->attributes = otel__attrs_copy(attributes, &room);
    return composable;
}

static void copy_rules(otel_composable *composable, const otel_sampling_rule *rules, size_t count) {
    composable->rules = (otel_sampling_rule *)(composable + 1);
    composable->rule_count = count;
    char *room = (char *)(composable->rules + count);
    for (size_t i = 0; i < count; i++) {
        composable->rules[i] = rules[i];
        composable->rules[i].then = rules[i].then ? rules[i].then : &always_off;
        if (!rules[i].name)
            continue;
        const size_t size = strlen(rules[i].name) + 1;
        composable->rules[i].name = memcpy(room, rules[i].name, size);
        room += size;
    }
}

otel_composable *otel_composable_rule_based(const otel_sampling_rule *rules, size_t count) {
    if (!rules || count > OTEL__LIST_MAX)
        count = 0;
    size_t room = count * sizeof *rules;
    for (size_t i = 0; i < count; i++)
        room += rules[i].name ? strlen(rules[i].name) + 1 : 0;
    otel_composable *composable = make(RULE_BASED, room);
    if (!composable) {
        destroy_rules(rules, count);
        return &always_off;
    }
    copy_rules(composable, rules, count);
    return composable;
}

static otel_composable *refuse(const otel_composable_ops *ops, void *self) {
    if (ops->destroy)
        ops->destroy(self);
    return &always_off;
}

otel_composable *otel_composable_create(const otel_composable_ops *ops, void *self) {
    static const otel_composable_ops none = { .size = sizeof none };
    otel_composable_ops known;
    ops = ops ? otel__options_fit(ops, sizeof known, &known) : &none;
    if (!ops->sampling_intent) {
        otel_report(OTEL_LOG_ERROR, "sampler/create",
                    "a composable sampler without sampling_intent() was given: nothing is sampled");
        return refuse(ops, self);
    }
    otel_composable *composable = make(CUSTOM, 0);
    if (!composable)
        return refuse(ops, self);
    composable->ops = *ops;
    composable->self = self;
    return composable;
}

/* ---- descriptions ------------------------------------------------------------------------------------------------ */

static void describe_rules(const otel_composable *composable, struct otel__writer *writer) {
    otel__write(writer, "ComposableRuleBased{[");
    for (size_t i = 0; i < composable->rule_count; i++) {
        const otel_sampling_rule *rule = &composable->rules[i];
        otel__write(writer, i ? ",(" : "(");
        otel__write(writer, rule->name ? rule->name : rule->matches ? "function" : "all");
        otel__write(writer, ":");
        otel__composable_describe(rule->then, writer);
        otel__write(writer, ")");
    }
    otel__write(writer, "]}");
}

/* As far as it helps to tell one from another. */
static void describe_value(const otel_value *value, struct otel__writer *writer) {
    enum { CHARACTERS = 64 };
    struct otel__line line = { 0 };
    otel__value_text(&line, value);
    const size_t kept = otel__utf8_prefix(line.text, line.len, CHARACTERS);
    otel__write_str(writer, otel_strn(line.text, kept));
    otel__write(writer, kept < line.len ? "..." : "");
    otel__line_free(&line);
}

static void describe_annotating(const otel_composable *composable, struct otel__writer *writer) {
    otel__write(writer, "ComposableAnnotating{");
    otel__composable_describe(composable->delegate, writer);
    for (size_t i = 0; i < composable->attributes.count; i++) {
        otel__write(writer, ",");
        otel__write_str(writer, composable->attributes.items[i].key);
        otel__write(writer, "=");
        describe_value(&composable->attributes.items[i].value, writer);
    }
    otel__write(writer, "}");
}

void otel__composable_describe(const otel_composable *composable, struct otel__writer *writer) {
    switch (composable->kind) {
    case ALWAYS_ON:
        otel__write(writer, "ComposableAlwaysOn");
        break;
    case ALWAYS_OFF:
        otel__write(writer, "ComposableAlwaysOff");
        break;
    case PROBABILITY:
        otel__write_ratio(writer, "ComposableProbability", composable->ratio);
        break;
    case PARENT_THRESHOLD:
        otel__write(writer, "ComposableParentThreshold{root:");
        otel__composable_describe(composable->delegate, writer);
        otel__write(writer, "}");
        break;
    case RULE_BASED:
        describe_rules(composable, writer);
        break;
    case ANNOTATING:
        describe_annotating(composable, writer);
        break;
    case CUSTOM:
        otel__write_custom(writer, composable->ops.description, composable->self, "CustomComposable");
        break;
    }
}
