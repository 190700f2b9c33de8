/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - see config.h.
 */
#include "config.h"

#include "base/str.h"
#include "base/url.h"
#include "config_parse.h"
#include "diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef const char *(*getter)(const char *variable);

static const char *environment(const char *variable) { return secure_getenv(variable); }

/* ---- problems --------------------------------------------------------------------------------------------------- */

struct otel__config_problem {
    struct otel__config_problem *next;
    const char *variable; /* static */
    char text[1024];
};

void otel__config_problem(struct otel__config *config, const char *variable, const char *format, ...) {
    struct otel__config_problem *problem = malloc(sizeof *problem);
    if (!problem) {
        config->out_of_memory = true;
        return;
    }
    problem->next = NULL;
    problem->variable = variable;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    struct otel__config_problem **end = &config->problems;
    while (*end)
        end = &(*end)->next;
    *end = problem;
}

/* A list may have several faults, each of which is told, up to a bound. */
void otel__config_report(const struct otel__config *config) {
    enum { TOLD_MAX = 8 };
    const char *variable = NULL;
    unsigned nth = 0;
    for (const struct otel__config_problem *problem = config->problems; problem; problem = problem->next) {
        char kind[80];
        nth = variable == problem->variable ? nth + 1 : 0;
        variable = problem->variable;
        snprintf(kind, sizeof kind, "%s/%u", variable, nth < TOLD_MAX ? nth : TOLD_MAX);
        otel_report(OTEL_LOG_WARN, kind, "%s", problem->text);
    }
}

enum { SHOWN = 256 };

/* ---- one variable ----------------------------------------------------------------------------------------------- */

static bool is_set(getter get, const char *variable) {
    const char *value = get(variable);
    return value && *value;
}

static const char *fallback(const struct otel__config *config, const struct otel__config_option *option) {
    const bool another = option->fallback_over_grpc && otel__config_over_grpc(config, option);
    return another ? option->fallback_over_grpc : option->fallback;
}

/* What a variable whose value is no good gives way to. */
static void describe_fallback(const struct otel__config *config, const struct otel__config_option *option,
                              const char *variable, getter get, char *out, size_t size) {
    if (variable != option->variable && option->variable && is_set(get, option->variable))
        snprintf(out, size, "using %s", option->variable);
    else if (option->fallback)
        snprintf(out, size, "using the default, %s", fallback(config, option));
    else
        snprintf(out, size, "ignored");
}

/* A value as it is quoted. */
static void show(const char *value, char out[SHOWN]) {
    snprintf(out, SHOWN, "%.200s%s", value, strlen(value) > 200 ? "..." : "");
}

static void complain(struct otel__config *config, const struct otel__config_option *option, const char *variable,
                     const char *value, const struct otel__config_verdict *verdict, getter get) {
    char shown[SHOWN], instead[192];
    if (option->type == OTEL__CONFIG_URL)
        otel__url_show(value, shown, sizeof shown);
    else
        show(value, shown);
    if (verdict->usable)
        snprintf(instead, sizeof instead, "using %s", verdict->used);
    else
        describe_fallback(config, option, variable, get, instead, sizeof instead);
    otel__config_problem(config, variable, "%s=\"%s\"%s; %s", variable, shown, verdict->why, instead);
}

static bool take(struct otel__config *config, enum otel__config_id id, const char *variable, getter get) {
    const struct otel__config_option *option = &otel__config_options[id];
    const char *value = variable ? get(variable) : NULL;
    if (!value)
        return false;
    struct otel__config_verdict verdict;
    otel__config_parse(config, option, otel_cstr(value), &verdict);
    if (verdict.why[0])
        complain(config, option, variable, value, &verdict, get);
    if (verdict.usable)
        config->source[id] = variable;
    return verdict.usable;
}

static void take_default(struct otel__config *config, enum otel__config_id id) {
    const struct otel__config_option *option = &otel__config_options[id];
    struct otel__config_verdict verdict; /* a default may name what this version lacks; that is no news to anyone */
    otel__config_parse(config, option, otel_cstr(fallback(config, option)), &verdict);
    config->source[id] = NULL;
}

static void load(struct otel__config *config, enum otel__config_id id, getter get) {
    const struct otel__config_option *option = &otel__config_options[id];
    if (!take(config, id, option->specific[config->signal], get) && !take(config, id, option->variable, get))
        take_default(config, id);
}

/* ---- what hangs together ---------------------------------------------------------------------------------------- */

/* An explicit batch that the queue cannot hold is ignored; the default shrinks to the queue. */
static void settle_batch(struct otel__config *config) {
    const char *source = config->source[OTEL__CONFIG_BSP_MAX_EXPORT_BATCH_SIZE];
    int asked = config->bsp_max_export_batch_size;
    int queue = config->bsp_max_queue_size;
    if (asked <= queue)
        return;
    if (source)
        take_default(config, OTEL__CONFIG_BSP_MAX_EXPORT_BATCH_SIZE);
    else
        source = config->source[OTEL__CONFIG_BSP_MAX_QUEUE_SIZE];
    if (config->bsp_max_export_batch_size > queue)
        config->bsp_max_export_batch_size = queue;
    otel__config_problem(config, source, "%s: batches of %d spans are more than the queue of %d spans holds; using %d",
                         source, asked, queue, config->bsp_max_export_batch_size);
}

