/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_remote.c - settles the options of samplers that ask Jaeger, and how it is asked. */
#include "autoconfigure.h"

#include "diagnostics.h"
#include "options.h"
#include "sampler_remote.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "autoconfigure_endpoint.h"
#include "autoconfigure_grpc.h"
#include "autoconfigure_headers.h"
#include "base/clock.h"
#include "base/url.h"
#include "jaeger/strategy_http.h"
#endif

otel_sampler *otel_sampler_jaeger_remote(const otel_jaeger_remote_options *options) {
    otel_jaeger_remote_options known = { .size = sizeof known };
    otel_error reason = { "" };
    if (options)
        known = *(const otel_jaeger_remote_options *)otel__options_fit(options, sizeof known, &known);
    otel_sampler *sampler = otel__jaeger_remote(&known, &reason);
    if (known.error)
        *known.error = reason;
    if (!sampler)
        otel_report(OTEL_LOG_ERROR, "sampler/jaeger_remote",
                    "the jaeger_remote sampler cannot be used, nothing is sampled: %s", reason.text);
    return sampler ? sampler : otel_sampler_always_off();
}

static bool fail(otel_error *error, const char *what, const char *why) {
    snprintf(error->text, sizeof error->text, "%s%s%.200s", what, *what ? ": " : "", why);
    return false;
}

#ifndef OTEL__WITH_CURL

otel_sampler *otel__jaeger_remote(const otel_jaeger_remote_options *options, otel_error *error) {
    otel_sampler_destroy(options->initial);
    fail(error, "", "this build cannot ask Jaeger: it was made with OTEL_WITH_CURL=OFF");
    return NULL;
}

#else

static const char usual_endpoint[] = "http://localhost:5778/sampling";
enum { GRPC_PORT = 5779, TIMEOUT_MS = 10000, NAMES = 256, NAMES_WITHOUT_LIMIT = 2000, NAMES_MAX = 65536 };

/* ---- where and how ----------------------------------------------------------------------------------------------- */

static const char *endpoint_of(const otel_jaeger_remote_options *options) {
    return options->endpoint ? options->endpoint : usual_endpoint;
}

/* A URL with a path is for HTTP, unless the protocol is given. */
static bool wants_http(const otel_jaeger_remote_options *options) {
    struct otel__url url;
    if (options->protocol)
        return options->protocol == OTEL_JAEGER_REMOTE_HTTP;
    return !otel__url_parse(endpoint_of(options), &url) && (url.path.len > 1 || url.tail.len > 0);
}

static bool check(const otel_jaeger_remote_options *options, otel_error *error) {
    if (options->protocol < 0 || options->protocol > OTEL_JAEGER_REMOTE_GRPC)
        return fail(error, "otel_jaeger_remote_options.protocol", "it is no otel_jaeger_remote_protocol");
    if (options->polling_interval_ms < 0)
        return fail(error, "otel_jaeger_remote_options.polling_interval_ms", "it is negative");
    if (options->timeout_ms < 0)
        return fail(error, "otel_jaeger_remote_options.timeout_ms", "it is negative");
    if (options->max_operations > NAMES_MAX)
        return fail(error, "otel_jaeger_remote_options.max_operations", "it is more than 65536");
    return true;
}

/* False: `error` says why. */
static bool settle_headers(const otel_jaeger_remote_options *options, struct otel__headers *headers,
                           otel_error *error) {
    if (!otel__headers_read(headers, options->headers))
        return fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    return !headers->problems[0] || fail(error, "otel_jaeger_remote_options.headers", headers->problems);
}

/* NULL: nothing is set, or there is no use for it, which is reported. */
static const struct otel__tls_settings *settle_tls(const otel_jaeger_remote_options *options, bool encrypted,
                                                   struct otel__tls_settings *tls) {
    const char *unused = NULL;
    tls->files[OTEL__TLS_TRUST] =
        (struct otel__tls_file){ options->certificate_file, "otel_jaeger_remote_options.certificate_file" };
    tls->files[OTEL__TLS_KEY] =
        (struct otel__tls_file){ options->client_key_file, "otel_jaeger_remote_options.client_key_file" };
    tls->files[OTEL__TLS_CERTIFICATE] = (struct otel__tls_file){ options->client_certificate_file,
                                                                 "otel_jaeger_remote_options.client_certificate_file" };
    for (size_t i = OTEL__TLS_ROLES; i-- > 0;)
        unused = tls->files[i].path ? tls->files[i].setting : unused;
    if (unused && !encrypted)
        otel_report(OTEL_LOG_WARN, "sampling/tls", "%s is of no use: nothing is encrypted on the way to the endpoint",
                    unused);
    return unused && encrypted ? tls : NULL;
}

