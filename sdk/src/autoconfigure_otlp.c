/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoconfigure_otlp.c - settles the settings of the OTLP exporters: code, then environment, then defaults.
 */
#include "autoconfigure.h"

#include "diagnostics.h"
#include "common/made.h"
#include "options.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "autoconfigure_endpoint.h"
#include "autoconfigure_grpc.h"
#include "autoconfigure_headers.h"
#include "autoconfigure_metrics.h"
#include "autoconfigure_tls.h"
#include "base/url.h"
#include "otlp/otlp_http.h"
#include <stdlib.h>
#endif

static otel_otlp_options read_options(const otel_otlp_options *options) {
    otel_otlp_options known = { .size = sizeof known };
    if (options)
        known = *(const otel_otlp_options *)otel__options_fit(options, sizeof known, &known);
    return known;
}

otel_exporter *otel_otlp_exporter(const otel_otlp_options *options) {
    const otel_otlp_options known = read_options(options);
    struct otel__config config;
    otel__config_load_otlp(&config, OTEL__SIGNAL_TRACES, &known);
    otel__config_report(&config);
    otel_error reason = { "" };
    otel_exporter *exporter = otel__otlp_exporter(&known, &config, &reason);
    otel__config_free(&config);
    return otel__made(exporter, "OTLP", &reason, known.error);
}

otel_metric_exporter *otel_otlp_metric_exporter(const otel_otlp_options *options) {
    const otel_otlp_options known = read_options(options);
    struct otel__config config;
    otel__config_load_otlp(&config, OTEL__SIGNAL_METRICS, &known);
    otel__config_report(&config);
    otel_error reason = { "" };
    otel_metric_exporter_ops ops;
    void *self = otel__otlp_metrics(&known, &config, &ops, &reason);
    otel__config_free(&config);
    otel__made_note(self != NULL, "OTLP metric", &reason, known.error);
    return self ? otel_metric_exporter_create(&ops, self) : NULL;
}

static bool fail(otel_error *error, const char *what, const char *why) {
    if (error)
        snprintf(error->text, sizeof error->text, "%s%s%.200s", what, *what ? ": " : "", why);
    return false;
}

#ifndef OTEL__WITH_CURL

static const char without_curl[] =
    "this build has no exporter that sends over HTTP: it was made with OTEL_WITH_CURL=OFF";

otel_exporter *otel__otlp_exporter(const otel_otlp_options *options, const struct otel__config *config,
                                   otel_error *error) {
    (void)options;
    (void)config;
    fail(error, "", without_curl);
    return NULL;
}

void *otel__otlp_metrics(const otel_otlp_options *options, const struct otel__config *config,
                         otel_metric_exporter_ops *ops, otel_error *error) {
    (void)options;
    (void)config;
    (void)ops;
    fail(error, "", without_curl);
    return NULL;
}

#else

/* ---- the URL ---------------------------------------------------------------------------------------------------- */

/* The URL of the signal's requests, to be freed; NULL: `error` says why. */
static char *settle_url(const otel_otlp_options *options, const struct otel__config *config, otel_error *error) {
    const bool metrics = config->signal == OTEL__SIGNAL_METRICS;
    const char *whole = metrics ? options->metrics_endpoint : options->traces_endpoint;
    const char *member = metrics ? "otel_otlp_options.metrics_endpoint" : "otel_otlp_options.traces_endpoint";
    if (!otel__endpoint_check(whole, member, error) ||
        !otel__endpoint_check(options->endpoint, "otel_otlp_options.endpoint", error))
        return NULL;
    bool in_code = whole || options->endpoint;
    char *url = otel__otlp_url(in_code ? options->endpoint : config->otlp_endpoint,
                               in_code ? whole : config->otlp_signal_endpoint, metrics ? "/v1/metrics" : "/v1/traces");
    if (!url)
        fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    return url;
}

/* ---- gRPC ------------------------------------------------------------------------------------------------------- */

/* False: `error` says why. Values from the environment have been checked. */
static bool settle_target(const otel_otlp_options *options, const struct otel__config *config,
                          struct otel__grpc_settings *settings, otel_error *error) {
    const char *const given[] = { options->traces_endpoint, options->endpoint, config->otlp_signal_endpoint,
                                  config->otlp_endpoint };
    size_t i = 0;
    while (!given[i])
        i++;
    settings->endpoint = given[i];
    const char *problem = otel__grpc_target(given[i], OTEL__GRPC_OTLP_PORT, options->insecure || config->otlp_insecure,
                                            &settings->target);
    if (problem)
        return fail(error, i == 0 ? "otel_otlp_options.traces_endpoint" : "otel_otlp_options.endpoint", problem);
    char shown[256];
    otel__url_show(given[i], shown, sizeof shown);
    if (settings->target.ignored)
        otel_report(OTEL_LOG_WARN, "otlp.grpc.endpoint", "gRPC has no use for the %s in the endpoint %s",
                    settings->target.ignored, shown);
    return true;
}

