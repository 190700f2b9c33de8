/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - a remote span as the formats before W3C Trace Context tell of it: short trace ids, no tracestate, and
 * more to say about sampling than one flag can.
 *
 * DESIGN. What goes beyond the flag lies in the context under a key of its own, with the ids that it was said of. It
 * thus survives new spans and is forgotten by itself in another trace: "debug" holds for the whole trace, "deferred"
 * only until somebody decides, which gives the span another id or the sampled flag.
 */
#ifndef OTEL_PROPAGATORS_REMOTE_H
#define OTEL_PROPAGATORS_REMOTE_H

#include <otel/context.h>
#include <otel/types.h>

enum otel__decision {
    OTEL__DECISION_FLAG,     /* the flag says it all */
    OTEL__DECISION_DEFERRED, /* nobody has decided: not sampled yet */
    OTEL__DECISION_DEBUG     /* sampled, whatever it costs */
};

struct otel__remote {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    bool sampled;
    enum otel__decision decision;
};

#pragma GCC visibility push(hidden)
/* Neither id is all zero. */
bool otel__remote_valid(const struct otel__remote *remote);
/* Reads ids of 16 or 32 and of 16 lowercase digits; false when they are anything else, or not valid. */
bool otel__remote_ids(struct otel__remote *remote, otel_str trace_id, otel_str span_id);
/* `base` with the span, which is valid. */
otel_context otel__remote_into(const otel_context *base, const struct otel__remote *remote);
/* What is remembered of the trace of `span`, which is that of `context`. */
enum otel__decision otel__remote_decision(const otel_context *context, const otel_span *span);
#pragma GCC visibility pop

#endif
