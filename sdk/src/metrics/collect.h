/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - a reading: all that a reader finds at one moment, as plain structs in memory of its own. */
#ifndef OTEL_SDK_METRICS_COLLECT_H
#define OTEL_SDK_METRICS_COLLECT_H

#include "metrics/reader.h"

struct otel__chunk;

struct otel__reading {
    otel_metrics_data data;
    struct otel__chunk *chunks;
    /* While it is made. */
    otel_metric_reader *reader;
    uint64_t number, time, last_time;
    bool short_of_memory;
};

/*
 * Waits for the turn, asks the callbacks, reads. Filled in whatever is returned: free it. OTEL_ERR_TIMEOUT: it was not its
 * turn until the stop's deadline; OTEL_ERR_STATE: the SDK stops, and this is one that is asked; OTEL_ERR_MEMORY.
 */
otel_status otel__collect(otel_metric_reader *reader, struct otel__reading *reading);
void otel__reading_free(struct otel__reading *reading);
/* Whether this thread is in the middle of one. */
bool otel__collecting(void);

/* Zeroed, freed with the reading; NULL when memory is short. */
void *otel__reading_alloc(struct otel__reading *reading, size_t size);

/* Asks the registered callbacks, on the reading's turn. */
void otel__observe_all(const struct otel__reading *reading);
/* The point of a series, if it has one: point.c. */
bool otel__point_read(struct otel__reading *reading, const struct otel__series *series, otel_point_data *point);

#endif
