/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_zipkin.c - settles the Zipkin exporter's settings: code, then environment, then defaults. */
#include "autoconfigure.h"

#include "options.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "base/url.h"
#include "zipkin/zipkin_http.h"
#endif

otel_exporter *otel_zipkin_exporter(const otel_zipkin_options *options) {
    otel_zipkin_options known = { .size = sizeof known };
    struct otel__config config;
    if (options)
        known = *(const otel_zipkin_options *)otel__options_fit(options, sizeof known, &known);
    otel__config_load_zipkin(&config, &known);
    otel__config_report(&config);
    otel_exporter *exporter = otel__zipkin_exporter(&known, &config, known.error);
    otel__config_free(&config);
    return exporter;
}

#ifndef OTEL__WITH_CURL

otel_exporter *otel__zipkin_exporter(const otel_zipkin_options *options, const struct otel__config *config,
                                     otel_error *error) {
    (void)options;
    (void)config;
    if (error)
        snprintf(error->text, sizeof error->text,
                 "this build has no exporter that sends over HTTP: it was made with OTEL_WITH_CURL=OFF");
    return NULL;
}

#else

static bool check_url(const char *text, otel_error *error) {
    struct otel__url url;
    const char *problem = text ? otel__url_parse(text, &url) : NULL;
    char shown[128];
    if (!problem)
        return true;
    otel__url_show(text, shown, sizeof shown);
    snprintf(error->text, sizeof error->text, "otel_zipkin_options.endpoint: \"%s\" cannot be used: %s", shown,
             problem);
    return false;
}

static bool check_format(int format, otel_error *error) {
    if (format >= 0 && format <= OTEL_ZIPKIN_PROTOBUF)
        return true;
    snprintf(error->text, sizeof error->text, "otel_zipkin_options.format: %d is no otel_zipkin_format", format);
    return false;
}

/* False: nothing is set, or the URL has no use for it, which is reported. */
static bool settle_tls(const otel_zipkin_options *options, const char *endpoint, struct otel__tls_settings *tls) {
    struct otel__url url;
    const char *unused = NULL;
    tls->files[OTEL__TLS_TRUST] =
        (struct otel__tls_file){ options->certificate_file, "otel_zipkin_options.certificate_file" };
    tls->files[OTEL__TLS_KEY] =
        (struct otel__tls_file){ options->client_key_file, "otel_zipkin_options.client_key_file" };
    tls->files[OTEL__TLS_CERTIFICATE] =
        (struct otel__tls_file){ options->client_certificate_file, "otel_zipkin_options.client_certificate_file" };
    for (size_t i = OTEL__TLS_ROLES; i-- > 0;)
        unused = tls->files[i].path ? tls->files[i].setting : unused;
    const bool https = !otel__url_parse(endpoint, &url) && url.https;
    if (unused && !https)
        otel_report(OTEL_LOG_WARN, "zipkin_tls",
                    "%s is of no use, as the endpoint does not begin with https://: nothing is encrypted", unused);
    return unused && https;
}

static otel_exporter *create(const otel_zipkin_options *options, const struct otel__config *config, otel_error *error) {
    struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
    const char *endpoint = options->endpoint ? options->endpoint : config->zipkin_endpoint;
    const int timeout_ms = config->zipkin_timeout_ms;
    const struct otel__http_exporter_settings settings = {
        .format = options->format == OTEL_ZIPKIN_PROTOBUF ? &otel__zipkin_protobuf_format : &otel__zipkin_json_format,
        .url = endpoint,
        .user_agent = "OTel-Zipkin-Exporter-C/" OTEL__VERSION,
        .gzip = options->gzip,
        .timeout_ms = timeout_ms == OTEL_NO_TIMEOUT ? 0 : timeout_ms,
        .retry = { .disabled = options->retry_disabled },
        .tls = settle_tls(options, endpoint, &tls) ? &tls : NULL,
    };
    if (endpoint)
        return otel__http_exporter_create(&settings, error);
    snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    return NULL;
}

otel_exporter *otel__zipkin_exporter(const otel_zipkin_options *options, const struct otel__config *config,
                                     otel_error *error) {
    static const otel_zipkin_options none = { .size = sizeof none };
    otel_error reason = { "" };
    options = options ? options : &none;
    const bool usable = check_url(options->endpoint, &reason) && check_format(options->format, &reason);
    otel_exporter *exporter = usable ? create(options, config, &reason) : NULL;
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}

#endif
