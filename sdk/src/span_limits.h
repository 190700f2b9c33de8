/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_limits.h - how much a span may hold (specification: trace/sdk.md, Span Limits; common/README.md, Attribute Limits).
 */
#ifndef OTEL_SDK_SPAN_LIMITS_H
#define OTEL_SDK_SPAN_LIMITS_H

#include "config.h"
#include "value_copy.h"

enum { OTEL__COUNT_LIMIT = 128 };

struct otel__limits {
    uint32_t attributes, event_attributes, link_attributes; /* of a span, of each event, of each link */
    uint32_t events, links;
    uint32_t short_text; /* bytes that need no look at the limit of length */
    struct otel__value_limits values;
};

/* Changed only while no call runs. */
extern struct otel__limits otel__limits __attribute__((visibility("hidden")));

/* What `options` say counts, then the environment, then the defaults. Reports what cannot be. */
void otel__limits_set(const otel_limits *options, const struct otel__config *config);

#endif
