/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_report.h - what came of a load: a table against the targets, and all samples as CSV.
 */
#ifndef KALKI_LOAD_REPORT_H
#define KALKI_LOAD_REPORT_H

#include "load/load_samples.h"

#include <stdio.h>

/* What each endpoint should keep to. */
#define LOAD_TARGET_P50_S 0.1
#define LOAD_TARGET_P95_S 0.5
#define LOAD_TARGET_P99_S 2.0
#define LOAD_TARGET_ERRORS 0.01 /* of the requests */
#define LOAD_TARGET_DOCUMENTS_PER_MINUTE 100.0

struct load_outcome {
    struct load_samples samples; /* sorted */
    double seconds;              /* from the first request to the last answer */
    unsigned long ingested;
};

/** Prints the table; returns how many targets were missed. */
unsigned load_report_print(const struct load_outcome *outcome, FILE *out);
/** A line for each request: when it began, what it was, how it ended, how long it took. False: cannot be written. */
bool load_report_csv(const struct load_outcome *outcome, const char *path);

#endif
