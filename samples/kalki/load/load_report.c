/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_report.c - see load_report.h.
 */
#include "load/load_report.h"

/* Returns 1 if the target was missed. */
static unsigned print_cell(FILE *out, double seconds, double target) {
    bool met = seconds <= target;
    fprintf(out, " %9.1f %-6s", seconds * 1000, met ? "met" : "MISSED");
    return met ? 0 : 1;
}

static unsigned print_row(FILE *out, const char *name, const struct load_summary *summary) {
    if (summary->requests == 0)
        return 0;
    bool few_errors = (double)summary->errors <= LOAD_TARGET_ERRORS * (double)summary->requests;
    fprintf(out, "%-22s %8zu %7zu %-6s", name, summary->requests, summary->errors, few_errors ? "met" : "MISSED");
    unsigned missed = few_errors ? 0 : 1;
    missed += print_cell(out, summary->p50, LOAD_TARGET_P50_S);
    missed += print_cell(out, summary->p95, LOAD_TARGET_P95_S);
    missed += print_cell(out, summary->p99, LOAD_TARGET_P99_S);
    fprintf(out, " %9.1f\n", summary->max * 1000);
    return missed;
}

static unsigned print_endpoints(const struct load_outcome *outcome, FILE *out) {
    struct load_summary summary;
    unsigned missed = 0;
    for (size_t i = 0; i < LOAD_ENDPOINTS; i++) {
        if (load_summarise(&outcome->samples, (enum load_endpoint)i, &summary))
            missed += print_row(out, load_endpoint_names[i], &summary);
    }
    if (load_summarise(&outcome->samples, LOAD_ENDPOINTS, &summary))
        print_row(out, "all", &summary);
    return missed;
}

static unsigned print_ingestion(const struct load_outcome *outcome, FILE *out) {
    struct load_summary summary;
    if (!load_summarise(&outcome->samples, LOAD_INGEST, &summary) || summary.requests == 0)
        return 0;
    double per_minute = outcome->seconds > 0 ? (double)outcome->ingested * 60 / outcome->seconds : 0;
    bool met = per_minute >= LOAD_TARGET_DOCUMENTS_PER_MINUTE;
    fprintf(out, "ingested: %lu documents, %.0f a minute (target %.0f): %s\n", outcome->ingested, per_minute,
            LOAD_TARGET_DOCUMENTS_PER_MINUTE, met ? "met" : "MISSED");
    return met ? 0 : 1;
}

unsigned load_report_print(const struct load_outcome *outcome, FILE *out) {
    fprintf(out, "%-22s %8s %14s %16s %16s %16s %9s\n", "endpoint", "requests", "errors      ", "p50 ms      ",
            "p95 ms      ", "p99 ms      ", "max ms");
    fprintf(out, "%-22s %8s %7.0f %-6s %9.0f %-6s %9.0f %-6s %9.0f\n", "  target, at most", "",
            LOAD_TARGET_ERRORS * 100, "%", LOAD_TARGET_P50_S * 1000, "", LOAD_TARGET_P95_S * 1000, "",
            LOAD_TARGET_P99_S * 1000);
    unsigned missed = print_endpoints(outcome, out);
    missed += print_ingestion(outcome, out);
    fprintf(out, "%zu requests in %.1f s, %.1f a second\n", outcome->samples.count, outcome->seconds,
            outcome->seconds > 0 ? (double)outcome->samples.count / outcome->seconds : 0);
    if (outcome->samples.lost > 0)
        fprintf(out, "%zu more were made, but not kept: memory was short\n", outcome->samples.lost);
    return missed;
}

bool load_report_csv(const struct load_outcome *outcome, const char *path) {
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fprintf(file, "began_s,endpoint,status,failed,ms\n");
    for (size_t i = 0; i < outcome->samples.count; i++) {
        const struct load_sample *sample = &outcome->samples.items[i];
        fprintf(file, "%.3f,%s,%u,%d,%.3f\n", (double)sample->began_s, load_endpoint_names[sample->endpoint],
                sample->status, sample->failed, (double)sample->seconds * 1000);
    }
    return fclose(file) == 0;
}
