/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_remote.h - the sampler that asks Jaeger for its strategy (specification: trace/sdk.md, JaegerRemoteSampler).
 *
 * DESIGN. The strategy in force is one pointer to immutable rules (sampler_rules.h): whoever decides sees one or the
 * other. Who decides marks itself in one of two counters for as long as it holds the pointer. Rules that were replaced
 * are freed once each counter was seen at zero after the exchange; decisions that begin meanwhile count in the one that
 * was seen already, so that the other comes to zero however busy the process is. Nobody waits for anybody.
 *
 * Fetching is a row of small steps, none of which waits (strategy_source.h): otel__remote_poll() makes the next one and
 * says when to be called again. polling.h says on which thread. Until something has been fetched, the initial sampler
 * decides; what was fetched last stays in force whatever becomes of later attempts.
 */
#ifndef OTEL_SDK_SAMPLER_REMOTE_H
#define OTEL_SDK_SAMPLER_REMOTE_H

#include "base/strategy.h"
#include "sampler.h"

struct otel__remote_settings {
    struct otel__strategy_source source; /* consumed */
    otel_sampler *initial;               /* consumed */
    const char *endpoint;                /* fit for a log line; copied */
    uint64_t interval, timeout;          /* ns */
    size_t max_names;
};

/* NULL: out of memory, which is reported. */
otel_sampler *otel__remote_create(const struct otel__remote_settings *settings);

/*
 * Those that `sampler`, or what it is made of, asks; linked by otel__remote_next(). Each is told the service's name. NULL:
 * there is none.
 */
otel_sampler *otel__remotes_bind(otel_sampler *sampler, otel_str service);
otel_sampler *otel__remote_next(const otel_sampler *sampler);

/* `now` and the result in ns of CLOCK_MONOTONIC; OTEL__NO_DEADLINE: there is nothing to be done any more. */
uint64_t otel__remote_poll(otel_sampler *sampler, uint64_t now);
/* Whether fetching has to wait until a span is to be sampled. */
bool otel__remote_is_late(const otel_sampler *sampler);
/* As in otel/exporter.h. */
void otel__remote_before_fork(otel_sampler *sampler);
bool otel__remote_at_rest(otel_sampler *sampler);
void otel__remote_after_fork(otel_sampler *sampler, bool in_child);

#endif