/* What is not fit for HTTP, or is there by default, gives way to HTTP's default. */
static char *endpoint_over_http(char *endpoint, const char *variable, char *otherwise) {
    struct otel__url url;
    if (!endpoint || !variable)
        return otherwise;
    const char *problem = otel__url_parse(endpoint, &url);
    if (problem)
        otel_report(OTEL_LOG_WARN, variable, "%s is ignored, as it is for gRPC: %s", variable, problem);
    return problem ? otherwise : endpoint;
}

/* Where gRPC cannot be had and the environment asks for it, HTTP has to do; `over_http` is not to be freed. */
static void make_do(const struct otel__config *config, struct otel__config *over_http) {
    static char usual[] = "http://localhost:4318";
    *over_http = *config;
    over_http->otlp_protocol = OTEL__PROTOCOL_HTTP_PROTOBUF;
    over_http->otlp_endpoint =
        endpoint_over_http(config->otlp_endpoint, config->source[OTEL__CONFIG_OTLP_ENDPOINT], usual);
    over_http->otlp_signal_endpoint =
        endpoint_over_http(config->otlp_signal_endpoint, config->source[OTEL__CONFIG_OTLP_SIGNAL_ENDPOINT], NULL);
}

/* ---- the headers ------------------------------------------------------------------------------------------------ */

/* False: `error` says why. The list is to be freed either way. */
static bool settle_headers(const otel_otlp_options *options, const struct otel__config *config,
                           struct otel__headers *headers, otel_error *error) {
    const char *const text = options->headers ? options->headers : config->otlp_headers;
    const char *const variable = config->source[OTEL__CONFIG_OTLP_HEADERS];
    if (!otel__headers_read(headers, text))
        return fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    if (!headers->problems[0])
        return true;
    if (options->headers)
        return fail(error, "otel_otlp_options.headers", headers->problems);
    otel_report(OTEL_LOG_WARN, variable, "%s: %s; left out", variable, headers->problems);
    return true;
}

/* ---- TLS -------------------------------------------------------------------------------------------------------- */

static struct otel__tls_file settle_file(const char *in_code, const char *member, const char *in_environment,
                                         const char *variable) {
    if (in_code)
        return (struct otel__tls_file){ .path = in_code, .setting = member };
    return (struct otel__tls_file){ .path = in_environment, .setting = variable };
}

/* False: nothing is set, or there is no use for it, which is reported. */
static bool settle_tls(const otel_otlp_options *options, const struct otel__config *config, bool encrypted,
                       struct otel__tls_settings *tls) {
    tls->files[OTEL__TLS_TRUST] = settle_file(options->certificate_file, "otel_otlp_options.certificate_file",
                                              config->otlp_certificate, config->source[OTEL__CONFIG_OTLP_CERTIFICATE]);
    tls->files[OTEL__TLS_KEY] = settle_file(options->client_key_file, "otel_otlp_options.client_key_file",
                                            config->otlp_client_key, config->source[OTEL__CONFIG_OTLP_CLIENT_KEY]);
    tls->files[OTEL__TLS_CERTIFICATE] =
        settle_file(options->client_certificate_file, "otel_otlp_options.client_certificate_file",
                    config->otlp_client_certificate, config->source[OTEL__CONFIG_OTLP_CLIENT_CERTIFICATE]);
    const bool insecure = options->insecure || config->otlp_insecure;
    const char *plaintext = encrypted ? NULL : insecure ? "is insecure" : "does not begin with https://";
    return otel__tls_of_use(tls, plaintext, "otlp_tls");
}

/* ---- protocol and compression ------------------------------------------------------------------------------------ */

/* One of `most`, counted from 1 in code, where 0 leaves it to the environment, and from 0 there. */
static bool settle_choice(int given, int in_environment, int most, const char *what, int *choice, otel_error *error) {
    *choice = given == 0 ? in_environment + 1 : given;
    if (given >= 0 && given <= most)
        return true;
    char member[64], problem[64];
    snprintf(member, sizeof member, "otel_otlp_options.%s", what);
    snprintf(problem, sizeof problem, "%d is no otel_otlp_%s", given, what);
    return fail(error, member, problem);
}
_Static_assert(OTEL_OTLP_GRPC == OTEL__PROTOCOL_GRPC + 1 && OTEL_OTLP_HTTP_JSON == OTEL__PROTOCOL_HTTP_JSON + 1 &&
                   OTEL_OTLP_COMPRESSION_GZIP == OTEL__COMPRESSION_GZIP + 1,
               "settle_choice() counts on it");

