/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_remote.c - see sampler_remote.h. */
#include "sampler_remote.h"

#include "base/clock.h"
#include "base/sync.h"
#include "diagnostics.h"
#include "polling.h"
#include "sampler_kinds.h"
#include "sampler_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Between two steps of a fetch, by how long it has taken so far. */
#define STEP_LEAST OTEL__MILLISECOND
#define STEP_MOST (50 * OTEL__MILLISECOND)
#define RECLAIM_AFTER (100 * OTEL__MILLISECOND)

/* Rules that were replaced. */
struct retired {
    struct retired *next;
    struct otel__rules *rules;
};

struct otel__remote {
    _Alignas(64) _Atomic(struct otel__rules *) rules; /* NULL: nothing has been fetched yet */
    _Atomic uint32_t epoch;
    _Atomic uint32_t deciding[2];
    _Alignas(64) otel_sampler *initial;
    struct otel__strategy_source source;
    uint64_t interval, timeout;
    size_t max_names;
    char endpoint[256];
    /* Of the thread that polls: */
    otel_sampler *next;
    struct retired *retired;
    unsigned drained; /* counters that were seen at zero since the last exchange, as bits */
    bool usable;      /* it is bound to a service */
    bool under_way, failing;
    uint64_t began, next_at;
};

static struct otel__remote *remote_of(const otel_sampler *sampler) { return sampler->remote; }

/* ---- the rules in force ------------------------------------------------------------------------------------------ */

/* NULL: none yet. To be let go, whatever it is, with `*epoch`. */
static struct otel__rules *hold(struct otel__remote *remote, uint32_t *epoch) {
    *epoch = atomic_load(&remote->epoch) & 1;
    atomic_fetch_add(&remote->deciding[*epoch], 1);
    return atomic_load(&remote->rules);
}

static void let_go(struct otel__remote *remote, uint32_t epoch) {
    atomic_fetch_sub_explicit(&remote->deciding[epoch], 1, memory_order_release);
}

void otel__remote_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    struct otel__remote *remote = remote_of(sampler);
    uint32_t epoch;
    otel__polling_wanted();
    struct otel__rules *rules = hold(remote, &epoch);
    if (rules)
        otel__rules_decide(rules, in, out);
    let_go(remote, epoch);
    if (!rules)
        otel__sampler_decide(remote->initial, in, out);
}

static void free_retired(struct otel__remote *remote) {
    for (struct retired *next; remote->retired; remote->retired = next) {
        next = remote->retired->next;
        otel__rules_free(remote->retired->rules);
        free(remote->retired);
    }
}

static void reclaim(struct otel__remote *remote) {
    if (!remote->retired)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (atomic_load(&remote->deciding[i]) == 0)
            remote->drained |= 1u << i;
    if (remote->drained == 3)
        free_retired(remote);
    else if (remote->drained)
        atomic_store(&remote->epoch, remote->drained == 1 ? 0 : 1);
}

