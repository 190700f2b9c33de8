/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoconfigure_jaeger.c - settles the Jaeger exporter's settings: code, then environment, then defaults.
 */
#include "autoconfigure.h"

#include "diagnostics.h"
#include "jaeger/jaeger_udp.h"
#include "common/made.h"
#include "options.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "autoconfigure_endpoint.h"
#include "autoconfigure_grpc.h"
#include "autoconfigure_tls.h"
#include "base/url.h"
#include "common/basic_auth.h"
#include "jaeger/jaeger_http.h"

#include <stdlib.h>
#endif

enum { COMPACT_PORT = 6831, BINARY_PORT = 6832, HOST_MAX = 253 };

static otel_jaeger_options read_options(const otel_jaeger_options *options) {
    otel_jaeger_options known = { .size = sizeof known };
    if (options)
        known = *(const otel_jaeger_options *)otel__options_fit(options, sizeof known, &known);
    return known;
}

otel_exporter *otel_jaeger_exporter(const otel_jaeger_options *options) {
    const otel_jaeger_options known = read_options(options);
    struct otel__config config;
    otel__config_load_jaeger(&config, &known);
    otel__config_report(&config);
    otel_error reason = { "" };
    otel_exporter *exporter = otel__jaeger_exporter(&known, &config, &reason);
    otel__config_free(&config);
    return otel__made(exporter, "Jaeger", &reason, known.error);
}

static otel_exporter *fail(otel_error *error, const char *what, const char *why) {
    if (error)
        snprintf(error->text, sizeof error->text, "%s%s%.200s", what, *what ? ": " : "", why);
    return NULL;
}

static int settle_timeout(const otel_jaeger_options *options, const struct otel__config *config) {
    const int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : config->jaeger_timeout_ms;
    return timeout_ms == OTEL_NO_TIMEOUT ? 0 : timeout_ms;
}

/* ---- UDP --------------------------------------------------------------------------------------------------------- */

static const char *host_problem(const char *host) {
    const size_t len = strnlen(host, HOST_MAX + 1);
    if (len == 0 || len > HOST_MAX)
        return len == 0 ? "it is empty" : "it is longer than 253 bytes";
    for (size_t i = 0; i < len; i++)
        if (host[i] <= ' ' || host[i] > '~' || strchr("/@[]", host[i]))
            return "it is neither a name nor an address";
    return NULL;
}

/* The host in code must do; that of the environment gives way to the default. NULL: `error` says why. */
static const char *settle_host(const otel_jaeger_options *options, const struct otel__config *config,
                               otel_error *error) {
    const char *host = options->agent_host ? options->agent_host : config->jaeger_agent_host;
    const char *problem = host ? host_problem(host) : otel_status_text(OTEL_ERR_MEMORY);
    if (!problem)
        return host;
    if (options->agent_host || !host) {
        fail(error, options->agent_host ? "otel_jaeger_options.agent_host" : "", problem);
        return NULL;
    }
    otel_report(OTEL_LOG_WARN, "OTEL_EXPORTER_JAEGER_AGENT_HOST",
                "OTEL_EXPORTER_JAEGER_AGENT_HOST: %s; using the default, localhost", problem);
    return "localhost";
}

static int settle_port(const otel_jaeger_options *options, const struct otel__config *config, bool compact) {
    const int port = options->agent_port ? options->agent_port : config->jaeger_agent_port;
    return port ? port : compact ? COMPACT_PORT : BINARY_PORT;
}

static otel_exporter *make_udp(const otel_jaeger_options *options, const struct otel__config *config, bool compact,
                               otel_error *error) {
    const int packet_max = options->max_packet_bytes;
    if (options->agent_port < 0 || options->agent_port > 65535)
        return fail(error, "otel_jaeger_options.agent_port", "it is not from 1 to 65535");
    if (packet_max != 0 && (packet_max < OTEL__JAEGER_PACKET_LEAST || packet_max > OTEL__JAEGER_PACKET_MOST))
        return fail(error, "otel_jaeger_options.max_packet_bytes", "it is not from 1000 to 65000");
    const char *host = settle_host(options, config, error);
    if (!host)
        return NULL;
    const struct otel__jaeger_udp_settings settings = {
        .compact = compact,
        .agent = { .host = host, .port = settle_port(options, config, compact) },
        .packet_max = packet_max ? (size_t)packet_max : OTEL__JAEGER_PACKET_MOST,
        .timeout_ms = settle_timeout(options, config),
    };
    otel_exporter *exporter = otel__jaeger_udp_create(&settings);
    return exporter ? exporter : fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
}

