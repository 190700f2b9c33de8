/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoconfigure.c - see autoconfigure.h.
 */
#include "autoconfigure.h"

#include "autoconfigure_metrics.h"
#include "diagnostics.h"
#include "options.h"

#include <otel/console.h>
#include <stdarg.h>
#include <stdio.h>

static otel_status fail(otel_error *error, otel_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static otel_status fail(otel_error *error, otel_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return status;
}

static otel_status out_of_memory(otel_error *error) {
    return fail(error, OTEL_ERR_MEMORY, "%s", otel_status_text(OTEL_ERR_MEMORY));
}

/* ---- what code gives -------------------------------------------------------------------------------------------- */

/* The place of the same processor before `index`, or `index` itself. */
static size_t first_place(const otel_processors *processors, size_t index) {
    size_t i = 0;
    while (processors->items[i] != processors->items[index])
        i++;
    return i;
}

static otel_status check_processors(const otel_processors *processors, otel_error *error) {
    if (processors->count && !processors->items)
        return fail(error, OTEL_ERR_CONFIG, "%zu processors are announced, but their list is NULL", processors->count);
    if (processors->count > OTEL_MAX_PROCESSORS)
        return fail(error, OTEL_ERR_CONFIG, "%zu processors are given, but at most %d can take part", processors->count,
                    OTEL_MAX_PROCESSORS);
    for (size_t i = 0; i < processors->count; i++) {
        if (!processors->items[i])
            return fail(error, OTEL_ERR_CONFIG,
                        "processor %zu of %zu is NULL: it or its exporter could not be made; the `error` of its own "
                        "options has the reason",
                        i + 1, processors->count);
        if (first_place(processors, i) != i)
            return fail(error, OTEL_ERR_CONFIG, "processors %zu and %zu are the same one",
                        first_place(processors, i) + 1, i + 1);
    }
    return OTEL_OK;
}

/* Whose count is a mistake, nobody knows where they end. */
static void destroy_all(const otel_processors *processors) {
    if (processors->count > OTEL__LIST_MAX)
        return;
    for (size_t i = 0; processors->items && i < processors->count; i++)
        if (first_place(processors, i) == i)
            otel_processor_destroy(processors->items[i]);
}

static size_t first_reader(const otel_metric_readers *readers, size_t index) {
    size_t i = 0;
    while (readers->items[i] != readers->items[index])
        i++;
    return i;
}

static void destroy_readers(const otel_metric_readers *readers) {
    if (readers->count > OTEL__LIST_MAX)
        return;
    for (size_t i = 0; readers->items && i < readers->count; i++)
        if (first_reader(readers, i) == i)
            otel_metric_reader_destroy(readers->items[i]);
}

static otel_status check_readers(const otel_metric_readers *readers, otel_error *error) {
    if (readers->count && !readers->items)
        return fail(error, OTEL_ERR_CONFIG, "%zu readers are announced, but their list is NULL", readers->count);
    if (readers->count > OTEL_MAX_READERS)
        return fail(error, OTEL_ERR_CONFIG, "%zu readers of metrics are given, but at most %d can take part",
                    readers->count, OTEL_MAX_READERS);
    for (size_t i = 0; i < readers->count; i++) {
        if (!readers->items[i])
            return fail(error, OTEL_ERR_CONFIG,
                        "reader %zu of %zu is NULL: it or its exporter could not be made; the `error` of its own "
                        "options has the reason",
                        i + 1, readers->count);
        if (first_reader(readers, i) != i)
            return fail(error, OTEL_ERR_CONFIG, "readers %zu and %zu are the same one", first_reader(readers, i) + 1,
                        i + 1);
    }
    return OTEL_OK;
}

static otel_status take_readers(const otel_metric_readers *readers, struct otel__pipeline *out, otel_error *error) {
    const otel_status status = check_readers(readers, error);
    if (status != OTEL_OK)
        destroy_readers(readers);
    for (size_t i = 0; status == OTEL_OK && readers->items && i < readers->count; i++)
        out->readers[out->reader_count++] = readers->items[i];
    return status;
}

void otel__options_consume(const otel_sdk_options *options) {
    otel_sampler_destroy(options->sampler);
    otel_id_generator_destroy(options->id_generator);
    destroy_all(&options->processors);
    destroy_readers(&options->metrics.readers);
}

static otel_status take_processors(const otel_processors *processors, struct otel__pipeline *out, otel_error *error) {
    const otel_status status = check_processors(processors, error);
    if (status != OTEL_OK)
        destroy_all(processors);
    for (size_t i = 0; status == OTEL_OK && processors->items && i < processors->count; i++)
        out->processors[out->processor_count++] = processors->items[i];
    return status;
}

static otel_status take_propagators(const otel_sdk_options *options, struct otel__pipeline *out, otel_error *error) {
    if (options->propagator_count > OTEL__LIST_MAX)
        return fail(error, OTEL_ERR_CONFIG, "%zu propagators cannot be meant", options->propagator_count);
    if (options->propagator_count > OTEL_MAX_PROPAGATORS)
        otel_report(OTEL_LOG_WARN, "propagators", "of %zu propagators only the first %d are used",
                    options->propagator_count, OTEL_MAX_PROPAGATORS);
    for (size_t i = 0; i < options->propagator_count && i < OTEL_MAX_PROPAGATORS; i++) {
        if (!options->propagators[i])
            return fail(error, OTEL_ERR_CONFIG, "propagator %zu of %zu is NULL", i + 1, options->propagator_count);
        out->propagators[out->propagator_count++] = options->propagators[i];
    }
    return OTEL_OK;
}

/* ---- what the environment asks for ------------------------------------------------------------------------------ */

/* Of libotel-xray, if the program links that. */
extern const otel_propagator otel_propagator_xray __attribute__((weak, visibility("default")));

static void make_propagators(const struct otel__config *config, struct otel__pipeline *out) {
    static const otel_propagator *const known[] = {
        [OTEL__PROPAGATOR_TRACECONTEXT] = &otel_propagator_tracecontext,
        [OTEL__PROPAGATOR_BAGGAGE] = &otel_propagator_baggage,
        [OTEL__PROPAGATOR_B3] = &otel_propagator_b3,
        [OTEL__PROPAGATOR_B3MULTI] = &otel_propagator_b3multi,
        [OTEL__PROPAGATOR_JAEGER] = &otel_propagator_jaeger,
        [OTEL__PROPAGATOR_XRAY] = &otel_propagator_xray,
        [OTEL__PROPAGATOR_OTTRACE] = &otel_propagator_ottrace,
    };
    for (size_t i = 0; i < config->propagators.count; i++) {
        const otel_propagator *propagator = known[config->propagators.items[i]];
        if (propagator)
            out->propagators[out->propagator_count++] = propagator;
        else
            otel_report(OTEL_LOG_WARN, "propagators",
                        "OTEL_PROPAGATORS: xray is left out until this program is linked with libotel-xray");
    }
}

/* Where Jaeger cannot be asked, what would decide until it has answered decides for good. */
static otel_sampler *make_remote(const struct otel__config *config) {
    otel_error error = { "" };
    const otel_jaeger_remote_options options = {
        .size = sizeof options,
        .endpoint = config->remote_endpoint,
        .polling_interval_ms = config->remote_interval_ms,
        .initial = otel_sampler_trace_id_ratio(config->remote_initial_rate),
    };
    otel_sampler *sampler = otel__jaeger_remote(&options, &error);
    if (sampler)
        return sampler;
    otel_report(OTEL_LOG_ERROR, "sampler/jaeger_remote",
                "the jaeger_remote sampler cannot be used, a share of %g of traces is sampled: %s",
                config->remote_initial_rate, error.text);
    return otel_sampler_trace_id_ratio(config->remote_initial_rate);
}

static otel_sampler *make_sampler(const struct otel__config *config) {
    switch ((enum otel__config_sampler)config->sampler) {
    case OTEL__SAMPLER_ALWAYS_ON:
        return otel_sampler_always_on();
    case OTEL__SAMPLER_ALWAYS_OFF:
        return otel_sampler_always_off();
    case OTEL__SAMPLER_RATIO:
        return otel_sampler_trace_id_ratio(config->sampler_ratio);
    case OTEL__SAMPLER_PARENT_ALWAYS_OFF:
        return otel_sampler_parent_based_root(otel_sampler_always_off());
    case OTEL__SAMPLER_PARENT_RATIO:
        return otel_sampler_parent_based_root(otel_sampler_trace_id_ratio(config->sampler_ratio));
    case OTEL__SAMPLER_REMOTE:
        return make_remote(config);
    case OTEL__SAMPLER_PARENT_REMOTE:
        return otel_sampler_parent_based_root(make_remote(config));
    case OTEL__SAMPLER_PARENT_ALWAYS_ON:
        break;
    }
    return otel_sampler_parent_based(NULL);
}

static otel_processor *make_batch(const struct otel__config *config, otel_exporter *exporter) {
    const otel_batch_options options = {
        .size = sizeof options,
        .max_queue_size = config->bsp_max_queue_size,
        .max_batch_size = config->bsp_max_export_batch_size,
        .schedule_delay_ms = config->bsp_schedule_delay_ms ? config->bsp_schedule_delay_ms : OTEL_NO_DELAY,
        .export_timeout_ms = config->bsp_export_timeout_ms ? config->bsp_export_timeout_ms : OTEL_NO_TIMEOUT,
    };
    return exporter ? otel_batch_processor(&options, exporter) : NULL;
}

static otel_processor *make_processor(const struct otel__config *config, enum otel__config_exporter which,
                                      otel_error *error) {
    switch (which) {
    case OTEL__EXPORTER_CONSOLE:
        return otel_simple_processor(otel_console_exporter(NULL));
    case OTEL__EXPORTER_OTLP_STDOUT:
    case OTEL__EXPORTER_OTLP_FILE:
        return make_batch(config, otel__otlp_file_exporter(config, which == OTEL__EXPORTER_OTLP_FILE, error));
    case OTEL__EXPORTER_ZIPKIN:
        return make_batch(config, otel__zipkin_exporter(NULL, config, error));
    case OTEL__EXPORTER_JAEGER:
        return make_batch(config, otel__jaeger_exporter(NULL, config, error));
    case OTEL__EXPORTER_OTLP:
        break;
    }
    return make_batch(config, otel__otlp_exporter(NULL, config, error));
}

static otel_status export_nothing(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return OTEL_ERR_EXPORT;
}

/* In the place of an exporter that cannot be made: the ledger then knows of its spans, and a flush that they are lost. */
static otel_processor *make_substitute(const struct otel__config *config, const char *name) {
    const otel_exporter_ops ops = { .size = sizeof ops, .name = name, .export_batch = export_nothing };
    return make_batch(config, otel_exporter_create(&ops, NULL));
}

/* The environment never makes a start fail: what cannot be had is reported. */
static void make_processors(const struct otel__config *config, struct otel__pipeline *out) {
    static const char *const kinds[][2] = {
        [OTEL__EXPORTER_OTLP] = { "otlp", "exporter/otlp" },
        [OTEL__EXPORTER_CONSOLE] = { "console", "exporter/console" },
        [OTEL__EXPORTER_OTLP_STDOUT] = { "otlp/stdout", "exporter/otlp/stdout" },
        [OTEL__EXPORTER_OTLP_FILE] = { "otlp_file", "exporter/otlp_file" },
        [OTEL__EXPORTER_ZIPKIN] = { "zipkin", "exporter/zipkin" },
        [OTEL__EXPORTER_JAEGER] = { "jaeger", "exporter/jaeger" },
    };
    for (size_t i = 0; i < config->exporters.count && i < OTEL_MAX_PROCESSORS; i++) {
        const enum otel__config_exporter which = (enum otel__config_exporter)config->exporters.items[i];
        otel_error error = { "" };
        otel_processor *processor = make_processor(config, which, &error);
        if (!processor) {
            otel_report(OTEL_LOG_ERROR, kinds[which][1], "the %s exporter cannot be used, its spans are dropped: %s",
                        kinds[which][0], error.text[0] ? error.text : otel_status_text(OTEL_ERR_MEMORY));
            processor = make_substitute(config, kinds[which][0]);
        }
        if (processor)
            out->processors[out->processor_count++] = processor;
    }
}

/* ---- together --------------------------------------------------------------------------------------------------- */

void otel__pipeline_free(struct otel__pipeline *pipeline) {
    otel_sampler_destroy(pipeline->sampler);
    otel_id_generator_destroy(pipeline->id_generator);
    for (size_t i = 0; i < pipeline->processor_count; i++)
        otel_processor_destroy(pipeline->processors[i]);
    for (size_t i = 0; i < pipeline->reader_count; i++)
        otel_metric_reader_destroy(pipeline->readers[i]);
    *pipeline = (struct otel__pipeline){ .disabled = false };
}

static otel_status complete(const otel_sdk_options *options, const struct otel__config *config,
                            struct otel__pipeline *out, otel_error *error) {
    otel_status status = OTEL_OK;
    if (config->out_of_memory)
        return out_of_memory(error);
    if (options->propagators)
        status = take_propagators(options, out, error);
    else
        make_propagators(config, out);
    if (status != OTEL_OK || out->disabled)
        return status;
    if (!out->sampler)
        out->sampler = make_sampler(config);
    if (!out->sampler)
        return out_of_memory(error);
    if (!options->processors.items)
        make_processors(config, out);
    if (!options->metrics.readers.items)
        out->reader_count = otel__metrics_autoconfigure(config, out->readers);
    return OTEL_OK;
}

/* Without a sampler and processors, which nobody asks any more. */
static void disable(struct otel__pipeline *pipeline) {
    struct otel__pipeline idle = *pipeline;
    idle.sampler = NULL;
    idle.id_generator = NULL;
    idle.processor_count = 0;
    idle.reader_count = 0;
    pipeline->propagator_count = 0;
    otel__pipeline_free(pipeline);
    *pipeline = idle;
}

static otel_exemplar_filter settle_exemplars(const otel_sdk_options *options, const struct otel__config *config) {
    const otel_exemplar_filter given = options->metrics.exemplars;
    return given != OTEL_EXEMPLARS_DEFAULT ? given : (otel_exemplar_filter)config->exemplar_filter;
}

otel_status otel__autoconfigure(const otel_sdk_options *options, const struct otel__config *config,
                                struct otel__pipeline *out, otel_error *error) {
    static const otel_sdk_options none = { .size = sizeof none };
    otel_sdk_options known;
    options = options ? otel__options_fit(options, sizeof known, &known) : &none;
    otel__config_report(config);
    *out = (struct otel__pipeline){ .disabled = options->disabled || config->sdk_disabled,
                                    .id_generator = options->id_generator,
                                    .tracer_config = options->tracer_config,
                                    .tracer_config_data = options->tracer_config_data,
                                    .strict = options->strict || config->strict,
                                    .exemplars = settle_exemplars(options, config),
                                    .self_metrics = options->metrics.self || config->self_metrics,
                                    .sampler = options->sampler };
    otel_status status = take_processors(&options->processors, out, error);
    const otel_status readers = take_readers(&options->metrics.readers, out, status == OTEL_OK ? error : NULL);
    if (status == OTEL_OK)
        status = readers;
    if (status == OTEL_OK)
        status = complete(options, config, out, error);
    if (status != OTEL_OK)
        otel__pipeline_free(out);
    else if (out->disabled)
        disable(out);
    return status;
}
