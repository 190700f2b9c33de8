/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_metrics.c - see autoconfigure_metrics.h. */
#include "autoconfigure_metrics.h"

#include "autoconfigure_prometheus.h"
#include "diagnostics.h"

#include <otel/console.h>
#include <stdio.h>

static otel_metric_reader *make_periodic(const struct otel__config *config, otel_metric_exporter *exporter) {
    const otel_periodic_options options = {
        .size = sizeof options,
        .interval_ms = config->metric_interval_ms,
        .timeout_ms = config->metric_timeout_ms ? config->metric_timeout_ms : OTEL_NO_TIMEOUT,
    };
    return exporter ? otel_periodic_reader(&options, exporter) : NULL;
}

static otel_metric_exporter *make_otlp(void) {
    otel_metric_exporter_ops ops;
    void *later = otel__otlp_metrics_later(&ops);
    return later ? otel_metric_exporter_create(&ops, later) : NULL;
}

static otel_metric_reader *make_reader(const struct otel__config *config, enum otel__config_metrics_exporter which,
                                       otel_error *error) {
    snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    switch (which) {
    case OTEL__METRICS_CONSOLE:
        return make_periodic(config, otel_console_metric_exporter(NULL));
    case OTEL__METRICS_PROMETHEUS:
        return otel__prometheus_reader(NULL, error);
    case OTEL__METRICS_OTLP:
        break;
    }
    return make_periodic(config, make_otlp());
}

size_t otel__metrics_autoconfigure(const struct otel__config *config, otel_metric_reader *readers[OTEL_MAX_READERS]) {
    static const char *const kinds[][2] = {
        [OTEL__METRICS_OTLP] = { "otlp", "metrics/otlp" },
        [OTEL__METRICS_PROMETHEUS] = { "prometheus", "metrics/prometheus" },
        [OTEL__METRICS_CONSOLE] = { "console", "metrics/console" },
    };
    size_t count = 0;
    for (size_t i = 0; i < config->metrics_exporters.count && count < OTEL_MAX_READERS; i++) {
        const enum otel__config_metrics_exporter which =
            (enum otel__config_metrics_exporter)config->metrics_exporters.items[i];
        otel_error error;
        readers[count] = make_reader(config, which, &error);
        if (readers[count])
            count++;
        else
            otel_report(OTEL_LOG_ERROR, kinds[which][1], "the %s exporter of metrics cannot be used: %s",
                        kinds[which][0], error.text);
    }
    return count;
}

void otel__periodic_defaults(otel_periodic_options *options) { otel__config_periodic_defaults(options); }