/* ---- the source -------------------------------------------------------------------------------------------------- */

static bool make_http(const otel_jaeger_remote_options *options, const struct otel__headers *headers,
                      struct otel__strategy_source *source, otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    const char *endpoint = endpoint_of(options), *problem = otel__strategy_http_problem(endpoint);
    struct otel__url url;
    if (problem)
        return otel__endpoint_fails(endpoint, "the endpoint", problem, error);
    otel__url_parse(endpoint, &url);
    if (url.port == GRPC_PORT)
        otel_report(OTEL_LOG_WARN, "sampling/port",
                    "the endpoint of the jaeger_remote sampler has a path, which asks over HTTP, and Jaeger's port for "
                    "gRPC: leave the path out, or use port 5778");
    return otel__strategy_http(endpoint, headers->items, headers->count, settle_tls(options, url.https, &tls), source,
                               error);
}

static bool make_grpc(const otel_jaeger_remote_options *options, const struct otel__headers *headers,
                      struct otel__strategy_source *source, otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    struct otel__grpc_settings settings = { .endpoint = endpoint_of(options),
                                            .headers = headers->items,
                                            .header_count = headers->count,
                                            .response_max = OTEL__STRATEGY_BYTES_MAX };
    const char *problem = otel__grpc_target(settings.endpoint, GRPC_PORT, options->insecure, &settings.target);
    if (problem)
        return otel__endpoint_fails(settings.endpoint, "the endpoint", problem, error);
    const struct otel__grpc_exporters *library = otel__grpc_library(error);
    if (!library)
        return false;
    if (strstr(settings.target.text, ":5778"))
        otel_report(
            OTEL_LOG_WARN, "sampling/port",
            "the endpoint of the jaeger_remote sampler has no path, which asks over gRPC, and Jaeger's port for "
            "HTTP: add /sampling, or use port 5779");
    settings.tls = settle_tls(options, settings.target.tls, &tls);
    return library->strategies(&settings, source, error);
}

static bool make_source(const otel_jaeger_remote_options *options, struct otel__strategy_source *source,
                        otel_error *error) {
    struct otel__headers headers = { .grpc = !wants_http(options) };
    const bool made = check(options, error) && settle_headers(options, &headers, error) &&
                      (headers.grpc ? make_grpc : make_http)(options, &headers, source, error);
    otel__headers_free(&headers);
    return made;
}

/* ---- the sampler ------------------------------------------------------------------------------------------------- */

static uint64_t or_usual(int ms, int usual) { return (uint64_t)(ms > 0 ? ms : usual) * OTEL__MILLISECOND; }

static size_t names_of(const otel_jaeger_remote_options *options) {
    if (options->max_operations == 0)
        return NAMES;
    return options->max_operations > 0 ? (size_t)options->max_operations : NAMES_WITHOUT_LIMIT;
}

otel_sampler *otel__jaeger_remote(const otel_jaeger_remote_options *options, otel_error *error) {
    char shown[256];
    struct otel__remote_settings settings = {
        .endpoint = shown,
        .interval = or_usual(options->polling_interval_ms, OTEL__REMOTE_INTERVAL_MS),
        .timeout = or_usual(options->timeout_ms, TIMEOUT_MS),
        .max_names = names_of(options),
    };
    if (!make_source(options, &settings.source, error)) {
        otel_sampler_destroy(options->initial);
        return NULL;
    }
    settings.initial = options->initial ? options->initial : otel_sampler_trace_id_ratio(OTEL__REMOTE_INITIAL_RATE);
    otel__url_show(endpoint_of(options), shown, sizeof shown);
    otel_sampler *sampler = otel__remote_create(&settings);
    if (!sampler)
        fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    return sampler;
}

#endif
