/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the environment's settings, parsed (specification: configuration/sdk-environment-variables.md).
 *
 * DESIGN. config_table.c lists every variable once; parsing, defaults, warnings and docs/configuration.md all come
 * from there. Loading reads the environment once and never reports by itself, because the environment also says at
 * which level to report: what was wrong is kept, and otel__config_report() tells it once the diagnostics are set up
 * (otel__autoconfigure() calls it).
 */
#ifndef OTEL_SDK_CONFIG_H
#define OTEL_SDK_CONFIG_H

#include <otel/jaeger.h>
#include <otel/metrics_sdk.h>
#include <otel/otlp.h>
#include <otel/otlp_file.h>
#include <otel/prometheus.h>
#include <otel/sdk.h>
#include <otel/zipkin.h>

enum otel__config_sampler {
    OTEL__SAMPLER_PARENT_ALWAYS_ON,
    OTEL__SAMPLER_PARENT_ALWAYS_OFF,
    OTEL__SAMPLER_PARENT_RATIO,
    OTEL__SAMPLER_ALWAYS_ON,
    OTEL__SAMPLER_ALWAYS_OFF,
    OTEL__SAMPLER_RATIO,
    OTEL__SAMPLER_REMOTE,
    OTEL__SAMPLER_PARENT_REMOTE
};
/* Of remote samplers. */
enum { OTEL__REMOTE_INTERVAL_MS = 60000 };
#define OTEL__REMOTE_INITIAL_RATE 0.001
enum otel__config_exporter {
    OTEL__EXPORTER_OTLP,
    OTEL__EXPORTER_CONSOLE,
    OTEL__EXPORTER_OTLP_STDOUT,
    OTEL__EXPORTER_OTLP_FILE,
    OTEL__EXPORTER_ZIPKIN,
    OTEL__EXPORTER_JAEGER
};
enum otel__config_metrics_exporter { OTEL__METRICS_OTLP, OTEL__METRICS_PROMETHEUS, OTEL__METRICS_CONSOLE };
enum otel__config_propagator {
    OTEL__PROPAGATOR_TRACECONTEXT,
    OTEL__PROPAGATOR_BAGGAGE,
    OTEL__PROPAGATOR_B3,
    OTEL__PROPAGATOR_B3MULTI,
    OTEL__PROPAGATOR_JAEGER,
    OTEL__PROPAGATOR_XRAY,
    OTEL__PROPAGATOR_OTTRACE
};
enum otel__config_protocol { OTEL__PROTOCOL_HTTP_PROTOBUF, OTEL__PROTOCOL_HTTP_JSON, OTEL__PROTOCOL_GRPC };
enum otel__config_compression { OTEL__COMPRESSION_NONE, OTEL__COMPRESSION_GZIP };

/* A list variable: each choice once, in the order given; `none` is the empty list. */
struct otel__config_list {
    size_t count;
    int items[8];
};

/* What the settings of an OTLP exporter are for. */
enum otel__config_signal { OTEL__SIGNAL_TRACES, OTEL__SIGNAL_METRICS, OTEL__SIGNAL_COUNT };

