/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_rules.c - see sampler_rules.h. */
#include "sampler_rules.h"

#include "base/clock.h"
#include "leaky_bucket.h"
#include "sampler_state.h"

#include <stdlib.h>
#include <string.h>

/* Longer names are not told apart: a table of them would have no bound. */
enum { NAME_MAX_BYTES = 1024 };

/* A name of spans with the bucket that sees to its lower bound. */
struct tracked {
    struct otel__bucket bucket;
    uint32_t hash;
    uint32_t len;
    unsigned holders; /* rules */
    char name[];
};

struct slot {
    _Atomic(struct tracked *) tracked; /* NULL: free. Never taken back */
    const otel_sampler *ratio;         /* NULL: not listed */
};

struct otel__rules {
    struct otel__strategy strategy;
    otel_sampler **ratios; /* each probability that occurs, once */
    size_t ratio_count;
    const otel_sampler *otherwise;
    struct otel__bucket bucket; /* of a rate limit */
    /* of operations */
    struct slot *slots;
    size_t mask;
    size_t max_names;
    _Atomic size_t names;
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(otel_str name) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.ptr[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static bool has_name(const struct tracked *tracked, otel_str name, uint32_t hash) {
    return tracked->hash == hash && tracked->len == name.len &&
           (name.len == 0 || memcmp(tracked->name, name.ptr, name.len) == 0);
}

static struct tracked *track(otel_str name, uint32_t hash) {
    struct tracked *tracked = malloc(sizeof *tracked + name.len);
    if (!tracked)
        return NULL;
    otel__bucket_fill(&tracked->bucket, otel__clock_steady());
    tracked->hash = hash;
    tracked->len = (uint32_t)name.len;
    tracked->holders = 1;
    if (name.len)
        memcpy(tracked->name, name.ptr, name.len);
    return tracked;
}

/* The slot of the name, or the one where it belongs. There always is one: the table is never full. */
static struct slot *find(const struct otel__rules *rules, otel_str name, uint32_t hash) {
    for (size_t i = hash & rules->mask;; i = (i + 1) & rules->mask) {
        const struct tracked *tracked = atomic_load_explicit(&rules->slots[i].tracked, memory_order_acquire);
        if (!tracked || has_name(tracked, name, hash))
            return &rules->slots[i];
    }
}

static bool reserve_name(struct otel__rules *rules) {
    size_t names = atomic_load_explicit(&rules->names, memory_order_relaxed);
    while (names < rules->max_names)
        if (atomic_compare_exchange_weak_explicit(&rules->names, &names, names + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

/* Puts a name that was not there into the table. Another thread may be quicker, with this name or another one. */
static struct slot *insert(struct otel__rules *rules, otel_str name, uint32_t hash) {
    struct tracked *made = track(name, hash);
    struct slot *slot = NULL;
    while (made) {
        struct tracked *none = NULL;
        slot = find(rules, name, hash);
        if (atomic_load_explicit(&slot->tracked, memory_order_acquire))
            break;
        if (atomic_compare_exchange_strong(&slot->tracked, &none, made))
            return slot;
    }
    atomic_fetch_sub_explicit(&rules->names, 1, memory_order_relaxed);
    free(made);
    return slot;
}

/* NULL: the name is not told apart from others. */
static struct slot *slot_of(struct otel__rules *rules, otel_str name) {
    const uint32_t hash = hash_of(name);
    struct slot *slot = find(rules, name, hash);
    if (atomic_load_explicit(&slot->tracked, memory_order_acquire))
        return slot;
    if (name.len > NAME_MAX_BYTES || !reserve_name(rules))
        return NULL;
    return insert(rules, name, hash);
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

/* No probability led to it, so none is told: not that of the parent either. */
static void sample_untold(const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    out->decision = OTEL_RECORD_AND_SAMPLE;
    out->owned = false;
    out->lists = 0;
    out->state = 0;
    if (in->parent_state && otel__state_hold_parent(in, out, &ot) && otel__ot_get(ot, "th").ptr)
        otel__state_replace_threshold(ot, otel_strn(NULL, 0), out);
}

static void decide_by_rate(struct otel__rules *rules, const struct otel__sampling *in, struct otel__sampled *out) {
    if (otel__bucket_take(&rules->bucket, rules->strategy.rate, otel__clock_steady()))
        sample_untold(in, out);
    else
        otel__decide_plainly(OTEL_DROP, in, out);
}

/* What is sampled by probability counts towards the lower bound. A dropped span's tracestate has no threshold already. */
static void decide_by_operation(struct otel__rules *rules, const struct otel__sampling *in, struct otel__sampled *out) {
    const struct slot *slot = slot_of(rules, in->name);
    otel__ratio_decide(slot && slot->ratio ? slot->ratio : rules->otherwise, in, out);
    if (!slot || rules->strategy.rate <= 0)
        return;
    struct tracked *tracked = atomic_load_explicit(&slot->tracked, memory_order_acquire);
    if (otel__bucket_take(&tracked->bucket, rules->strategy.rate, otel__clock_steady()))
        out->decision = OTEL_RECORD_AND_SAMPLE;
}

void otel__rules_decide(struct otel__rules *rules, const struct otel__sampling *in, struct otel__sampled *out) {
    switch (rules->strategy.kind) {
    case OTEL__STRATEGY_PROBABILISTIC:
        otel__ratio_decide(rules->otherwise, in, out);
        break;
    case OTEL__STRATEGY_RATE_LIMITING:
        decide_by_rate(rules, in, out);
        break;
    case OTEL__STRATEGY_PER_OPERATION:
        decide_by_operation(rules, in, out);
        break;
    case OTEL__STRATEGY_NONE:
        otel__decide_plainly(OTEL_DROP, in, out);
        break;
    }
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* NULL: out of memory. */
static const otel_sampler *ratio_of(struct otel__rules *rules, double probability) {
    for (size_t i = 0; i < rules->ratio_count; i++)
        if (rules->ratios[i]->ratio == probability)
            return rules->ratios[i];
    otel_sampler **more = realloc(rules->ratios, (rules->ratio_count + 1) * sizeof(otel_sampler *));
    if (!more)
        return NULL;
    rules->ratios = more;
    otel_sampler *ratio = otel_sampler_trace_id_ratio(probability);
    if (ratio->kind != OTEL__TRACE_ID_RATIO) /* memory is short, and it drops all */
        return NULL;
    atomic_init(&ratio->warned, true); /* that it decides about children as well is on purpose */
    more[rules->ratio_count++] = ratio;
    return ratio;
}

static bool make_table(struct otel__rules *rules, size_t max_names) {
    const size_t listed = rules->strategy.operation_count;
    size_t size = 16;
    rules->max_names = max_names;
    while (size < 2 * (max_names > listed ? max_names : listed))
        size *= 2;
    rules->mask = size - 1;
    rules->slots = calloc(size, sizeof *rules->slots);
    return rules->slots != NULL;
}

/* False: out of memory. The last of equal names counts. */
static bool list_operations(struct otel__rules *rules) {
    for (size_t i = 0; i < rules->strategy.operation_count; i++) {
        const struct otel__strategy_operation *operation = &rules->strategy.operations[i];
        const uint32_t hash = hash_of(operation->name);
        struct slot *slot = find(rules, operation->name, hash);
        if (!atomic_load(&slot->tracked)) {
            atomic_store(&slot->tracked, track(operation->name, hash));
            atomic_fetch_add(&rules->names, 1);
        }
        slot->ratio = ratio_of(rules, operation->probability);
        if (!atomic_load(&slot->tracked) || !slot->ratio)
            return false;
    }
    return true;
}

/* What is listed gets its balance back, what is not comes along while there is room. */
static void take_over_name(struct otel__rules *rules, struct tracked *tracked) {
    const otel_str name = { tracked->name, tracked->len };
    struct slot *slot = find(rules, name, tracked->hash);
    struct tracked *fresh = atomic_load(&slot->tracked);
    if (!fresh && (tracked->len > NAME_MAX_BYTES || !reserve_name(rules)))
        return;
    tracked->holders++;
    atomic_store(&slot->tracked, tracked);
    free(fresh);
}

static void take_over(struct otel__rules *rules, const struct otel__rules *former) {
    const uint64_t now = otel__clock_steady();
    for (size_t i = 0; i <= former->mask; i++) {
        struct tracked *tracked = atomic_load_explicit(&former->slots[i].tracked, memory_order_acquire);
        if (!tracked)
            continue;
        otel__bucket_settle(&tracked->bucket, former->strategy.rate, now);
        take_over_name(rules, tracked);
    }
}

static void take_over_limit(struct otel__rules *rules, const struct otel__rules *former) {
    struct otel__bucket bucket;
    otel__bucket_copy(&bucket, &former->bucket);
    otel__bucket_settle(&bucket, former->strategy.rate, otel__clock_steady());
    otel__bucket_copy(&rules->bucket, &bucket);
}

static bool fill(struct otel__rules *rules, size_t max_names, const struct otel__rules *former) {
    const enum otel__strategy_kind kind = rules->strategy.kind;
    otel__bucket_fill(&rules->bucket, otel__clock_steady());
    rules->otherwise = ratio_of(rules, rules->strategy.probability);
    if (!rules->otherwise)
        return false;
    if (kind == OTEL__STRATEGY_PER_OPERATION && (!make_table(rules, max_names) || !list_operations(rules)))
        return false;
    if (former && former->strategy.kind == kind && kind == OTEL__STRATEGY_PER_OPERATION)
        take_over(rules, former);
    else if (former && former->strategy.kind == kind)
        take_over_limit(rules, former);
    return true;
}

struct otel__rules *otel__rules_create(struct otel__strategy *strategy, size_t max_names,
                                       const struct otel__rules *former) {
    struct otel__rules *rules = calloc(1, sizeof *rules);
    if (!rules) {
        otel__strategy_free(strategy);
        return NULL;
    }
    rules->strategy = *strategy;
    *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_NONE };
    if (fill(rules, max_names, former))
        return rules;
    otel__rules_free(rules);
    return NULL;
}

void otel__rules_free(struct otel__rules *rules) {
    if (!rules)
        return;
    for (size_t i = 0; rules->slots && i <= rules->mask; i++) {
        struct tracked *tracked = atomic_load(&rules->slots[i].tracked);
        if (tracked && --tracked->holders == 0)
            free(tracked);
    }
    free(rules->slots);
    for (size_t i = 0; i < rules->ratio_count; i++)
        otel_sampler_destroy(rules->ratios[i]);
    free(rules->ratios);
    otel__strategy_free(&rules->strategy);
    free(rules);
}

const struct otel__strategy *otel__rules_strategy(const struct otel__rules *rules) { return &rules->strategy; }

size_t otel__rules_names(const struct otel__rules *rules) { return atomic_load(&rules->names); }
