/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_table.c - see config_table.h. A new variable needs a line here, a member of struct otel__config, and its
 * test.
 */
#include "config_table.h"

#include "base/str.h"

#include <limits.h>
#include <stdio.h>

#define MEMBER(name) offsetof(struct otel__config, name)
#define OPTION(id, ...) [OTEL__CONFIG_##id] = { __VA_ARGS__ }

/* The forms for one signal, which are stronger. */
#define OTLP_FORMS(name)                                                                                               \
    .specific = { [OTEL__SIGNAL_TRACES] = "OTEL_EXPORTER_OTLP_TRACES_" name,                                           \
                  [OTEL__SIGNAL_METRICS] = "OTEL_EXPORTER_OTLP_METRICS_" name }
#define OTLP_VARIABLES(name) .variable = "OTEL_EXPORTER_OTLP_" name, OTLP_FORMS(name)

static const char later[] = "not available in this version";

static const struct otel__config_choice log_levels[] = {
    { "trace", OTEL_LOG_TRACE, NULL },
    { "debug", OTEL_LOG_DEBUG, NULL },
    { "info", OTEL_LOG_INFO, NULL },
    { "warn", OTEL_LOG_WARN, NULL },
    { "error", OTEL_LOG_ERROR, NULL },
    { "none", OTEL_LOG_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice propagators[] = {
    { "tracecontext", OTEL__PROPAGATOR_TRACECONTEXT, NULL },
    { "baggage", OTEL__PROPAGATOR_BAGGAGE, NULL },
    { "b3", OTEL__PROPAGATOR_B3, NULL },
    { "b3multi", OTEL__PROPAGATOR_B3MULTI, NULL },
    { "jaeger", OTEL__PROPAGATOR_JAEGER, NULL },
    { "ottrace", OTEL__PROPAGATOR_OTTRACE, NULL },
    { "xray", OTEL__PROPAGATOR_XRAY, NULL },
    { "none", OTEL__CONFIG_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice samplers[] = {
    { "always_on", OTEL__SAMPLER_ALWAYS_ON, NULL },
    { "always_off", OTEL__SAMPLER_ALWAYS_OFF, NULL },
    { "traceidratio", OTEL__SAMPLER_RATIO, NULL },
    { "parentbased_always_on", OTEL__SAMPLER_PARENT_ALWAYS_ON, NULL },
    { "parentbased_always_off", OTEL__SAMPLER_PARENT_ALWAYS_OFF, NULL },
    { "parentbased_traceidratio", OTEL__SAMPLER_PARENT_RATIO, NULL },
    { "jaeger_remote", OTEL__SAMPLER_REMOTE, NULL },
    { "parentbased_jaeger_remote", OTEL__SAMPLER_PARENT_REMOTE, NULL },
    { "xray", 0, later },
    { NULL, 0, NULL },
};

static const struct otel__config_choice exporters[] = {
    { "otlp", OTEL__EXPORTER_OTLP, NULL },
    { "console", OTEL__EXPORTER_CONSOLE, NULL },
    { "otlp/stdout", OTEL__EXPORTER_OTLP_STDOUT, NULL },
    { "otlp_file", OTEL__EXPORTER_OTLP_FILE, NULL },
    { "zipkin", OTEL__EXPORTER_ZIPKIN, NULL },
    { "jaeger", OTEL__EXPORTER_JAEGER, NULL },
    { "none", OTEL__CONFIG_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice metrics_exporters[] = {
    { "otlp", OTEL__METRICS_OTLP, NULL },
    { "prometheus", OTEL__METRICS_PROMETHEUS, NULL },
    { "console", OTEL__METRICS_CONSOLE, NULL },
    { "none", OTEL__CONFIG_NONE, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice exemplar_filters[] = {
    { "trace_based", OTEL_EXEMPLARS_TRACE_BASED, NULL },
    { "always_off", OTEL_EXEMPLARS_ALWAYS_OFF, NULL },
    { "always_on", 0, later },
    { NULL, 0, NULL },
};

static const struct otel__config_choice temporalities[] = {
    { "cumulative", OTEL_OTLP_TEMPORALITY_CUMULATIVE, NULL },
    { "delta", OTEL_OTLP_TEMPORALITY_DELTA, NULL },
    { "lowmemory", OTEL_OTLP_TEMPORALITY_LOWMEMORY, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice file_syncs[] = {
    { "never", OTEL_OTLP_FILE_SYNC_NEVER, NULL },
    { "batch", OTEL_OTLP_FILE_SYNC_BATCH, NULL },
    { "interval", OTEL_OTLP_FILE_SYNC_INTERVAL, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice compressions[] = {
    { "none", OTEL__COMPRESSION_NONE, NULL },
    { "gzip", OTEL__COMPRESSION_GZIP, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice protocols[] = {
    { "http/protobuf", OTEL__PROTOCOL_HTTP_PROTOBUF, NULL },
    { "http/json", OTEL__PROTOCOL_HTTP_JSON, NULL },
    { "grpc", OTEL__PROTOCOL_GRPC, NULL },
    { NULL, 0, NULL },
};

static const struct otel__config_choice jaeger_protocols[] = {
    { "http/thrift.binary", OTEL_JAEGER_HTTP_THRIFT_BINARY, NULL },
    { "udp/thrift.compact", OTEL_JAEGER_UDP_THRIFT_COMPACT, NULL },
    { "udp/thrift.binary", OTEL_JAEGER_UDP_THRIFT_BINARY, NULL },
#ifdef OTEL__WITH_CURL
    { "grpc", OTEL_JAEGER_GRPC, NULL },
#else
    { "grpc", 0, "not in this build, which was made with OTEL_WITH_CURL=OFF" },
#endif
    { NULL, 0, NULL },
};

#define LIMIT(id, member, default_value, in_limits, text)                                                              \
    OPTION(id, .group = "Limits", .variable = "OTEL_" #id, .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(member),     \
           .fallback = default_value, .min = 0, .max = INT_MAX, .in_code = "otel_limits." in_limits,                   \
           .description = text)

const struct otel__config_option otel__config_options[OTEL__CONFIG_COUNT] = {
    OPTION(SDK_DISABLED, .group = "General", .variable = "OTEL_SDK_DISABLED", .type = OTEL__CONFIG_BOOLEAN,
           .offset = MEMBER(sdk_disabled), .fallback = "false", .in_code = "otel_sdk_options.disabled",
           .description =
               "Turns the SDK off: nothing is recorded. Propagators still work, so that traces pass through."),

    OPTION(LOG_LEVEL, .group = "General", .variable = "OTEL_LOG_LEVEL", .type = OTEL__CONFIG_CHOICE,
           .offset = MEMBER(log_level), .fallback = "info", .choices = log_levels,
           .in_code = "otel_sdk_options.log_level",
           .description = "The least level of the library's own messages that is written."),

    OPTION(STRICT, .group = "General", .variable = "OTEL_C_STRICT", .type = OTEL__CONFIG_BOOLEAN,
           .offset = MEMBER(strict), .fallback = "false", .in_code = "otel_sdk_options.strict",
           .description =
               "Strict mode, for staging: misuse of spans and scopes is reported as an error, with the place "
               "in the program that started the span."),

    OPTION(SERVICE_NAME, .group = "General", .variable = "OTEL_SERVICE_NAME", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(service_name), .in_code = "otel_sdk_options.service_name",
           .description =
               "The resource attribute `service.name`; without any, `unknown_service:` and the executable's name."),

    OPTION(RESOURCE_ATTRIBUTES, .group = "General", .variable = "OTEL_RESOURCE_ATTRIBUTES", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(resource_attributes), .in_code = "otel_sdk_options.resource",
           .description = "Further resource attributes, `key=value,key=value`. `,` and `=` in keys or values, and any "
                          "other byte, may be written as `%XX`. One mistake, and the whole variable is ignored."),

    OPTION(RESOURCE_DETECTORS, .group = "General", .variable = "OTEL_C_RESOURCE_DETECTORS", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(detectors), .in_code = "otel_sdk_options.detectors",
           .description = "What finds resource attributes: a list of `service`, `process`, `process_command_args`, "
                          "`host`, `os`, `container`, `k8s`, those that the program adds, `all` (without "
                          "`process_command_args`) and `none`. docs/resources.md tells what each finds."),

    OPTION(ENTITIES, .group = "General", .variable = "OTEL_ENTITIES", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(entities), .in_code = "otel_sdk_options.resource",
           .description = "Entities whose attributes become resource attributes, "
                          "`type{id=value,...}[description=value,...]@schema_url;...`. Weaker than "
                          "`OTEL_RESOURCE_ATTRIBUTES`. An entity with a mistake is left out."),

    OPTION(PROPAGATORS, .group = "General", .variable = "OTEL_PROPAGATORS", .type = OTEL__CONFIG_LIST,
           .offset = MEMBER(propagators), .fallback = "tracecontext,baggage", .choices = propagators,
           .in_code = "otel_sdk_options.propagators",
           .description = "The formats in which contexts travel between processes, in the order in which they are "
                          "asked: of several that find a parent the last one counts. `xray` needs libotel-xray linked "
                          "into the program; `jaeger` and `ottrace` are deprecated."),

    OPTION(SAMPLER, .group = "Sampling", .variable = "OTEL_TRACES_SAMPLER", .type = OTEL__CONFIG_CHOICE,
           .offset = MEMBER(sampler), .fallback = "parentbased_always_on", .choices = samplers,
           .in_code = "otel_sdk_options.sampler",
           .description = "Which spans are recorded. The `parentbased_` forms follow the parent's decision and decide "
                          "by their second half where there is no parent. `jaeger_remote` asks Jaeger."),

    OPTION(SAMPLER_ARG, .group = "Sampling", .variable = "OTEL_TRACES_SAMPLER_ARG", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(sampler_arg), .in_code = "otel_sampler_trace_id_ratio()",
           .description =
               "For the `traceidratio` samplers the share of traces, a number from 0 to 1, default 1. For the "
               "`jaeger_remote` samplers "
               "`endpoint=http://localhost:5778/sampling,pollingIntervalMs=60000,initialSamplingRate=0.001`, "
               "whose parts these are by default; docs/sampling.md tells more. The others take none, and that "
               "is reported. Read only when `OTEL_TRACES_SAMPLER` is set."),

    LIMIT(ATTRIBUTE_COUNT_LIMIT, attribute_count_limit, "128", "attribute_count", "Attributes of a span."),
    LIMIT(ATTRIBUTE_VALUE_LENGTH_LIMIT, attribute_value_length_limit, NULL, "attribute_value_length",
          "Characters of a string and bytes of a byte array, also inside of arrays and maps; without it there is no "
          "limit."),
    LIMIT(SPAN_ATTRIBUTE_COUNT_LIMIT, span_attribute_count_limit, NULL, "span_attribute_count",
          "Beats `OTEL_ATTRIBUTE_COUNT_LIMIT`."),
    LIMIT(SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, span_attribute_value_length_limit, NULL, "span_attribute_value_length",
          "Beats `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`."),
    LIMIT(SPAN_EVENT_COUNT_LIMIT, span_event_count_limit, "128", "event_count", "Events of a span."),
    LIMIT(SPAN_LINK_COUNT_LIMIT, span_link_count_limit, "128", "link_count", "Links of a span."),
    LIMIT(EVENT_ATTRIBUTE_COUNT_LIMIT, event_attribute_count_limit, "128", "event_attribute_count",
          "Attributes of each event."),
    LIMIT(LINK_ATTRIBUTE_COUNT_LIMIT, link_attribute_count_limit, "128", "link_attribute_count",
          "Attributes of each link."),

    OPTION(EXPORTER, .group = "Exporting", .variable = "OTEL_TRACES_EXPORTER", .type = OTEL__CONFIG_LIST,
           .offset = MEMBER(exporters), .fallback = "otlp", .choices = exporters,
           .in_code = "otel_sdk_options.processors",
           .description =
               "Where spans go. `otlp` sends in batches, `console` writes each span to standard output as "
               "it ends, as a line for people; `otlp/stdout` writes batches there, as lines of OTLP's JSON, "
               "and `otlp_file` to a file; `zipkin` sends to Zipkin, `jaeger` to Jaeger; `none` exports nothing."),

    OPTION(BSP_MAX_QUEUE_SIZE, .group = "Batch processor", .variable = "OTEL_BSP_MAX_QUEUE_SIZE",
           .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(bsp_max_queue_size), .fallback = "2048", .min = 1,
           .max = INT_MAX, .in_code = "otel_batch_options.max_queue_size",
           .description = "Spans that may wait or be under way; those that end beyond it are dropped and counted."),

    OPTION(BSP_MAX_EXPORT_BATCH_SIZE, .group = "Batch processor", .variable = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
           .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(bsp_max_export_batch_size), .fallback = "512", .min = 1,
           .max = INT_MAX, .in_code = "otel_batch_options.max_batch_size",
           .description =
               "Spans per export, at most the queue's size: a larger value is ignored, the default reduced."),

    OPTION(BSP_SCHEDULE_DELAY, .group = "Batch processor", .variable = "OTEL_BSP_SCHEDULE_DELAY",
           .type = OTEL__CONFIG_MILLISECONDS, .offset = MEMBER(bsp_schedule_delay_ms), .fallback = "5000", .min = 0,
           .max = INT_MAX, .in_code = "otel_batch_options.schedule_delay_ms",
           .description = "From the first waiting span to its export, unless a batch is full before."),

    OPTION(BSP_EXPORT_TIMEOUT, .group = "Batch processor", .variable = "OTEL_BSP_EXPORT_TIMEOUT",
           .type = OTEL__CONFIG_TIMEOUT, .offset = MEMBER(bsp_export_timeout_ms), .fallback = "30000", .min = 0,
           .max = INT_MAX, .in_code = "otel_batch_options.export_timeout_ms",
           .description = "Bound of one export. Without one the exporter's own bound holds."),

    OPTION(
        OTLP_PROTOCOL, .group = "OTLP exporter", OTLP_VARIABLES("PROTOCOL"), .type = OTEL__CONFIG_CHOICE,
        .offset = MEMBER(otlp_protocol), .fallback = "http/protobuf", .choices = protocols,
        .in_code = "otel_otlp_options.protocol",
        .description =
            "How spans are sent. `grpc` needs the library libotel-grpc, which is loaded when it is asked for; without "
            "it spans are sent as `http/protobuf`. Metrics always are, whatever this says."),

    OPTION(OTLP_ENDPOINT, .group = "OTLP exporter", .variable = "OTEL_EXPORTER_OTLP_ENDPOINT", .type = OTEL__CONFIG_URL,
           .offset = MEMBER(otlp_endpoint), .fallback = "http://localhost:4318",
           .fallback_over_grpc = "http://localhost:4317", .in_code = "otel_otlp_options.endpoint",
           .description =
               "The collector's base URL, to which `v1/traces` or `v1/metrics` is appended. Or its Unix socket: "
               "`unix:///run/otel.sock`, or `unix-abstract:name`. Over gRPC, where the default is "
               "http://localhost:4317, nothing is; and gRPC's own targets may be given too, such as "
               "`collector:4317`, or `dns:///collector:4317`."),

    OPTION(OTLP_SIGNAL_ENDPOINT, .group = "OTLP exporter", OTLP_FORMS("ENDPOINT"), .type = OTEL__CONFIG_URL,
           .offset = MEMBER(otlp_signal_endpoint),
           .in_code = "otel_otlp_options.traces_endpoint` or `.metrics_endpoint",
           .description = "The whole URL for traces, or that for metrics, used as it is; stronger than the base URL."),

    OPTION(OTLP_INSECURE, .group = "OTLP exporter", OTLP_VARIABLES("INSECURE"), .type = OTEL__CONFIG_BOOLEAN,
           .offset = MEMBER(otlp_insecure), .fallback = "false", .in_code = "otel_otlp_options.insecure",
           .description =
               "Over gRPC, whether endpoints that do not begin with http:// or https:// are spoken to without "
               "TLS."),

    OPTION(OTLP_HEADERS, .group = "OTLP exporter", OTLP_VARIABLES("HEADERS"), .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(otlp_headers), .in_code = "otel_otlp_options.headers",
           .description = "Headers of each request, `name=value,name=value`; any byte of a value may be written as "
                          "`%XX`. An item with a mistake is left out. Values never appear in messages."),

    OPTION(
        OTLP_TIMEOUT, .group = "OTLP exporter", OTLP_VARIABLES("TIMEOUT"), .type = OTEL__CONFIG_TIMEOUT,
        .offset = MEMBER(otlp_timeout_ms), .fallback = "10000", .min = 0, .max = INT_MAX,
        .in_code = "otel_otlp_options.timeout_ms",
        .description =
            "Bound of the export of one batch, with all attempts and the waits between them. Without one it is 60 s."),

    OPTION(OTLP_COMPRESSION, .group = "OTLP exporter", OTLP_VARIABLES("COMPRESSION"), .type = OTEL__CONFIG_CHOICE,
           .offset = MEMBER(otlp_compression), .fallback = "none", .choices = compressions,
           .in_code = "otel_otlp_options.compression", .description = "How requests are compressed."),

    OPTION(OTLP_CERTIFICATE, .group = "OTLP exporter", OTLP_VARIABLES("CERTIFICATE"), .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(otlp_certificate), .in_code = "otel_otlp_options.certificate_file",
           .description = "PEM file of the authorities to trust for https, instead of the system's. A file with a "
                          "mistake makes the exporter unusable, here and below."),

    OPTION(OTLP_CLIENT_KEY, .group = "OTLP exporter", OTLP_VARIABLES("CLIENT_KEY"), .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(otlp_client_key), .in_code = "otel_otlp_options.client_key_file",
           .description = "PEM file of this client's private key, without a password, for servers that ask who it is."),

    OPTION(OTLP_CLIENT_CERTIFICATE, .group = "OTLP exporter", OTLP_VARIABLES("CLIENT_CERTIFICATE"),
           .type = OTEL__CONFIG_TEXT, .offset = MEMBER(otlp_client_certificate),
           .in_code = "otel_otlp_options.client_certificate_file",
           .description = "PEM file of the certificate, or chain of them, to that key. A changed file counts from the "
                          "next handshake on."),

    OPTION(OTLP_TEMPORALITY, .group = "OTLP exporter", .variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
           .type = OTEL__CONFIG_CHOICE, .offset = MEMBER(otlp_temporality), .fallback = "cumulative",
           .choices = temporalities, .in_code = "otel_otlp_options.temporality",
           .description = "Of metrics, what each value counts from: `cumulative` from the start; `delta` from the last "
                          "export, for counters and histograms; `lowmemory` the same, but not for observed counters."),

    OPTION(FILE_PATH, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_PATH", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(file_path), .fallback = "traces.jsonl", .in_code = "otel_otlp_file_options.path",
           .description = "The file that `otlp_file` appends to. It is made if need be; its folder is not."),

    OPTION(FILE_MAX_BYTES, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_MAX_BYTES",
           .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(file_max_bytes), .fallback = "0", .min = 0, .max = INT_MAX,
           .in_code = "otel_otlp_file_options.max_bytes",
           .description = "The file is replaced by a new one before it gets larger; 0: it grows."),

    OPTION(FILE_MAX_AGE, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_MAX_AGE",
           .type = OTEL__CONFIG_TIMEOUT, .offset = MEMBER(file_max_age_ms), .fallback = "0", .min = 0, .max = INT_MAX,
           .in_code = "otel_otlp_file_options.max_age_ms",
           .description = "The file is replaced by a new one, with the next line, once it has been there for longer."),

    OPTION(FILE_KEPT, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_KEPT", .type = OTEL__CONFIG_INTEGER,
           .offset = MEMBER(file_kept), .fallback = "4", .min = 1, .max = 1000,
           .in_code = "otel_otlp_file_options.kept_files",
           .description = "How many replaced files are kept, `traces.1.jsonl` being the last one."),

    OPTION(FILE_SYNC, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_SYNC", .type = OTEL__CONFIG_CHOICE,
           .offset = MEMBER(file_sync), .fallback = "never", .choices = file_syncs,
           .in_code = "otel_otlp_file_options.sync",
           .description = "When lines are brought to the disk, where they survive a crash of the machine: with every "
                          "batch, with the first one after an interval, or when the system thinks fit."),

    OPTION(FILE_SYNC_INTERVAL, .group = "OTLP file exporter", .variable = "OTEL_C_OTLP_FILE_SYNC_INTERVAL",
           .type = OTEL__CONFIG_MILLISECONDS, .offset = MEMBER(file_sync_interval_ms), .fallback = "1000", .min = 1,
           .max = INT_MAX, .in_code = "otel_otlp_file_options.sync_interval_ms", .description = "That interval."),

    OPTION(ZIPKIN_ENDPOINT, .group = "Zipkin exporter", .variable = "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
           .type = OTEL__CONFIG_URL, .offset = MEMBER(zipkin_endpoint),
           .fallback = "http://localhost:9411/api/v2/spans", .in_code = "otel_zipkin_options.endpoint",
           .description = "The whole URL to which spans are sent, used as it is."),

    OPTION(ZIPKIN_TIMEOUT, .group = "Zipkin exporter", .variable = "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
           .type = OTEL__CONFIG_TIMEOUT, .offset = MEMBER(zipkin_timeout_ms), .fallback = "10000", .min = 0,
           .max = INT_MAX, .in_code = "otel_zipkin_options.timeout_ms",
           .description = "Bound of the export of one batch, with all attempts and the waits between them. Without one "
                          "it is 60 s."),

    OPTION(JAEGER_PROTOCOL, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_PROTOCOL",
           .type = OTEL__CONFIG_CHOICE, .offset = MEMBER(jaeger_protocol), .fallback = "http/thrift.binary",
           .choices = jaeger_protocols, .in_code = "otel_jaeger_options.protocol",
           .description =
               "How spans reach Jaeger: a collector, by HTTP or gRPC, or an agent, by UDP. Jaeger takes OTLP, "
               "too, which is the better choice where there is one: docs/jaeger.md."),

    OPTION(JAEGER_ENDPOINT, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_ENDPOINT",
           .type = OTEL__CONFIG_URL, .offset = MEMBER(jaeger_endpoint), .fallback = "http://localhost:14268/api/traces",
           .fallback_over_grpc = "http://localhost:14250", .in_code = "otel_jaeger_options.endpoint",
           .description = "The collector's whole URL, used as it is. Over gRPC only its host and port count, which are "
                          "`http://localhost:14250` by default."),

    OPTION(JAEGER_TIMEOUT, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_TIMEOUT",
           .type = OTEL__CONFIG_TIMEOUT, .offset = MEMBER(jaeger_timeout_ms), .fallback = "10000", .min = 0,
           .max = INT_MAX, .in_code = "otel_jaeger_options.timeout_ms",
           .description = "Bound of the export of one batch. Without one it is 60 s."),

    OPTION(JAEGER_USER, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_USER", .type = OTEL__CONFIG_TEXT,
           .offset = MEMBER(jaeger_user), .in_code = "otel_jaeger_options.user",
           .description = "For basic authentication, over HTTP and gRPC, together with the password."),

    OPTION(JAEGER_PASSWORD, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_PASSWORD",
           .type = OTEL__CONFIG_TEXT, .offset = MEMBER(jaeger_password), .in_code = "otel_jaeger_options.password",
           .description = "Never appears in messages."),

    OPTION(JAEGER_AGENT_HOST, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_AGENT_HOST",
           .type = OTEL__CONFIG_TEXT, .offset = MEMBER(jaeger_agent_host), .fallback = "localhost",
           .in_code = "otel_jaeger_options.agent_host",
           .description = "The agent's host, for the protocols over UDP: a name or an address."),

    OPTION(JAEGER_AGENT_PORT, .group = "Jaeger exporter", .variable = "OTEL_EXPORTER_JAEGER_AGENT_PORT",
           .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(jaeger_agent_port), .min = 1, .max = 65535,
           .in_code = "otel_jaeger_options.agent_port",
           .description = "Its port; without one 6831 for `udp/thrift.compact` and 6832 for `udp/thrift.binary`."),

    OPTION(METRICS_EXPORTER, .group = "Metrics", .variable = "OTEL_METRICS_EXPORTER", .type = OTEL__CONFIG_LIST,
           .offset = MEMBER(metrics_exporters), .fallback = "otlp", .choices = metrics_exporters,
           .in_code = "otel_metrics_options.readers",
           .description = "Where metrics go. `otlp` sends them at an interval, by OTLP over HTTP, `prometheus` opens a "
                          "port for Prometheus, `console` writes them to standard output at an interval, as lines for "
                          "people; `none` exports nothing. Nothing is sent, and no thread begins, before the program "
                          "uses an instrument."),

    OPTION(METRIC_EXPORT_INTERVAL, .group = "Metrics", .variable = "OTEL_METRIC_EXPORT_INTERVAL",
           .type = OTEL__CONFIG_MILLISECONDS, .offset = MEMBER(metric_interval_ms), .fallback = "60000", .min = 1,
           .max = INT_MAX, .in_code = "otel_periodic_options.interval_ms",
           .description = "Between two exports of `otlp` or `console`."),

    OPTION(METRIC_EXPORT_TIMEOUT, .group = "Metrics", .variable = "OTEL_METRIC_EXPORT_TIMEOUT",
           .type = OTEL__CONFIG_TIMEOUT, .offset = MEMBER(metric_timeout_ms), .fallback = "30000", .min = 0,
           .max = INT_MAX, .in_code = "otel_periodic_options.timeout_ms",
           .description = "Bound of one export. Without one the exporter's own bound holds."),

    OPTION(EXEMPLAR_FILTER, .group = "Metrics", .variable = "OTEL_METRICS_EXEMPLAR_FILTER", .type = OTEL__CONFIG_CHOICE,
           .offset = MEMBER(exemplar_filter), .fallback = "trace_based", .choices = exemplar_filters,
           .in_code = "otel_metrics_options.exemplars",
           .description = "Which measurements are kept as examples, with the ids of their spans: those made within "
                          "sampled spans, or none."),

    OPTION(SELF_METRICS, .group = "Metrics", .variable = "OTEL_C_SELF_METRICS", .type = OTEL__CONFIG_BOOLEAN,
           .offset = MEMBER(self_metrics), .fallback = "false", .in_code = "otel_metrics_options.self",
           .description = "Whether the SDK measures itself: spans, queues and exports, as `otel.sdk.*`."),

    OPTION(PROMETHEUS_HOST, .group = "Prometheus", .variable = "OTEL_EXPORTER_PROMETHEUS_HOST",
           .type = OTEL__CONFIG_TEXT, .offset = MEMBER(prometheus_host), .fallback = "localhost",
           .in_code = "otel_prometheus_options.host",
           .description = "Where Prometheus finds the metrics: a name or an address of this machine. `localhost` is "
                          "`127.0.0.1` and `::1`; `0.0.0.0` or `::` is all of the machine's addresses."),

    OPTION(PROMETHEUS_PORT, .group = "Prometheus", .variable = "OTEL_EXPORTER_PROMETHEUS_PORT",
           .type = OTEL__CONFIG_INTEGER, .offset = MEMBER(prometheus_port), .fallback = "9464", .min = 0, .max = 65535,
           .in_code = "otel_prometheus_options.port", .description = "The port; 0: any that is free."),
};

bool otel__config_over_grpc(const struct otel__config *config, const struct otel__config_option *option) {
    switch (option - otel__config_options) {
    case OTEL__CONFIG_OTLP_ENDPOINT:
    case OTEL__CONFIG_OTLP_SIGNAL_ENDPOINT:
        return config->otlp_protocol == OTEL__PROTOCOL_GRPC;
    case OTEL__CONFIG_JAEGER_ENDPOINT:
        return config->jaeger_protocol == OTEL_JAEGER_GRPC;
    default:
        return false;
    }
}

const struct otel__config_choice *otel__config_choice_find(const struct otel__config_option *option, otel_str text) {
    for (const struct otel__config_choice *choice = option->choices; choice && choice->name; choice++)
        if (otel__str_is(text, choice->name))
            return choice;
    return NULL;
}

static void list_choices(const struct otel__config_option *option, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "%s", option->type == OTEL__CONFIG_LIST ? "a list of" : "one of");
    const char *separator = " ";
    for (const struct otel__config_choice *choice = option->choices; choice->name && used < size; choice++) {
        if (choice->unavailable)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", separator, choice->name);
        separator = ", ";
    }
}

void otel__config_expected(const struct otel__config_option *option, char *out, size_t size) {
    switch (option->type) {
    case OTEL__CONFIG_TEXT:
        snprintf(out, size, "text");
        break;
    case OTEL__CONFIG_URL:
        snprintf(out, size, "an http://, https:// or unix: URL");
        break;
    case OTEL__CONFIG_BOOLEAN:
        snprintf(out, size, "true or false");
        break;
    case OTEL__CONFIG_INTEGER:
        snprintf(out, size, "a whole number from %d to %d", option->min, option->max);
        break;
    case OTEL__CONFIG_MILLISECONDS:
    case OTEL__CONFIG_TIMEOUT:
        snprintf(out, size, "a whole number of milliseconds from %d to %d%s", option->min, option->max,
                 option->type == OTEL__CONFIG_TIMEOUT ? " (0: no limit)" : "");
        break;
    case OTEL__CONFIG_CHOICE:
    case OTEL__CONFIG_LIST:
        list_choices(option, out, size);
        break;
    }
}