/* The variables, as config_table.c describes them. */
enum otel__config_id {
    OTEL__CONFIG_SDK_DISABLED,
    OTEL__CONFIG_LOG_LEVEL,
    OTEL__CONFIG_STRICT,
    OTEL__CONFIG_SERVICE_NAME,
    OTEL__CONFIG_RESOURCE_ATTRIBUTES,
    OTEL__CONFIG_RESOURCE_DETECTORS,
    OTEL__CONFIG_ENTITIES,
    OTEL__CONFIG_PROPAGATORS,
    OTEL__CONFIG_SAMPLER,
    OTEL__CONFIG_SAMPLER_ARG,
    OTEL__CONFIG_EXPORTER,
    OTEL__CONFIG_BSP_MAX_QUEUE_SIZE,
    OTEL__CONFIG_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL__CONFIG_BSP_SCHEDULE_DELAY,
    OTEL__CONFIG_BSP_EXPORT_TIMEOUT,
    OTEL__CONFIG_OTLP_PROTOCOL, /* before the endpoints, which are what it can send to */
    OTEL__CONFIG_OTLP_ENDPOINT,
    OTEL__CONFIG_OTLP_SIGNAL_ENDPOINT,
    OTEL__CONFIG_OTLP_INSECURE,
    OTEL__CONFIG_OTLP_HEADERS,
    OTEL__CONFIG_OTLP_TIMEOUT,
    OTEL__CONFIG_OTLP_CERTIFICATE,
    OTEL__CONFIG_OTLP_CLIENT_KEY,
    OTEL__CONFIG_OTLP_CLIENT_CERTIFICATE,
    OTEL__CONFIG_OTLP_COMPRESSION,
    OTEL__CONFIG_OTLP_TEMPORALITY,
    OTEL__CONFIG_FILE_PATH,
    OTEL__CONFIG_FILE_MAX_BYTES,
    OTEL__CONFIG_FILE_MAX_AGE,
    OTEL__CONFIG_FILE_KEPT,
    OTEL__CONFIG_FILE_SYNC,
    OTEL__CONFIG_FILE_SYNC_INTERVAL,
    OTEL__CONFIG_ZIPKIN_ENDPOINT,
    OTEL__CONFIG_ZIPKIN_TIMEOUT,
    OTEL__CONFIG_JAEGER_PROTOCOL,
    OTEL__CONFIG_JAEGER_ENDPOINT,
    OTEL__CONFIG_JAEGER_TIMEOUT,
    OTEL__CONFIG_JAEGER_USER,
    OTEL__CONFIG_JAEGER_PASSWORD,
    OTEL__CONFIG_JAEGER_AGENT_HOST,
    OTEL__CONFIG_JAEGER_AGENT_PORT,
    OTEL__CONFIG_METRICS_EXPORTER,
    OTEL__CONFIG_METRIC_EXPORT_INTERVAL,
    OTEL__CONFIG_METRIC_EXPORT_TIMEOUT,
    OTEL__CONFIG_EXEMPLAR_FILTER,
    OTEL__CONFIG_SELF_METRICS,
    OTEL__CONFIG_PROMETHEUS_HOST,
    OTEL__CONFIG_PROMETHEUS_PORT,
    OTEL__CONFIG_ATTRIBUTE_COUNT_LIMIT,
    OTEL__CONFIG_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    OTEL__CONFIG_SPAN_ATTRIBUTE_COUNT_LIMIT,
    OTEL__CONFIG_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
    OTEL__CONFIG_SPAN_EVENT_COUNT_LIMIT,
    OTEL__CONFIG_SPAN_LINK_COUNT_LIMIT,
    OTEL__CONFIG_EVENT_ATTRIBUTE_COUNT_LIMIT,
    OTEL__CONFIG_LINK_ATTRIBUTE_COUNT_LIMIT,
    OTEL__CONFIG_COUNT
};

struct otel__config_problem;