/* What code decides need not be read; and what is wrong with it was told when the parts given in code were made. */
static bool is_needless(enum otel__config_id id, const otel_sdk_options *options) {
    if (id == OTEL__CONFIG_OTLP_TEMPORALITY || id == OTEL__CONFIG_PROMETHEUS_HOST || id == OTEL__CONFIG_PROMETHEUS_PORT)
        return true; /* whoever makes such a reader or exporter of metrics reads them */
    if (!options)
        return false;
    if (id >= OTEL__CONFIG_ATTRIBUTE_COUNT_LIMIT && id <= OTEL__CONFIG_LINK_ATTRIBUTE_COUNT_LIMIT)
        return false;
    switch (id) {
    case OTEL__CONFIG_SDK_DISABLED:
    case OTEL__CONFIG_STRICT:
    case OTEL__CONFIG_SERVICE_NAME:
    case OTEL__CONFIG_RESOURCE_ATTRIBUTES:
    case OTEL__CONFIG_RESOURCE_DETECTORS:
    case OTEL__CONFIG_ENTITIES:
        return false;
    case OTEL__CONFIG_LOG_LEVEL:
        return options->log_level != OTEL_LOG_DEFAULT;
    case OTEL__CONFIG_PROPAGATORS:
        return options->propagators != NULL;
    case OTEL__CONFIG_SAMPLER:
    case OTEL__CONFIG_SAMPLER_ARG:
        return options->sampler != NULL;
    case OTEL__CONFIG_METRICS_EXPORTER:
    case OTEL__CONFIG_METRIC_EXPORT_INTERVAL:
    case OTEL__CONFIG_METRIC_EXPORT_TIMEOUT:
        return options->metrics.readers.items != NULL;
    case OTEL__CONFIG_EXEMPLAR_FILTER:
        return options->metrics.exemplars != OTEL_EXEMPLARS_DEFAULT;
    case OTEL__CONFIG_SELF_METRICS:
        return options->metrics.self;
    default: /* exporters and processors */
        return options->processors.items != NULL;
    }
}

void otel__config_load(struct otel__config *config, const otel_sdk_options *options,
                       const char *(*get)(const char *variable)) {
    *config = (struct otel__config){ .sdk_disabled = false };
    get = get ? get : environment;
    for (int id = 0; id < OTEL__CONFIG_COUNT; id++)
        if (!is_needless((enum otel__config_id)id, options))
            load(config, (enum otel__config_id)id, get);
    otel__config_settle_sampler(config, is_set(get, otel__config_options[OTEL__CONFIG_SAMPLER].variable));
    settle_batch(config);
}

void otel__config_free(struct otel__config *config) {
    free(config->service_name);
    free(config->resource_attributes);
    free(config->detectors);
    free(config->entities);
    free(config->sampler_arg);
    free(config->remote_endpoint);
    free(config->otlp_endpoint);
    free(config->otlp_signal_endpoint);
    free(config->otlp_headers);
    free(config->otlp_certificate);
    free(config->otlp_client_key);
    free(config->otlp_client_certificate);
    free(config->file_path);
    free(config->zipkin_endpoint);
    free(config->prometheus_host);
    free(config->jaeger_endpoint);
    free(config->jaeger_user);
    free(config->jaeger_password);
    free(config->jaeger_agent_host);
    for (struct otel__config_problem *problem = config->problems; problem;) {
        struct otel__config_problem *next = problem->next;
        free(problem);
        problem = next;
    }
    *config = (struct otel__config){ .sdk_disabled = false };
}

/* ---- what comes from code as well -------------------------------------------------------------------------------- */

/* Positive: from code. Zero, or no good: from the environment. `name` is what the member is called in code. */
static void settle_member(struct otel__config *config, enum otel__config_id id, int *member, int given,
                          const char *name) {
    if (given > 0) {
        *member = given;
        config->source[id] = name;
        return;
    }
    load(config, id, environment);
    if (given < 0)
        otel__config_problem(config, name, "%s=%d is negative; using %d", name, given, *member);
}