/* False: out of memory. */
static bool put_in_force(struct otel__remote *remote, struct otel__strategy *strategy) {
    struct otel__rules *former = atomic_load(&remote->rules);
    struct retired *retired = malloc(sizeof *retired);
    struct otel__rules *rules = retired ? otel__rules_create(strategy, remote->max_names, former) : NULL;
    if (!rules) {
        free(retired);
        return false;
    }
    *retired = (struct retired){ .next = remote->retired, .rules = former };
    remote->retired = retired;
    atomic_store(&remote->rules, rules);
    remote->drained = 0;
    return true;
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

static void fail(struct otel__remote *remote, const char *problem, const char *hint) {
    const bool had = atomic_load(&remote->rules), explain = hint && !remote->failing;
    otel_report(OTEL_LOG_WARN, "sampling/fetch", "no sampling strategy from %s: %s%s%s; %s decides", remote->endpoint,
                problem, explain ? ". " : "", explain ? hint : "", had ? "the last one" : "the initial sampler");
    remote->failing = true;
}

static void succeed(struct otel__remote *remote, const struct otel__strategy *strategy) {
    static const char *const kinds[] = { "none", "probabilistic", "rate limiting", "per operation" };
    if (remote->failing)
        otel_report(OTEL_LOG_INFO, "sampling/recovered", "fetching the sampling strategy from %s works again",
                    remote->endpoint);
    remote->failing = false;
    otel_report(OTEL_LOG_DEBUG, "sampling/strategy", "sampling strategy from %s: %s, probability %g, rate %g",
                remote->endpoint, kinds[strategy->kind], strategy->probability, strategy->rate);
}

static void take_answer(struct otel__remote *remote, const struct otel__fetched *fetched) {
    struct otel__strategy strategy;
    const struct otel__rules *former = atomic_load(&remote->rules);
    const char *problem = remote->source.ops->read(fetched->body, fetched->len, &strategy);
    if (problem) {
        char text[160];
        snprintf(text, sizeof text, "its answer cannot be used: %s", problem);
        fail(remote, text, NULL);
        return;
    }
    const bool same = former && otel__strategy_same(&strategy, otel__rules_strategy(former));
    if (!same && !put_in_force(remote, &strategy))
        fail(remote, otel_status_text(OTEL_ERR_MEMORY), NULL);
    else
        succeed(remote, otel__rules_strategy(atomic_load(&remote->rules)));
    otel__strategy_free(&strategy);
}

static void end_fetch(struct otel__remote *remote, uint64_t now) {
    remote->under_way = false;
    remote->next_at = remote->began + remote->interval > now ? remote->began + remote->interval : now;
}

static void advance(struct otel__remote *remote, enum otel__fetch state, struct otel__fetched *fetched, uint64_t now) {
    const uint64_t deadline = remote->began + remote->timeout;
    remote->under_way = state == OTEL__FETCH_UNDER_WAY;
    if (state == OTEL__FETCH_UNDER_WAY && now >= deadline) {
        remote->source.ops->give_up(remote->source.self, fetched);
        state = OTEL__FETCH_FAILED;
    }
    if (state == OTEL__FETCH_UNDER_WAY)
        return;
    end_fetch(remote, now);
    if (state == OTEL__FETCH_ANSWERED)
        take_answer(remote, fetched);
    else
        fail(remote, fetched->problem, fetched->hint);
}

static void fetch(struct otel__remote *remote, uint64_t now) {
    const struct otel__strategy_source *source = &remote->source;
    struct otel__fetched fetched = { .body = NULL };
    if (remote->under_way) {
        advance(remote, source->ops->step(source->self, &fetched), &fetched, now);
        return;
    }
    remote->began = now;
    advance(remote, source->ops->begin(source->self, now + remote->timeout, &fetched), &fetched, now);
}

static uint64_t next_step(const struct otel__remote *remote, uint64_t now) {
    const uint64_t pause = (now - remote->began) / 4;
    if (!remote->under_way)
        return remote->retired && now + RECLAIM_AFTER < remote->next_at ? now + RECLAIM_AFTER : remote->next_at;
    return now + (pause < STEP_LEAST ? STEP_LEAST : pause > STEP_MOST ? STEP_MOST : pause);
}

uint64_t otel__remote_poll(otel_sampler *sampler, uint64_t now) {
    struct otel__remote *remote = remote_of(sampler);
    reclaim(remote);
    if (!remote->usable)
        return OTEL__NO_DEADLINE;
    if (remote->under_way || now >= remote->next_at)
        fetch(remote, now);
    return next_step(remote, now);
}

bool otel__remote_is_late(const otel_sampler *sampler) { return remote_of(sampler)->source.ops->late; }

/* ---- forks ------------------------------------------------------------------------------------------------------- */

void otel__remote_before_fork(otel_sampler *sampler) {
    const struct otel__strategy_source *source = &remote_of(sampler)->source;
    source->ops->before_fork(source->self);
}

bool otel__remote_at_rest(otel_sampler *sampler) {
    const struct otel__strategy_source *source = &remote_of(sampler)->source;
    return source->ops->at_rest(source->self);
}

/*
 * A child goes on with the rules that it inherits. Another thread may have been in the middle of anything but the
 * exchange, which is a single store; what it was about to free stays, where a leak checker sees it.
 */
static void start_afresh(struct otel__remote *remote) {
    static struct retired *_Atomic left_behind;
    atomic_store(&left_behind, remote->retired);
    remote->retired = NULL;
    atomic_store(&remote->deciding[0], 0);
    atomic_store(&remote->deciding[1], 0);
    remote->under_way = false;
    remote->next_at = 0;
}

void otel__remote_after_fork(otel_sampler *sampler, bool in_child) {
    struct otel__remote *remote = remote_of(sampler);
    if (in_child)
        start_afresh(remote);
    remote->source.ops->after_fork(remote->source.self, in_child);
}

/* ---- a sampler's life -------------------------------------------------------------------------------------------- */

otel_sampler *otel__remote_create(const struct otel__remote_settings *settings) {
    struct otel__remote *remote = aligned_alloc(_Alignof(struct otel__remote), sizeof *remote);
    otel_sampler *sampler = remote ? otel__sampler_new(OTEL__REMOTE) : NULL;
    if (!sampler) {
        free(remote);
        otel_sampler_destroy(settings->initial);
        settings->source.ops->destroy(settings->source.self);
        return NULL;
    }
    *remote = (struct otel__remote){ .initial = settings->initial,
                                     .source = settings->source,
                                     .interval = settings->interval,
                                     .timeout = settings->timeout,
                                     .max_names = settings->max_names };
    snprintf(remote->endpoint, sizeof remote->endpoint, "%s", settings->endpoint);
    if (settings->initial->kind == OTEL__TRACE_ID_RATIO) /* which warns where it decides about children */
        atomic_store(&settings->initial->warned, true);
    sampler->remote = remote;
    return sampler;
}

void otel__remote_destroy(struct otel__remote *remote) {
    if (!remote)
        return;
    remote->source.ops->destroy(remote->source.self);
    free_retired(remote);
    otel__rules_free(atomic_load(&remote->rules));
    otel_sampler_destroy(remote->initial);
    free(remote);
}

static void bind(struct otel__remote *remote, otel_str service) {
    otel_error error = { "" };
    remote->usable = remote->source.ops->bind(remote->source.self, service, &error);
    if (!remote->usable)
        fail(remote, error.text, NULL);
}

/* Puts those of the tree in front of `found`, each once. */
static otel_sampler *collect(otel_sampler *sampler, otel_str service, otel_sampler *found) {
    if (!sampler)
        return found;
    for (int i = 0; i < OTEL__DELEGATES; i++)
        found = collect(sampler->delegates[i], service, found);
    if (sampler->kind != OTEL__REMOTE)
        return found;
    struct otel__remote *remote = remote_of(sampler);
    found = collect(remote->initial, service, found);
    for (const otel_sampler *other = found; other; other = otel__remote_next(other))
        if (other == sampler)
            return found;
    bind(remote, service);
    remote->next = found;
    return sampler;
}

otel_sampler *otel__remotes_bind(otel_sampler *sampler, otel_str service) { return collect(sampler, service, NULL); }

otel_sampler *otel__remote_next(const otel_sampler *sampler) { return remote_of(sampler)->next; }

/* ---- description ------------------------------------------------------------------------------------------------- */

static void write_strategy(const struct otel__strategy *strategy, struct otel__writer *writer) {
    char text[160];
    if (strategy->kind == OTEL__STRATEGY_PROBABILISTIC)
        otel__write_ratio(writer, "probabilistic", strategy->probability);
    else if (strategy->kind == OTEL__STRATEGY_RATE_LIMITING)
        otel__write_ratio(writer, "rateLimiting", strategy->rate);
    if (strategy->kind != OTEL__STRATEGY_PER_OPERATION)
        return;
    otel__write_ratio(writer, "perOperation{default", strategy->probability);
    otel__write_ratio(writer, ",lowerBound", strategy->rate);
    snprintf(text, sizeof text, ",operations:%zu}", strategy->operation_count);
    otel__write(writer, text);
}

void otel__remote_describe(const otel_sampler *sampler, struct otel__writer *writer) {
    struct otel__remote *remote = remote_of(sampler);
    char text[64];
    uint32_t epoch;
    otel__write(writer, "JaegerRemoteSampler{endpoint:");
    otel__write(writer, remote->endpoint);
    snprintf(text, sizeof text, ",pollingIntervalMs:%" PRIu64 ",", remote->interval / OTEL__MILLISECOND);
    otel__write(writer, text);
    const struct otel__rules *rules = hold(remote, &epoch);
    otel__write(writer, rules ? "strategy:" : "initial:");
    if (rules)
        write_strategy(otel__rules_strategy(rules), writer);
    let_go(remote, epoch);
    if (!rules)
        otel__sampler_describe(remote->initial, writer);
    otel__write(writer, "}");
}
