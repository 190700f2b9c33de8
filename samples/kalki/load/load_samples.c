/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_samples.c - see load_samples.h.
 */
#include "load/load_samples.h"

#include <stdlib.h>
#include <string.h>

const char *const load_endpoint_names[LOAD_ENDPOINTS] = {
    [LOAD_SEARCH] = "GET /search",     [LOAD_SUMMARY] = "GET /search?summary=1",
    [LOAD_INGEST] = "POST /documents", [LOAD_DOCUMENT] = "GET /documents/{id}",
    [LOAD_SESSIONS] = "GET /sessions",
};

static bool grow(struct load_samples *samples, size_t needed) {
    if (needed > LOAD_SAMPLES_MAX)
        return false;
    if (needed <= samples->capacity)
        return true;
    size_t capacity = needed < 256 ? 256 : 2 * needed;
    struct load_sample *items = realloc(samples->items, capacity * sizeof *items);
    if (!items)
        return false;
    samples->items = items;
    samples->capacity = capacity;
    return true;
}

void load_samples_add(struct load_samples *samples, struct load_sample sample) {
    if (grow(samples, samples->count + 1))
        samples->items[samples->count++] = sample;
    else
        samples->lost++;
}

void load_samples_join(struct load_samples *samples, struct load_samples *more) {
    samples->lost += more->lost;
    if (more->count > 0 && grow(samples, samples->count + more->count)) {
        memcpy(samples->items + samples->count, more->items, more->count * sizeof *more->items);
        samples->count += more->count;
    } else {
        samples->lost += more->count;
    }
    load_samples_free(more);
}

void load_samples_free(struct load_samples *samples) {
    free(samples->items);
    *samples = (struct load_samples){ 0 };
}

static int compare_begin(const void *a, const void *b) {
    const struct load_sample *left = a, *right = b;
    return (left->began_s > right->began_s) - (left->began_s < right->began_s);
}

void load_samples_sort(struct load_samples *samples) {
    if (samples->count > 0)
        qsort(samples->items, samples->count, sizeof *samples->items, compare_begin);
}

/* ---- summaries ---- */

static int compare_float(const void *a, const void *b) {
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

static double percentile(const float *sorted, size_t count, unsigned percent) {
    size_t rank = (count * percent + 99) / 100;
    return count == 0 ? 0 : (double)sorted[rank > 0 ? rank - 1 : 0];
}

bool load_summarise_part(const struct load_sample *items, size_t count, enum load_endpoint endpoint,
                         struct load_summary *summary) {
    float *seconds = malloc((count > 0 ? count : 1) * sizeof *seconds);
    *summary = (struct load_summary){ 0 };
    if (!seconds)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (endpoint != LOAD_ENDPOINTS && items[i].endpoint != endpoint)
            continue;
        seconds[summary->requests++] = items[i].seconds;
        summary->errors += items[i].failed;
    }
    qsort(seconds, summary->requests, sizeof *seconds, compare_float);
    summary->p50 = percentile(seconds, summary->requests, 50);
    summary->p95 = percentile(seconds, summary->requests, 95);
    summary->p99 = percentile(seconds, summary->requests, 99);
    summary->max = percentile(seconds, summary->requests, 100);
    free(seconds);
    return true;
}

bool load_summarise(const struct load_samples *samples, enum load_endpoint endpoint, struct load_summary *summary) {
    return load_summarise_part(samples->items, samples->count, endpoint, summary);
}