struct otel__config {
    enum otel__config_signal signal; /* of the OTLP exporter below */
    bool sdk_disabled;
    bool strict;
    otel_log_level log_level; /* never OTEL_LOG_DEFAULT */
    char *service_name;       /* text is NULL when it was not given */
    char *resource_attributes;
    char *detectors;
    char *entities;
    struct otel__config_list propagators;
    int sampler;           /* enum otel__config_sampler */
    char *sampler_arg;     /* as written; NULL also when OTEL_TRACES_SAMPLER is not set */
    double sampler_ratio;  /* what it says, for the ratio samplers; 1 otherwise */
    char *remote_endpoint; /* of the remote samplers; NULL: the default */
    int remote_interval_ms;
    double remote_initial_rate;
    struct otel__config_list exporters;
    int bsp_max_queue_size;
    int bsp_max_export_batch_size; /* at most bsp_max_queue_size */
    int bsp_schedule_delay_ms;
    int bsp_export_timeout_ms; /* 0: no limit */
    char *otlp_endpoint;       /* valid URLs; of gRPC, what otel__grpc_target() takes */
    char *otlp_signal_endpoint;
    bool otlp_insecure;
    char *otlp_headers;     /* as written; parsed when the exporter is made */
    int otlp_timeout_ms;    /* 0: no limit */
    int otlp_protocol;      /* enum otel__config_protocol */
    int otlp_compression;   /* enum otel__config_compression */
    char *otlp_certificate; /* names of files, which are read when the exporter is made */
    char *otlp_client_key;
    char *otlp_client_certificate;
    int otlp_temporality; /* an otel_otlp_temporality */
    struct otel__config_list metrics_exporters;
    int metric_interval_ms;
    int metric_timeout_ms; /* 0: no limit */
    int exemplar_filter;   /* an otel_exemplar_filter */
    bool self_metrics;
    char *file_path; /* of the OTLP file exporter */
    int file_max_bytes;
    int file_max_age_ms;
    int file_kept;
    int file_sync; /* an otel_otlp_file_sync */
    int file_sync_interval_ms;
    char *zipkin_endpoint; /* a valid URL */
    int zipkin_timeout_ms; /* 0: no limit */
    int jaeger_protocol;   /* otel_jaeger_protocol */
    char *jaeger_endpoint; /* a valid URL; over gRPC, what otel__grpc_target() takes */
    int jaeger_timeout_ms; /* 0: no limit */
    char *jaeger_user;
    char *jaeger_password;
    char *jaeger_agent_host;
    int jaeger_agent_port;     /* 0: that of the protocol */
    char *prometheus_host;     /* NULL: memory is short */
    int prometheus_port;       /* 0: any that is free */
    int attribute_count_limit; /* of limits, which count if they have a source */
    int attribute_value_length_limit;
    int span_attribute_count_limit;
    int span_attribute_value_length_limit;
    int span_event_count_limit;
    int span_link_count_limit;
    int event_attribute_count_limit;
    int link_attribute_count_limit;

    const char *source[OTEL__CONFIG_COUNT]; /* the name of the variable that each came from; NULL: the default */
    bool out_of_memory;                     /* something was lost for want of memory */
    struct otel__config_problem *problems;  /* in the order in which they were found */
};

/*
 * Reads the variables through `get` (NULL: secure_getenv()): all, or those that `options` does not make needless, whose
 * members are 0 then. Overwrites `config`; undo with otel__config_free().
 */
void otel__config_load(struct otel__config *config, const otel_sdk_options *options,
                       const char *(*get)(const char *variable));
/* Reports what otel__config_load() found wrong. */
void otel__config_report(const struct otel__config *config);
void otel__config_free(struct otel__config *config);

/* The same for the variables of the signal's OTLP exporter only, without those that `options` makes needless. */
void otel__config_load_otlp(struct otel__config *config, enum otel__config_signal signal,
                            const otel_otlp_options *options);
/* And of the Zipkin exporter. */
void otel__config_load_zipkin(struct otel__config *config, const otel_zipkin_options *options);
/* And for those of the Jaeger exporter. */
void otel__config_load_jaeger(struct otel__config *config, const otel_jaeger_options *options);
void otel__config_load_prometheus(struct otel__config *config, const otel_prometheus_options *options);

/*
 * Replaces the zero members of `options` by the environment's values, or the defaults, and members that are out of
 * range by the defaults, and reports both. Afterwards 1 <= max_batch_size <= max_queue_size, schedule_delay_ms >= 0
 * and 0 means at once, export_timeout_ms is positive, OTEL_NO_TIMEOUT for none.
 */
void otel__config_batch_defaults(otel_batch_options *options);
/* The same of a periodic reader. Afterwards interval_ms is positive, and timeout_ms, or that is OTEL_NO_TIMEOUT. */
void otel__config_periodic_defaults(otel_periodic_options *options);

#endif
