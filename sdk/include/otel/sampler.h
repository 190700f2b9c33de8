/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/sampler.h - which spans are recorded and sent: the samplers there are, and samplers of your own (specification:
 * trace/sdk.md, Sampling).
 *
 * Constructors never return NULL: what cannot be made, for a bad argument or want of memory, is reported through the
 * diagnostics and replaced as said there; without memory by a sampler that samples nothing. A constructor always
 * consumes the parts given to it, and otel_sdk_start() consumes its sampler, whether they succeed or not.
 */
#ifndef OTEL_SAMPLER_H
#define OTEL_SAMPLER_H

#include <otel/exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- samplers (specification: trace/sdk.md, Built-in samplers) --------------------------------------------------- */

typedef struct otel_sampler otel_sampler;

/**
 * Samples every span, or none. always_on turns a threshold in a parent's tracestate (`ot=th:...`) into `th:0`, and
 * writes none where there was none; a parent-based sampler's always_on leaves it as it is where it explains the parent.
 */
otel_sampler *otel_sampler_always_on(void) OTEL__OWNED;
otel_sampler *otel_sampler_always_off(void) OTEL__OWNED;
/**
 * Samples the given share (0 to 1) of traces, by the trace id alone, and records the threshold in the tracestate
 * (`ot=th:...`); where the parent carries a valid randomness (`rv`), which it does not go by, it writes none and
 * erases an inherited one. A ratio outside [0, 1] or NaN is reported and taken as 1. The specification deprecates it in
 * favour of otel_sampler_probability(): below a parent, whom it doesn't heed, it warns once.
 */
otel_sampler *otel_sampler_trace_id_ratio(double ratio) OTEL__OWNED;
/**
 * Samples with the given probability (2^-56 to 1), whatever the parent did, but so that all samplers of a trace agree:
 * by the trace's randomness, which is `rv` in its tracestate (`ot=rv:...`) or else the end of the trace id. Records the
 * threshold. 0 is no probability: it, and what is less than 2^-56, is reported and gives otel_sampler_always_off();
 * what is outside [0, 1] or NaN is reported and taken as 1.
 */
otel_sampler *otel_sampler_probability(double probability) OTEL__OWNED;
/**
 * Records for processors what `delegate` (consumed) drops, without sending it. NULL is reported; all is recorded then.
 */
otel_sampler *otel_sampler_always_record(otel_sampler *delegate) OTEL__OWNED;

/** The delegates of a parent-based sampler; NULL members mean the defaults. All are consumed. */
typedef struct otel_parent_based_options {
    size_t size OTEL__INIT(sizeof(otel_parent_based_options));
    otel_sampler *root OTEL__INIT(nullptr);                      /**< no parent; default always_on */
    otel_sampler *remote_parent_sampled OTEL__INIT(nullptr);     /**< default always_on */
    otel_sampler *remote_parent_not_sampled OTEL__INIT(nullptr); /**< default always_off */
    otel_sampler *local_parent_sampled OTEL__INIT(nullptr);      /**< default always_on */
    otel_sampler *local_parent_not_sampled OTEL__INIT(nullptr);  /**< default always_off */
} otel_parent_based_options;
/** Decides as the parent did. `options` NULL: all defaults. */
otel_sampler *otel_sampler_parent_based(const otel_parent_based_options *options) OTEL__OWNED;
/** Shorthand: parent-based with this root. */
otel_sampler *otel_sampler_parent_based_root(otel_sampler *root) OTEL__OWNED;

/**
 * Such as "ParentBased{root:AlwaysOnSampler,...}": writes at most `size` bytes with the NUL, returns the whole length.
 * It may change from call to call where a sampler of your own is part of it.
 */
size_t otel_sampler_description(const otel_sampler *sampler, char *buffer, size_t size);
/** Destroys a sampler that was never given away; NULL is ignored. */
void otel_sampler_destroy(otel_sampler *sampler);

/* ---- samplers of your own (specification: trace/sdk.md, Sampler) ------------------------------------------------- */

typedef enum otel_decision {
    OTEL_DROP,             /**< the span records nothing */
    OTEL_RECORD_ONLY,      /**< it is recorded for processors, and not exported */
    OTEL_RECORD_AND_SAMPLE /**< it is recorded and exported, and carries OTEL_FLAG_SAMPLED */
} otel_decision;

