/* SPDX-License-Identifier: Apache-2.0 */
/* provider.c - see provider.h. */
#include "provider.h"

#include "base/clock.h"
#include "diagnostics.h"
#include "fork.h"
#include "metrics/metrics.h"
#include "self_metrics.h"
#include "polling.h"
#include "processor_custom.h"
#include "span_limits.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

static otel_status fail(otel_error *error, otel_status status, const char *why) {
    if (error && why)
        snprintf(error->text, sizeof error->text, "%s", why);
    return status;
}

static bool join_all(struct otel__provider *provider) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        if (!otel__processor_join(provider->pipeline.processors[i], (unsigned)i, &provider->resource->data))
            return false;
    return true;
}

/* The readers are its own from here on. */
static otel_status make_metrics(struct otel__provider *provider, const otel_metrics_options *options,
                                otel_error *error) {
    const size_t count = provider->pipeline.reader_count;
    provider->pipeline.reader_count = 0;
    if (count == 0)
        return OTEL_OK;
    otel_metrics_options settled = *options;
    settled.exemplars = provider->pipeline.exemplars;
    settled.self = provider->pipeline.self_metrics;
    return otel__metrics_create(&settled, provider->pipeline.readers, count, &provider->resource->data,
                                &provider->metrics, error);
}

otel_status otel__provider_create(const otel_sdk_options *options, struct otel__provider **out, otel_error *error) {
    struct otel__config config;
    struct otel__provider *provider = calloc(1, sizeof *provider);
    *out = NULL;
    otel__config_load(&config, options, NULL);
    otel__diagnostics_set(options->log_level == OTEL_LOG_DEFAULT ? config.log_level : options->log_level,
                          options->diagnostic, options->diagnostic_data);
    struct otel__pipeline pipeline;
    otel_status status = otel__autoconfigure(options, &config, &pipeline, error);
    if (status != OTEL_OK || !provider) {
        if (status == OTEL_OK)
            otel__pipeline_free(&pipeline);
        free(provider);
        otel__config_free(&config);
        return status != OTEL_OK ? status : fail(error, OTEL_ERR_MEMORY, "out of memory");
    }
    otel__limits_set(&options->limits, &config);
    provider->pipeline = pipeline;
    provider->resource = otel__resource_create(options, &config);
    otel__config_free(&config);
    if (!provider->resource || !join_all(provider)) {
        otel__provider_free(provider);
        return fail(error, OTEL_ERR_MEMORY, "out of memory");
    }
    status = make_metrics(provider, &options->metrics, error);
    if (status != OTEL_OK) {
        otel__provider_free(provider);
        return status;
    }
    otel__polling_prepare(provider);
    provider->extras = otel__custom_extras(&provider->pipeline) |
                       (provider->pipeline.tracer_config ? OTEL__TRACER_CONFIG : 0u) |
                       (provider->metrics && provider->pipeline.self_metrics ? OTEL__SELF_METRICS : 0u);
    if (provider->extras & OTEL__SELF_METRICS)
        otel__self_metrics_begin(provider);
    *out = provider;
    return OTEL_OK;
}

void otel__provider_free(struct otel__provider *provider) {
    if (!provider)
        return;
    otel__self_metrics_end(provider);
    otel__metrics_free(provider->metrics);
    otel__pipeline_free(&provider->pipeline);
    otel__custom_views_free(provider);
    otel_resource_release(provider->resource);
    free(provider);
}

static void keep_first(otel_status *kept, otel_status status) {
    if (*kept == OTEL_OK)
        *kept = status;
}

/* Custom processors flush, or shut down, on this thread, while the workers of the others are at it already. */
static void call_custom(const struct otel__pipeline *pipeline, uint64_t deadline,
                        otel_status (*call)(otel_processor *processor, uint64_t deadline), otel_status *status) {
    const unsigned forks = otel__fork_count();
    for (size_t i = 0; i < pipeline->processor_count && forks == otel__fork_count(); i++)
        if (otel__processor_is_custom(pipeline->processors[i]))
            keep_first(status, call(pipeline->processors[i], deadline));
}

otel_status otel__provider_flush(struct otel__provider *provider, uint64_t deadline) {
    const struct otel__pipeline *pipeline = &provider->pipeline;
    uint32_t tickets[OTEL_MAX_PROCESSORS], readings[OTEL_MAX_READERS];
    const unsigned forks = otel__fork_count();
    otel_status status = OTEL_OK;
    for (size_t i = 0; i < pipeline->processor_count; i++)
        tickets[i] = otel__processor_flush_begin(pipeline->processors[i]);
    otel__metrics_flush_begin(provider->metrics, readings);
    call_custom(pipeline, deadline, otel__custom_flush, &status);
    /* An exporter that forks returns in the child too, whose tickets begin anew. */
    for (size_t i = 0; i < pipeline->processor_count && forks == otel__fork_count(); i++)
        if (!otel__processor_is_custom(pipeline->processors[i]))
            keep_first(&status, otel__processor_flush_wait(pipeline->processors[i], tickets[i], deadline));
    if (forks == otel__fork_count())
        keep_first(&status, otel__metrics_flush_wait(provider->metrics, readings, deadline));
    return status;
}

/* Waits for all until the deadline; true when all are done. */
static bool wait_for_all(struct otel__provider *provider, bool *done, uint64_t deadline) {
    const struct otel__pipeline *pipeline = &provider->pipeline;
    bool all = true;
    for (size_t i = 0; i < pipeline->processor_count; i++) {
        done[i] = done[i] || otel__processor_is_custom(pipeline->processors[i]) ||
                  otel__processor_stop_wait(pipeline->processors[i], deadline);
        all = all && done[i];
    }
    return otel__metrics_stop_wait(provider->metrics, deadline) && all;
}

otel_status otel__provider_stop(struct otel__provider *provider, uint64_t deadline, bool *stuck) {
    const struct otel__pipeline *pipeline = &provider->pipeline;
    bool done[OTEL_MAX_PROCESSORS] = { false };
    otel_status status = OTEL_OK;
    for (size_t i = 0; i < pipeline->processor_count; i++)
        otel__processor_stop_begin(pipeline->processors[i], deadline);
    otel__metrics_stop_begin(provider->metrics, deadline);
    otel__polling_stop(deadline);
    call_custom(pipeline, deadline, otel__custom_shutdown, &status);
    if (!wait_for_all(provider, done, deadline)) {
        for (size_t i = 0; i < pipeline->processor_count; i++)
            if (!done[i])
                otel__processor_cancel(pipeline->processors[i]);
        otel__metrics_cancel(provider->metrics);
        *stuck = !wait_for_all(provider, done, otel__clock_monotonic() + OTEL__CANCEL_GRACE_MS * OTEL__MILLISECOND);
    }
    for (size_t i = 0; i < pipeline->processor_count; i++)
        keep_first(&status, done[i] ? otel__processor_stop_status(pipeline->processors[i]) : OTEL_ERR_TIMEOUT);
    keep_first(&status, otel__metrics_stop_status(provider->metrics));
    return status;
}

bool otel__provider_start_workers(struct otel__provider *provider) {
    bool all = true;
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        if (!provider->pipeline.processors[i]->direct)
            all = otel__worker_start(provider->pipeline.processors[i]) && all;
    return all;
}