/* ---- together --------------------------------------------------------------------------------------------------- */

static int settle_timeout(const otel_otlp_options *options, const struct otel__config *config) {
    const int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : config->otlp_timeout_ms;
    return timeout_ms == OTEL_NO_TIMEOUT ? 0 : timeout_ms;
}

/* False: `error` says why. */
static bool settle_retry(const otel_otlp_options *options, struct otel__retry_policy *policy, otel_error *error) {
    if (options->initial_backoff_ms < 0)
        return fail(error, "otel_otlp_options.initial_backoff_ms", "it is negative");
    if (options->max_backoff_ms < 0)
        return fail(error, "otel_otlp_options.max_backoff_ms", "it is negative");
    policy->initial_ms = (unsigned)options->initial_backoff_ms;
    policy->max_ms = (unsigned)options->max_backoff_ms;
    policy->disabled = options->retry_disabled;
    const char *problem = otel__retry_policy_problem(policy);
    return !problem || fail(error, "otel_otlp_options", problem);
}

static bool check_concurrency(const otel_otlp_options *options, otel_error *error) {
    _Static_assert(OTEL__HTTP_LANES_MAX == 16, "the message says so");
    return options->max_concurrent_requests <= OTEL__HTTP_LANES_MAX ||
           fail(error, "otel_otlp_options.max_concurrent_requests", "it is more than 16");
}

/* What both ways of sending need. The headers are to be freed. */
struct settled {
    const otel_otlp_options *options;
    const struct otel__config *config;
    int protocol, compression;
    struct otel__retry_policy retry;
    struct otel__headers headers;
};

static const char *prefix(const otel_otlp_options *options) {
    return options->user_agent && *options->user_agent ? options->user_agent : NULL;
}

/* False: `error` says why. The URL is to be freed. */
static bool settle_http(const struct settled *settled, struct otel__tls_settings *tls,
                        struct otel__otlp_http_settings *http, char **url, otel_error *error) {
    *url = settle_url(settled->options, settled->config, error);
    if (!*url)
        return false;
    struct otel__url parts;
    otel__url_parse(*url, &parts);
    *http = (struct otel__otlp_http_settings){
        .url = *url,
        .json = settled->protocol == OTEL_OTLP_HTTP_JSON,
        .gzip = settled->compression == OTEL_OTLP_COMPRESSION_GZIP,
        .request_max = settled->options->max_request_bytes,
        .response_max = settled->options->max_response_bytes,
        .concurrent = settled->options->max_concurrent_requests,
        .headers = settled->headers.items,
        .header_count = settled->headers.count,
        .timeout_ms = settle_timeout(settled->options, settled->config),
        .retry = settled->retry,
        .tls = settle_tls(settled->options, settled->config, parts.https, tls) ? tls : NULL,
        .user_agent_prefix = prefix(settled->options),
    };
    return true;
}

static otel_exporter *make_http(const struct settled *settled, otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    struct otel__otlp_http_settings http;
    char *url;
    if (!settle_http(settled, &tls, &http, &url, error))
        return NULL;
    otel_exporter *exporter = otel__otlp_http_create(&http, error);
    free(url);
    return exporter;
}

static otel_exporter *make_grpc(const struct settled *settled, const struct otel__grpc_exporters *grpc,
                                otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    otel_error reason = { "out of memory" };
    struct otel__grpc_settings settings = {
        .gzip = settled->compression == OTEL_OTLP_COMPRESSION_GZIP,
        .request_max = settled->options->max_request_bytes,
        .response_max = settled->options->max_response_bytes,
        .headers = settled->headers.items,
        .header_count = settled->headers.count,
        .timeout_ms = settle_timeout(settled->options, settled->config),
        .retry = settled->retry,
        .user_agent_prefix = prefix(settled->options),
    };
    if (!settle_target(settled->options, settled->config, &settings, error))
        return NULL;
    settings.tls = settle_tls(settled->options, settled->config, settings.target.tls, &tls) ? &tls : NULL;
    otel_exporter *exporter = grpc->otlp(&settings, &reason);
    if (!exporter)
        fail(error, "", reason.text);
    return exporter;
}