/** What may be decided by. All of it is borrowed for the call, and must not be changed. */
typedef struct otel_sampling_input {
    size_t size;
    /** The parent context, with its baggage; without a span in it when the span to be is a root. */
    const otel_context *context;
    const otel_span *parent;           /**< the span in `context`; NULL: a root */
    const otel_tracestate *tracestate; /**< the parent's; a root's is what a span without ids in the context carries */
    const uint8_t *trace_id;           /**< 16 bytes, of the span to be: the parent's, or new; NULL for composables */
    otel_str name;
    otel_kind kind;
    otel_attrs attributes; /**< those that the span starts with, as given: they may repeat keys */
    otel_links links;
    const otel_scope_data *scope; /**< of the tracer that starts the span */
} otel_sampling_input;

/** What was decided. */
typedef struct otel_sampling_result {
    size_t size;
    otel_decision decision; /**< OTEL_DROP before the call. Anything unknown is reported once, and drops */
    /**
     * Are set on a span that is recorded, as far as those given at the start leave room for them and do not have their
     * keys. Borrowed: must stay valid until the otel_span_start() that asked has returned, so keep them in `self` or in
     * static memory.
     */
    otel_attrs attributes;
    /**
     * Of the new span. Holds a reference to the parent's before the call; replace it with
     * otel_sampling_set_tracestate(). It is taken as it is: where the parent's has a threshold (`th` in the key `ot`)
     * and you do not know by which probability you decided, set `ot` without it, or the span counts for as many as the
     * parent did. Use a key of your own for all else; for composable samplers the SDK sees to `ot`.
     */
    otel_tracestate tracestate;
} otel_sampling_result;

/** Consumes `state`: the result of otel_tracestate_set(), for instance; `{ 0 }` clears the tracestate. */
static inline void otel_sampling_set_tracestate(otel_sampling_result *result, otel_tracestate state) {
    otel_tracestate_release(&result->tracestate);
    result->tracestate = state;
}

/**
 * The functions of a sampler. They are called on any thread, several at the same time, under no lock; should_sample in
 * every otel_span_start(), so it must be quick and must return (no longjmp, no exception). It may use the API: spans
 * that it starts itself are dropped where the decision would be its own. otel_sdk_flush() and otel_sdk_stop() fail
 * there.
 */
typedef struct otel_sampler_ops {
    size_t size OTEL__INIT(sizeof(otel_sampler_ops));
    void (*should_sample)(void *self, const otel_sampling_input *input, otel_sampling_result *result)
        OTEL__INIT(nullptr);
    /**
     * The name with the configuration, as snprintf() writes it, into `size` (512) bytes; asked anew each time.
     * NULL: "CustomSampler".
     */
    void (*description)(void *self, char *buffer, size_t size) OTEL__INIT(nullptr);
    void (*destroy)(void *self) OTEL__INIT(nullptr); /**< called exactly once; may be NULL */
} otel_sampler_ops;
/**
 * A sampler that asks `ops`, which is copied. Consumes `self`. Without should_sample, which is reported, `self` is
 * destroyed and nothing is sampled.
 */
otel_sampler *otel_sampler_create(const otel_sampler_ops *ops, void *self) OTEL__OWNED;

/* ---- composable samplers (specification: trace/sdk.md, CompositeSampler) ----------------------------------------- */

/**
 * A part of a composite sampler. Parts don't decide, they say by which threshold to decide, so that they may be put
 * together and what comes out still tells how many spans a sampled one stands for:
 *
 *     otel_sampler_composite(otel_composable_parent_threshold(OTEL_COMPOSABLE_RULES(
 *         { .name = "health", .matches = is_health_check, .then = otel_composable_always_off() },
 *         { .then = otel_composable_probability(0.1) })));
 */
typedef struct otel_composable otel_composable;

/** No randomness reaches it: the span is dropped. */
#define OTEL_NO_THRESHOLD (UINT64_C(1) << 56)

/** Decides by the threshold that `root` (consumed) gives. NULL is reported, and drops all. */
otel_sampler *otel_sampler_composite(otel_composable *root) OTEL__OWNED;

