/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar.h - measurements that were made within sampled spans: the last one of each series, of a histogram the last one
 * in each bucket (specification: metrics/sdk.md, Exemplar).
 *
 * DESIGN. A series gets room for them with its first one, in the memory that a fork wipes. Nobody waits for anybody: who
 * finds a place in use leaves it as it is. What a view took from the attributes is copied into the place as far as it
 * fits as a whole.
 */
#ifndef OTEL_SDK_METRICS_EXEMPLAR_H
#define OTEL_SDK_METRICS_EXEMPLAR_H

#include "metrics/metrics.h"

void otel__exemplar_offer_(struct otel__series *series, otel_number number, otel_attrs attributes,
                           const otel_context *context);
/* `attributes`: of the measurement, before views. */
static inline void otel__exemplar_offer(struct otel__series *series, otel_number number, otel_attrs attributes,
                                        const otel_context *context) {
    if (__builtin_expect((context->opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED) != 0, 0) && series->stream->exemplars)
        otel__exemplar_offer_(series, number, attributes, context);
}

/* The places that a series has, if it has any. */
uint32_t otel__exemplar_places(const struct otel__stream *stream);
/* Bytes that the attributes of an exemplar take at most, where it is read. */
enum { OTEL__EXEMPLAR_BYTES = 384 };
/* Copies the exemplar of this place; `room` is for its attributes. False: there is none, or it is being written. */
bool otel__exemplar_read(const struct otel__series *series, uint32_t place, otel_exemplar_data *out, char *room);

#endif
