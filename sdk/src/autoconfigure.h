/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoconfigure.h - turns options and environment into the parts of a pipeline. Its sources are the only ones in the
 * SDK that know exporters and propagators by name.
 */
#ifndef OTEL_SDK_AUTOCONFIGURE_H
#define OTEL_SDK_AUTOCONFIGURE_H

#include "config.h"
#include <otel/jaeger_remote.h>
#include <otel/metrics_sdk.h>
#include <otel/propagation.h>
#include <otel/sdk.h>

/* The caller owns sampler, id generator, processors and readers of metrics. */
struct otel__pipeline {
    bool disabled; /* only the propagators are to be set up: there is no sampler and no processor */
    bool strict;
    otel_sampler *sampler;
    otel_id_generator *id_generator; /* NULL: the built-in one */
    otel_tracer_config (*tracer_config)(void *data, const otel_scope_data *scope);
    void *tracer_config_data;
    otel_processor *processors[OTEL_MAX_PROCESSORS];
    size_t processor_count;
    otel_metric_reader *readers[OTEL_MAX_READERS];
    size_t reader_count;
    otel_exemplar_filter exemplars; /* settled */
    bool self_metrics;              /* whether the SDK measures itself */
    const otel_propagator *propagators[OTEL_MAX_PROPAGATORS];
    size_t propagator_count;
};

/*
 * Reports what the environment had wrong, then fills `out`. Consumes the parts that `options` hold (NULL: none given)
 * whether it succeeds or not. On failure `out` is empty and `error` (may be NULL) says why: OTEL_ERR_CONFIG for unusable
 * options, never for the environment; OTEL_ERR_MEMORY. The diagnostics must be set up before. One thread at a time.
 */
otel_status otel__autoconfigure(const otel_sdk_options *options, const struct otel__config *config,
                                struct otel__pipeline *out, otel_error *error);
/*
 * The OTLP exporter that `options` (may be NULL) ask for, with `config` behind them. NULL: `error` says why. What is
 * wrong with headers from the environment is reported, what is wrong in `options` makes it fail.
 */
otel_exporter *otel__otlp_exporter(const otel_otlp_options *options, const struct otel__config *config,
                                   otel_error *error);
/*
 * The same of metrics: what `ops`, which it fills, are to be called with. `config` was loaded for the signal of metrics.
 */
void *otel__otlp_metrics(const otel_otlp_options *options, const struct otel__config *config,
                         otel_metric_exporter_ops *ops, otel_error *error);
/* The OTLP file exporter that `config` asks for, to its file or to standard output. NULL: `error` says why. */
otel_exporter *otel__otlp_file_exporter(const struct otel__config *config, bool to_file, otel_error *error);
/* The Zipkin exporter that `options` (may be NULL) ask for, with `config` behind them. NULL: `error` says why. */
otel_exporter *otel__zipkin_exporter(const otel_zipkin_options *options, const struct otel__config *config,
                                     otel_error *error);
/* The same for the Jaeger exporter. */
otel_exporter *otel__jaeger_exporter(const otel_jaeger_options *options, const struct otel__config *config,
                                     otel_error *error);
/* The sampler that `options` ask for, whose parts are consumed. NULL: `error` says why. */
otel_sampler *otel__jaeger_remote(const otel_jaeger_remote_options *options, otel_error *error);
/* Destroys the parts that `options` hold, for a start that does not get as far. */
void otel__options_consume(const otel_sdk_options *options);
/* Destroys the parts that are left in `pipeline`. */
void otel__pipeline_free(struct otel__pipeline *pipeline);

/*
 * How many libraries that register exit handlers of their own (libcurl with OpenSSL, gRPC core) are initialised by now;
 * our exit handler must be registered after theirs.
 */
unsigned otel__foreign_libraries(void);

#endif
