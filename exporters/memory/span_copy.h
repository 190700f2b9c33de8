/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_copy.h - an independent copy of a span, in one allocation, shared by reference.
 */
#ifndef OTEL_MEMORY_SPAN_COPY_H
#define OTEL_MEMORY_SPAN_COPY_H

#include <otel/exporter.h>
#include <stdatomic.h>

struct otel__span_copy {
    atomic_size_t references;
    otel_span_data span; /* its pointers lead into the memory that follows */
};

/* A copy with one reference; NULL: out of memory. All text in it is NUL-terminated. */
struct otel__span_copy *otel__span_copy_create(const otel_span_data *span);
static inline void otel__span_copy_retain(struct otel__span_copy *copy) { atomic_fetch_add(&copy->references, 1); }
void otel__span_copy_release(struct otel__span_copy *copy);

#endif