void otel__config_load_otlp(struct otel__config *config, enum otel__config_signal signal,
                            const otel_otlp_options *options) {
    const char *whole = signal == OTEL__SIGNAL_METRICS ? options->metrics_endpoint : options->traces_endpoint;
    *config = (struct otel__config){ .signal = signal, .otlp_protocol = options->protocol - OTEL_OTLP_HTTP_PROTOBUF };
    if (!options->protocol)
        load(config, OTEL__CONFIG_OTLP_PROTOCOL, environment);
    if (!whole && !options->endpoint) {
        load(config, OTEL__CONFIG_OTLP_ENDPOINT, environment);
        load(config, OTEL__CONFIG_OTLP_SIGNAL_ENDPOINT, environment);
    }
    if (!options->insecure)
        load(config, OTEL__CONFIG_OTLP_INSECURE, environment);
    if (!options->headers)
        load(config, OTEL__CONFIG_OTLP_HEADERS, environment);
    if (!options->compression)
        load(config, OTEL__CONFIG_OTLP_COMPRESSION, environment);
    if (!options->certificate_file)
        load(config, OTEL__CONFIG_OTLP_CERTIFICATE, environment);
    if (!options->client_key_file)
        load(config, OTEL__CONFIG_OTLP_CLIENT_KEY, environment);
    if (!options->client_certificate_file)
        load(config, OTEL__CONFIG_OTLP_CLIENT_CERTIFICATE, environment);
    if (signal == OTEL__SIGNAL_METRICS && !options->temporality)
        load(config, OTEL__CONFIG_OTLP_TEMPORALITY, environment);
    settle_member(config, OTEL__CONFIG_OTLP_TIMEOUT, &config->otlp_timeout_ms, options->timeout_ms,
                  "otel_otlp_options.timeout_ms");
}

void otel__config_load_zipkin(struct otel__config *config, const otel_zipkin_options *options) {
    *config = (struct otel__config){ .sdk_disabled = false };
    if (!options->endpoint)
        load(config, OTEL__CONFIG_ZIPKIN_ENDPOINT, environment);
    settle_member(config, OTEL__CONFIG_ZIPKIN_TIMEOUT, &config->zipkin_timeout_ms, options->timeout_ms,
                  "otel_zipkin_options.timeout_ms");
}

void otel__config_load_prometheus(struct otel__config *config, const otel_prometheus_options *options) {
    *config = (struct otel__config){ .prometheus_port = options->port };
    if (!options->host)
        load(config, OTEL__CONFIG_PROMETHEUS_HOST, environment);
    if (!options->port)
        load(config, OTEL__CONFIG_PROMETHEUS_PORT, environment);
}

void otel__config_load_jaeger(struct otel__config *config, const otel_jaeger_options *options) {
    *config = (struct otel__config){ .jaeger_protocol = options->protocol };
    if (!options->protocol)
        load(config, OTEL__CONFIG_JAEGER_PROTOCOL, environment);
    if (!options->endpoint)
        load(config, OTEL__CONFIG_JAEGER_ENDPOINT, environment);
    if (!options->user)
        load(config, OTEL__CONFIG_JAEGER_USER, environment);
    if (!options->password)
        load(config, OTEL__CONFIG_JAEGER_PASSWORD, environment);
    if (!options->agent_host)
        load(config, OTEL__CONFIG_JAEGER_AGENT_HOST, environment);
    if (!options->agent_port)
        load(config, OTEL__CONFIG_JAEGER_AGENT_PORT, environment);
    settle_member(config, OTEL__CONFIG_JAEGER_TIMEOUT, &config->jaeger_timeout_ms, options->timeout_ms,
                  "otel_jaeger_options.timeout_ms");
}

void otel__config_batch_defaults(otel_batch_options *options) {
    struct otel__config config = { .sdk_disabled = false };
    settle_member(&config, OTEL__CONFIG_BSP_MAX_QUEUE_SIZE, &config.bsp_max_queue_size, options->max_queue_size,
                  "otel_batch_options.max_queue_size");
    settle_member(&config, OTEL__CONFIG_BSP_MAX_EXPORT_BATCH_SIZE, &config.bsp_max_export_batch_size,
                  options->max_batch_size, "otel_batch_options.max_batch_size");
    settle_batch(&config);
    options->max_queue_size = config.bsp_max_queue_size;
    options->max_batch_size = config.bsp_max_export_batch_size;
    if (options->schedule_delay_ms != OTEL_NO_DELAY)
        settle_member(&config, OTEL__CONFIG_BSP_SCHEDULE_DELAY, &config.bsp_schedule_delay_ms,
                      options->schedule_delay_ms, "otel_batch_options.schedule_delay_ms");
    options->schedule_delay_ms = config.bsp_schedule_delay_ms;
    settle_member(&config, OTEL__CONFIG_BSP_EXPORT_TIMEOUT, &config.bsp_export_timeout_ms, options->export_timeout_ms,
                  "otel_batch_options.export_timeout_ms");
    options->export_timeout_ms = config.bsp_export_timeout_ms ? config.bsp_export_timeout_ms : OTEL_NO_TIMEOUT;
    otel__config_report(&config);
    otel__config_free(&config);
}

void otel__config_periodic_defaults(otel_periodic_options *options) {
    struct otel__config config = { .sdk_disabled = false };
    settle_member(&config, OTEL__CONFIG_METRIC_EXPORT_INTERVAL, &config.metric_interval_ms, options->interval_ms,
                  "otel_periodic_options.interval_ms");
    settle_member(&config, OTEL__CONFIG_METRIC_EXPORT_TIMEOUT, &config.metric_timeout_ms, options->timeout_ms,
                  "otel_periodic_options.timeout_ms");
    options->interval_ms = config.metric_interval_ms;
    options->timeout_ms = config.metric_timeout_ms ? config.metric_timeout_ms : OTEL_NO_TIMEOUT;
    otel__config_report(&config);
    otel__config_free(&config);
}
