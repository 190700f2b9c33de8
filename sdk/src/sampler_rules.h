/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_rules.h - a strategy of Jaeger's as something to decide by.
 *
 * DESIGN. Rules are made as a whole and don't change: what changes in them are the balances of buckets, each an atomic
 * word, and the names of spans that are not listed, which come into a table of fixed size by compare-and-swap and stay.
 * So any number of threads decide at the same time without a lock. Names and their buckets outlive the rules that they
 * came with, since the rules that follow take them over: then a fresh strategy is no reason for a burst. Only the thread
 * that makes and frees rules counts who holds them.
 */
#ifndef OTEL_SDK_SAMPLER_RULES_H
#define OTEL_SDK_SAMPLER_RULES_H

#include "base/strategy.h"
#include "sampler.h"
#include "sampler_kinds.h"

struct otel__rules;

/*
 * Takes over what `strategy` owns. Of the rules `former` (NULL: none), which stay as they are, it keeps the balances.
 * Tells apart at most `max_names` names, and those that the strategy lists. NULL: out of memory.
 */
struct otel__rules *otel__rules_create(struct otel__strategy *strategy, size_t max_names,
                                       const struct otel__rules *former);
void otel__rules_free(struct otel__rules *rules);

void otel__rules_decide(struct otel__rules *rules, const struct otel__sampling *in, struct otel__sampled *out);
const struct otel__strategy *otel__rules_strategy(const struct otel__rules *rules);
/* How many names it tells apart so far. */
size_t otel__rules_names(const struct otel__rules *rules);

#endif