#ifdef OTEL__WITH_CURL

/* ---- user and password ------------------------------------------------------------------------------------------- */

struct credentials {
    const char *user; /* NULL: none are sent */
    const char *password;
};

/* One without the other is of no use, which is worth knowing. */
static void report_half(const char *user, const char *password) {
    if (!user != !password)
        otel_report(OTEL_LOG_WARN, "jaeger.credentials", "the Jaeger exporter has a %s, but no %s: it sends neither",
                    user ? "user" : "password", user ? "password" : "user");
}

static const char *credential_problem(const char *user) {
    return user && strchr(user, ':') ? "it contains a colon, which ends a user's name" : NULL;
}

/* False: `error` says why. */
static bool settle_credentials(const otel_jaeger_options *options, const struct otel__config *config,
                               struct credentials *credentials, otel_error *error) {
    const char *user = options->user ? options->user : config->jaeger_user;
    const char *password = options->password ? options->password : config->jaeger_password;
    const char *problem = credential_problem(user);
    if (problem && options->user) {
        fail(error, "otel_jaeger_options.user", problem);
        return false;
    }
    if (problem) {
        otel_report(OTEL_LOG_WARN, "OTEL_EXPORTER_JAEGER_USER", "OTEL_EXPORTER_JAEGER_USER: %s; ignored", problem);
        user = NULL;
    }
    report_half(user, password);
    *credentials = (struct credentials){ user && password ? user : NULL, password };
    return true;
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static struct otel__tls_settings tls_files(const otel_jaeger_options *options) {
    struct otel__tls_settings tls;
    tls.files[OTEL__TLS_TRUST] =
        (struct otel__tls_file){ options->certificate_file, "otel_jaeger_options.certificate_file" };
    tls.files[OTEL__TLS_KEY] =
        (struct otel__tls_file){ options->client_key_file, "otel_jaeger_options.client_key_file" };
    tls.files[OTEL__TLS_CERTIFICATE] =
        (struct otel__tls_file){ options->client_certificate_file, "otel_jaeger_options.client_certificate_file" };
    return tls;
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

static otel_exporter *make_http(const otel_jaeger_options *options, const struct otel__config *config,
                                otel_error *error) {
    struct credentials credentials;
    const struct otel__tls_settings tls = tls_files(options);
    const char *url = options->endpoint ? options->endpoint : config->jaeger_endpoint;
    if (!otel__endpoint_check(options->endpoint, "otel_jaeger_options.endpoint", error))
        return NULL;
    if (!url)
        return fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    if (!settle_credentials(options, config, &credentials, error))
        return NULL;
    const struct otel__jaeger_http_settings settings = {
        .url = url,
        .user = credentials.user,
        .password = credentials.password,
        .timeout_ms = settle_timeout(options, config),
        .gzip = options->gzip,
        .tls = otel__tls_of_use(&tls, otel__tls_plaintext(url), "jaeger_tls") ? &tls : NULL,
    };
    return otel__jaeger_http_create(&settings, error);
}

/* ---- gRPC -------------------------------------------------------------------------------------------------------- */

/* Values from the environment have been checked. False: `error` says why. */
static bool settle_target(const otel_jaeger_options *options, const struct otel__config *config,
                          struct otel__grpc_settings *settings, otel_error *error) {
    char shown[256];
    settings->endpoint = options->endpoint ? options->endpoint : config->jaeger_endpoint;
    if (!settings->endpoint) {
        fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
        return false;
    }
    const char *problem = otel__grpc_target(settings->endpoint, OTEL__GRPC_JAEGER_PORT, false, &settings->target);
    if (problem)
        return otel__endpoint_fails(settings->endpoint, "otel_jaeger_options.endpoint", problem, error);
    otel__url_show(settings->endpoint, shown, sizeof shown);
    if (settings->target.ignored)
        otel_report(OTEL_LOG_WARN, "jaeger.grpc.endpoint", "gRPC has no use for the %s in the endpoint %s",
                    settings->target.ignored, shown);
    return true;
}

static otel_exporter *create_grpc(struct otel__grpc_settings settings, const struct credentials *credentials,
                                  const struct otel__grpc_exporters *grpc, otel_error *error) {
    otel_error reason = { "out of memory" };
    char *authorization = credentials->user ? otel__basic_auth(credentials->user, credentials->password) : NULL;
    const struct otel__http_header header = { otel_cstr("authorization"), otel_cstr(authorization) };
    otel_exporter *exporter = NULL;
    settings.headers = &header;
    settings.header_count = authorization ? 1 : 0;
    if (authorization || !credentials->user)
        exporter = grpc->jaeger(&settings, &reason);
    free(authorization);
    return exporter ? exporter : fail(error, "", reason.text);
}

static otel_exporter *make_grpc(const otel_jaeger_options *options, const struct otel__config *config,
                                const struct otel__grpc_exporters *grpc, otel_error *error) {
    struct credentials credentials;
    const struct otel__tls_settings tls = tls_files(options);
    struct otel__grpc_settings settings = { .timeout_ms = settle_timeout(options, config) };
    if (!settle_target(options, config, &settings, error) || !settle_credentials(options, config, &credentials, error))
        return NULL;
    const char *plaintext = settings.target.tls ? NULL : "does not begin with https://";
    settings.tls = otel__tls_of_use(&tls, plaintext, "jaeger_tls") ? &tls : NULL;
    return create_grpc(settings, &credentials, grpc, error);
}

/* Where gRPC cannot be had and the environment asks for it, HTTP has to do. */
static otel_exporter *make_do(const otel_jaeger_options *options, const struct otel__config *config,
                              const otel_error *why, otel_error *error) {
    static char usual[] = "http://localhost:14268/api/traces";
    struct otel__config over_http = *config; /* not to be freed */
    struct otel__url url;
    const char *variable = config->source[OTEL__CONFIG_JAEGER_PROTOCOL];
    if (!config->source[OTEL__CONFIG_JAEGER_ENDPOINT] || otel__url_parse(config->jaeger_endpoint, &url) != NULL)
        over_http.jaeger_endpoint = usual;
    otel_report(OTEL_LOG_WARN, variable, "%s=grpc: %s; using http/thrift.binary, which is another port of collectors",
                variable, why->text);
    return make_http(options, &over_http, error);
}

static otel_exporter *make_grpc_or_do(const otel_jaeger_options *options, const struct otel__config *config,
                                      otel_error *error) {
    otel_error why;
    const struct otel__grpc_exporters *grpc = otel__grpc_library(&why);
    if (grpc)
        return make_grpc(options, config, grpc, error);
    return options->protocol ? fail(error, "otel_jaeger_options.protocol", why.text)
                             : make_do(options, config, &why, error);
}

#else

static otel_exporter *make_http(const otel_jaeger_options *options, const struct otel__config *config,
                                otel_error *error) {
    (void)options;
    (void)config;
    return fail(error, "", "this build has no exporter that sends over HTTP: it was made with OTEL_WITH_CURL=OFF");
}

static otel_exporter *make_grpc_or_do(const otel_jaeger_options *options, const struct otel__config *config,
                                      otel_error *error) {
    return make_http(options, config, error);
}

#endif

/* ---- together ---------------------------------------------------------------------------------------------------- */

otel_exporter *otel__jaeger_exporter(const otel_jaeger_options *options, const struct otel__config *config,
                                     otel_error *error) {
    static const otel_jaeger_options none = { .size = sizeof none };
    options = options ? options : &none;
    const int protocol = options->protocol ? options->protocol : config->jaeger_protocol;
    switch (protocol) {
    case OTEL_JAEGER_HTTP_THRIFT_BINARY:
        return make_http(options, config, error);
    case OTEL_JAEGER_UDP_THRIFT_COMPACT:
    case OTEL_JAEGER_UDP_THRIFT_BINARY:
        return make_udp(options, config, protocol == OTEL_JAEGER_UDP_THRIFT_COMPACT, error);
    case OTEL_JAEGER_GRPC:
        return make_grpc_or_do(options, config, error);
    default:
        return fail(error, "otel_jaeger_options.protocol", "it is no otel_jaeger_protocol");
    }
}
