/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_generator.h - random spans with every feature, the same for the same seed: what a test expects to find at the
 * other end.
 */
#ifndef SPAN_GENERATOR_H
#define SPAN_GENERATOR_H

#include <otel/exporter.h>

typedef struct span_set span_set;

/* `count` spans of a few scopes and one resource. Lives until span_set_free(). */
span_set *span_set_create(uint64_t seed, size_t count);
void span_set_free(span_set *set);

/* The spans' members `span`, `scope` and `resource` are filled in as well. */
const otel_span_data *span_set_spans(const span_set *set);
size_t span_set_count(const span_set *set);
const otel_resource_data *span_set_resource(const span_set *set);

#endif
