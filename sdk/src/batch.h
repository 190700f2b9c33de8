/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - the view of records that exporters get (otel_batch of otel/exporter.h).
 *
 * A batch holds pointers to records and room for one span's view, which each call of otel_batch_span() fills anew: the
 * view of a span stays in the cache, and a whole batch needs no memory of its own. The room grows to what the largest
 * span needed and is kept.
 */
#ifndef OTEL_SDK_BATCH_H
#define OTEL_SDK_BATCH_H

#include "record.h"

struct otel_batch {
    struct otel__record **records;
    size_t count, capacity;
    const otel_resource_data *resource;
    otel_span_data span;
    otel_span parent;
    otel_attr *attrs;
    size_t attr_capacity;
    otel_event_data *events;
    size_t event_capacity;
    otel_link_data *links;
    size_t link_capacity;
    struct otel_batch *left_before; /* of the views that a child inherited and must not touch */
};

/* A batch with room for `capacity` records; NULL when memory is short. */
struct otel_batch *otel__batch_create(size_t capacity, const otel_resource_data *resource);
void otel__batch_free(struct otel_batch *batch);

#endif