/** Every span, or none. */
otel_composable *otel_composable_always_on(void) OTEL__OWNED;
otel_composable *otel_composable_always_off(void) OTEL__OWNED;
/** As otel_sampler_probability(); 0 is otel_composable_always_off(), and not reported. */
otel_composable *otel_composable_probability(double probability) OTEL__OWNED;
/**
 * What the parent was sampled by. Below a sampled parent whose `th` is missing or does not explain that, the span is
 * sampled without one; below a parent that was not sampled it is dropped, whatever `th` says. Without a parent `root`
 * (consumed; NULL is reported, and drops) is asked.
 */
otel_composable *otel_composable_parent_threshold(otel_composable *root) OTEL__OWNED;
/**
 * As `delegate` (consumed), with attributes, which are copied, on sampled spans; over its own of the same key. At most 8
 * parts of a sampler, one inside of the other, may add attributes: those of the innermost are left out, and it is
 * reported. More than 65536 attributes are reported and left out. The description has 64 characters of each value.
 */
otel_composable *otel_composable_annotating(otel_composable *delegate, otel_attrs attributes) OTEL__OWNED;

typedef struct otel_sampling_rule {
    const char *name OTEL__INIT(nullptr); /**< for the description; copied; may be NULL */
    /** Whether the rule is for this span; called as should_sample is. NULL: it is for all. */
    bool (*matches)(void *data, const otel_sampling_input *input) OTEL__INIT(nullptr);
    void *data OTEL__INIT(nullptr);            /**< must live as long as the sampler */
    otel_composable *then OTEL__INIT(nullptr); /**< consumed; NULL drops */
} otel_sampling_rule;
/** As the first rule that matches says; without one the span is dropped. The rules are copied. */
otel_composable *otel_composable_rule_based(const otel_sampling_rule *rules, size_t count) OTEL__OWNED;
#ifndef __cplusplus
/* clang-format off */
#define OTEL_COMPOSABLE_RULES(...)                                                                                     \
    otel_composable_rule_based((const otel_sampling_rule[]){ __VA_ARGS__ },                                            \
                               sizeof((const otel_sampling_rule[]){ __VA_ARGS__ }) / sizeof(otel_sampling_rule))
/* clang-format on */
#else
#define OTEL_COMPOSABLE_RULES(...) ::otel::composable_rules({ __VA_ARGS__ })
#endif

/** What a composable wants. */
typedef struct otel_sampling_intent {
    size_t size;
    /** The span is sampled when its randomness, of 56 bits, is at least this. OTEL_NO_THRESHOLD before the call. */
    uint64_t threshold;
    /**
     * Whether the threshold tells how many spans a sampled one stands for; else chance decides and none is recorded.
     */
    bool adjusted_count_reliable;
    void *data; /**< for the two functions */
    /** NULL, or gives attributes for the span, as otel_sampling_result.attributes are; called when it is sampled. */
    otel_attrs (*attributes)(void *data);
    /**
     * NULL, or gives the span's tracestate, which the caller owns, from the parent's; called for dropped spans too.
     * What it does to the key `ot` is undone and reported.
     */
    otel_tracestate (*tracestate)(void *data, const otel_tracestate *parent, otel_decision decision);
} otel_sampling_intent;

/** The functions of a composable sampler of your own; what is said of otel_sampler_ops holds here. */
typedef struct otel_composable_ops {
    size_t size OTEL__INIT(sizeof(otel_composable_ops));
    /** `input->trace_id` is NULL. */
    void (*sampling_intent)(void *self, const otel_sampling_input *input, otel_sampling_intent *intent)
        OTEL__INIT(nullptr);
    void (*description)(void *self, char *buffer, size_t size) OTEL__INIT(nullptr); /**< NULL: "CustomComposable" */
    void (*destroy)(void *self) OTEL__INIT(nullptr);
} otel_composable_ops;
/** As otel_sampler_create(). */
otel_composable *otel_composable_create(const otel_composable_ops *ops, void *self) OTEL__OWNED;
/** Destroys a composable that was never given away; NULL is ignored. */
void otel_composable_destroy(otel_composable *composable);

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
template <size_t N> inline otel_composable *composable_rules(const otel_sampling_rule (&a)[N]) {
    return otel_composable_rule_based(a, N);
}
} // namespace otel
#endif
#endif
