/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_features.h - which features the compared spans had: a comparison that never saw one proves nothing about
 * it.
 */
#ifndef ROUNDTRIP_FEATURES_H
#define ROUNDTRIP_FEATURES_H

#include "roundtrip_plan.h"
#include "trace_request.pb-c.h"

enum { ROUNDTRIP_FEATURES_MAX = 96 };

struct roundtrip_features {
    unsigned seen[ROUNDTRIP_FEATURES_MAX];
};

/* A span that arrived as it had to. */
void roundtrip_note_features(struct roundtrip_features *features, const struct roundtrip_span *span,
                             const Otel__Otlp__Span *got);
/* A feature that no span had; NULL: all have been seen. */
const char *roundtrip_unseen_feature(const struct roundtrip_features *features);

#endif
