/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_zipkin.c - settles the Zipkin exporter's settings: code, then environment, then defaults. */
#include "autoconfigure.h"

#include "common/made.h"
#include "options.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "autoconfigure_endpoint.h"
#include "autoconfigure_headers.h"
#include "autoconfigure_tls.h"
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
    otel_error reason = { "" };
    otel_exporter *exporter = otel__zipkin_exporter(&known, &config, &reason);
    otel__config_free(&config);
    return otel__made(exporter, "Zipkin", &reason, known.error);
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

static bool check_format(int format, otel_error *error) {
    if (format >= 0 && format <= OTEL_ZIPKIN_PROTOBUF)
        return true;
    snprintf(error->text, sizeof error->text, "otel_zipkin_options.format: %d is no otel_zipkin_format", format);
    return false;
}

static struct otel__tls_settings tls_files(const otel_zipkin_options *options) {
    struct otel__tls_settings tls;
    tls.files[OTEL__TLS_TRUST] =
        (struct otel__tls_file){ options->certificate_file, "otel_zipkin_options.certificate_file" };
    tls.files[OTEL__TLS_KEY] =
        (struct otel__tls_file){ options->client_key_file, "otel_zipkin_options.client_key_file" };
    tls.files[OTEL__TLS_CERTIFICATE] =
        (struct otel__tls_file){ options->client_certificate_file, "otel_zipkin_options.client_certificate_file" };
    return tls;
}

static otel_exporter *create(const otel_zipkin_options *options, const struct otel__config *config,
                             const struct otel__headers *headers, otel_error *error) {
    const struct otel__tls_settings tls = tls_files(options);
    const char *endpoint = options->endpoint ? options->endpoint : config->zipkin_endpoint;
    const int timeout_ms = config->zipkin_timeout_ms;
    if (!endpoint) {
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
        return NULL;
    }
    const struct otel__http_exporter_settings settings = {
        .format = options->format == OTEL_ZIPKIN_PROTOBUF ? &otel__zipkin_protobuf_format : &otel__zipkin_json_format,
        .url = endpoint,
        .user_agent = "OTel-Zipkin-Exporter-C/" OTEL__VERSION,
        .headers = headers->items,
        .header_count = headers->count,
        .gzip = options->gzip,
        .timeout_ms = timeout_ms == OTEL_NO_TIMEOUT ? 0 : timeout_ms,
        .retry = { .disabled = options->retry_disabled },
        .tls = otel__tls_of_use(&tls, otel__tls_plaintext(endpoint), "zipkin_tls") ? &tls : NULL,
    };
    return otel__http_exporter_create(&settings, error);
}

static otel_exporter *create_with_headers(const otel_zipkin_options *options, const struct otel__config *config,
                                          otel_error *error) {
    struct otel__headers headers = { .grpc = false };
    otel_exporter *exporter = NULL;
    if (!otel__headers_read(&headers, options->headers))
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    else if (headers.problems[0])
        snprintf(error->text, sizeof error->text, "otel_zipkin_options.headers: %.200s", headers.problems);
    else
        exporter = create(options, config, &headers, error);
    otel__headers_free(&headers);
    return exporter;
}

otel_exporter *otel__zipkin_exporter(const otel_zipkin_options *options, const struct otel__config *config,
                                     otel_error *error) {
    static const otel_zipkin_options none = { .size = sizeof none };
    otel_error reason = { "" };
    options = options ? options : &none;
    const bool usable = otel__endpoint_check(options->endpoint, "otel_zipkin_options.endpoint", &reason) &&
                        check_format(options->format, &reason);
    otel_exporter *exporter = usable ? create_with_headers(options, config, &reason) : NULL;
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}

#endif
