/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_samples.h - what a load has measured: every request, kept one by one, so that percentiles are exact.
 *
 * Each user has samples of its own, and nobody takes turns while the load runs; afterwards they are put together.
 */
#ifndef KALKI_LOAD_SAMPLES_H
#define KALKI_LOAD_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All users together keep no more; what comes later is counted as lost, and said. */
#define LOAD_SAMPLES_MAX 10000000u

enum load_endpoint { LOAD_SEARCH, LOAD_SUMMARY, LOAD_INGEST, LOAD_DOCUMENT, LOAD_SESSIONS, LOAD_ENDPOINTS };

/** How an endpoint is called in tables, and how it is asked. */
extern const char *const load_endpoint_names[LOAD_ENDPOINTS];

struct load_sample {
    float began_s; /* after the load's begin */
    float seconds;
    uint16_t status; /* 0: no answer */
    uint8_t endpoint;
    bool failed;
};

/** Zero-initialised: empty. */
struct load_samples {
    struct load_sample *items;
    size_t count, capacity;
    size_t lost;
};

void load_samples_add(struct load_samples *samples, struct load_sample sample);
/** Moves all of `more` to the end of `samples`, and frees `more`. */
void load_samples_join(struct load_samples *samples, struct load_samples *more);
/** By the moment in which they began. */
void load_samples_sort(struct load_samples *samples);
void load_samples_free(struct load_samples *samples);

/** Durations in seconds. Percentiles by the nearest rank: the smallest duration that at least p % do not exceed. */
struct load_summary {
    size_t requests, errors;
    double p50, p95, p99, max;
};

/** Of one endpoint, or of all (LOAD_ENDPOINTS). False: memory is short. */
bool load_summarise(const struct load_samples *samples, enum load_endpoint endpoint, struct load_summary *summary);
/** The same of any `count` samples that follow one another. */
bool load_summarise_part(const struct load_sample *items, size_t count, enum load_endpoint endpoint,
                         struct load_summary *summary);

#endif
