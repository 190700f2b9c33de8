/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_metrics.c - see autoconfigure_metrics.h. */
#include "autoconfigure_metrics.h"

enum { INTERVAL_MS = 60000, TIMEOUT_MS = 30000 };

size_t otel__metrics_autoconfigure(const struct otel__config *config, otel_metric_reader **readers) {
    (void)config;
    (void)readers;
    return 0;
}

void otel__periodic_defaults(otel_periodic_options *options) {
    if (options->interval_ms <= 0)
        options->interval_ms = INTERVAL_MS;
    if (options->timeout_ms <= 0)
        options->timeout_ms = TIMEOUT_MS;
}
