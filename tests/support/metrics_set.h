/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_set.h - random metrics as an exporter gets them, with the attributes, scopes and resource of random spans. */
#ifndef METRICS_SET_H
#define METRICS_SET_H

#include "metrics_request.pb-c.h"

#include <otel/metric_exporter.h>

typedef struct metrics_set metrics_set;

/* The same for the same seed. Of every type, of integers and doubles, with and without exemplars and measurements. */
metrics_set *metrics_set_create(uint64_t seed, size_t count);
void metrics_set_free(metrics_set *set);
const otel_metrics_data *metrics_set_data(const metrics_set *set);

/*
 * Whether `bytes` are a request with the metrics [first, first + count), field by field, with nothing else in it, and as
 * protobuf-c would write the same. "" or where the first difference is.
 */
const char *metrics_difference(const uint8_t *bytes, size_t len, const otel_metrics_data *want, size_t first,
                               size_t count);

#endif