/* Whether gRPC is wanted and to be had. False with a protocol of gRPC in code: `error` says why. */
static bool settle_grpc(struct settled *settled, struct otel__config *over_http,
                        const struct otel__grpc_exporters **grpc, otel_error *error) {
    otel_error why;
    *grpc = NULL;
    if (settled->protocol != OTEL_OTLP_GRPC)
        return true;
    *grpc = otel__grpc_library(&why);
    if (*grpc)
        return true;
    if (settled->options->protocol)
        return fail(error, "otel_otlp_options.protocol", why.text);
    const char *variable = settled->config->source[OTEL__CONFIG_OTLP_PROTOCOL];
    make_do(settled->config, over_http);
    otel_report(OTEL_LOG_WARN, variable, "%s=grpc: %s; using http/protobuf, which is another port of most collectors",
                variable, why.text);
    settled->config = over_http;
    settled->protocol = OTEL_OTLP_HTTP_PROTOBUF;
    return true;
}

otel_exporter *otel__otlp_exporter(const otel_otlp_options *options, const struct otel__config *config,
                                   otel_error *error) {
    static const otel_otlp_options none = { .size = sizeof none };
    options = options ? options : &none;
    struct settled settled = { .options = options, .config = config };
    struct otel__config over_http;
    const struct otel__grpc_exporters *grpc;
    otel_exporter *exporter = NULL;
    if (!settle_choice(options->protocol, config->otlp_protocol, 3, "protocol", &settled.protocol, error) ||
        !settle_choice(options->compression, config->otlp_compression, 2, "compression", &settled.compression, error) ||
        !settle_grpc(&settled, &over_http, &grpc, error) || !settle_retry(options, &settled.retry, error) ||
        !check_concurrency(options, error))
        return NULL;
    settled.headers.grpc = grpc;
    if (settle_headers(options, settled.config, &settled.headers, error))
        exporter = grpc ? make_grpc(&settled, grpc, error) : make_http(&settled, error);
    otel__headers_free(&settled.headers);
    return exporter;
}

/* ---- metrics ---------------------------------------------------------------------------------------------------- */

/* Metrics go by http/protobuf. False: code asks for something else, and `error` says so. */
static bool settle_metrics_protocol(struct settled *settled, struct otel__config *over_http, otel_error *error) {
    const char *variable = settled->config->source[OTEL__CONFIG_OTLP_PROTOCOL];
    if (settled->options->protocol && settled->options->protocol != OTEL_OTLP_HTTP_PROTOBUF)
        return fail(error, "otel_otlp_options.protocol", "metrics are sent as http/protobuf only");
    if (settled->protocol == OTEL_OTLP_HTTP_PROTOBUF)
        return true;
    const bool grpc = settled->protocol == OTEL_OTLP_GRPC;
    if (grpc)
        make_do(settled->config, over_http);
    settled->config = grpc ? over_http : settled->config;
    settled->protocol = OTEL_OTLP_HTTP_PROTOBUF;
    otel_report(OTEL_LOG_WARN, "otlp.metrics.protocol", "%s=%s: metrics are sent as http/protobuf%s", variable,
                grpc ? "grpc" : "http/json", grpc ? ", which is another port of most collectors" : "");
    return true;
}

static void *make_metrics(const struct settled *settled, otel_metric_exporter_ops *ops, otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    struct otel__otlp_http_settings http;
    char *url;
    const int preference =
        settled->options->temporality ? settled->options->temporality : settled->config->otlp_temporality;
    if (!settle_http(settled, &tls, &http, &url, error))
        return NULL;
    http.temporality = otel__otlp_temporality(preference);
    void *exporter = otel__otlp_http_metrics_create(&http, ops, error);
    free(url);
    return exporter;
}

void *otel__otlp_metrics(const otel_otlp_options *options, const struct otel__config *config,
                         otel_metric_exporter_ops *ops, otel_error *error) {
    struct settled settled = { .options = options, .config = config };
    struct otel__config over_http;
    void *exporter = NULL;
    if (options->temporality < 0 || options->temporality > OTEL_OTLP_TEMPORALITY_LOWMEMORY) {
        fail(error, "otel_otlp_options.temporality", "it is no otel_otlp_temporality");
        return NULL;
    }
    if (!settle_choice(options->protocol, config->otlp_protocol, 3, "protocol", &settled.protocol, error) ||
        !settle_choice(options->compression, config->otlp_compression, 2, "compression", &settled.compression, error) ||
        !settle_metrics_protocol(&settled, &over_http, error) || !settle_retry(options, &settled.retry, error) ||
        !check_concurrency(options, error))
        return NULL;
    if (settle_headers(options, settled.config, &settled.headers, error))
        exporter = make_metrics(&settled, ops, error);
    otel__headers_free(&settled.headers);
    return exporter;
}

#endif
