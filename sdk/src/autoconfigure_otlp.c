/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autoconfigure_otlp.c - settles the OTLP exporter's settings: code, then environment, then defaults.
 */
#include "autoconfigure.h"

#include "diagnostics.h"
#include "options.h"

#include <stdio.h>

#ifdef OTEL__WITH_CURL
#include "base/str.h"
#include "base/url.h"
#include "common/http/http_header.h"
#include "config_pairs.h"
#include "otlp/otlp_http.h"
#include <stdlib.h>
#include <strings.h>
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
    otel__config_load_otlp(&config, &known);
    otel__config_report(&config);
    otel_exporter *exporter = otel__otlp_exporter(&known, &config, known.error);
    otel__config_free(&config);
    return exporter;
}

static bool fail(otel_error *error, const char *what, const char *why) {
    if (error)
        snprintf(error->text, sizeof error->text, "%s%s%.200s", what, *what ? ": " : "", why);
    return false;
}

#ifndef OTEL__WITH_CURL

otel_exporter *otel__otlp_exporter(const otel_otlp_options *options, const struct otel__config *config,
                                   otel_error *error) {
    (void)options;
    (void)config;
    fail(error, "", "this build has no exporter that sends over HTTP: it was made with OTEL_WITH_CURL=OFF");
    return NULL;
}

#else

/* ---- the URL ---------------------------------------------------------------------------------------------------- */

static bool check_url(const char *text, const char *member, otel_error *error) {
    struct otel__url url;
    const char *problem = text ? otel__url_parse(text, &url) : NULL;
    if (!problem)
        return true;
    char shown[88], why[208];
    otel__url_show(text, shown, sizeof shown);
    snprintf(why, sizeof why, "\"%s\" cannot be used: %s", shown, problem);
    return fail(error, member, why);
}

/* The URL of trace requests, to be freed; NULL: `error` says why. */
static char *settle_url(const otel_otlp_options *options, const struct otel__config *config, otel_error *error) {
    if (!check_url(options->traces_endpoint, "otel_otlp_options.traces_endpoint", error) ||
        !check_url(options->endpoint, "otel_otlp_options.endpoint", error))
        return NULL;
    bool in_code = options->traces_endpoint || options->endpoint;
    char *url = otel__otlp_traces_url(in_code ? options->endpoint : config->otlp_endpoint,
                                      in_code ? options->traces_endpoint : config->otlp_traces_endpoint);
    if (!url)
        fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    return url;
}

/* ---- the headers ------------------------------------------------------------------------------------------------ */

/* More than any server takes. */
enum { HEADERS_MAX = 64 * 1024 };

struct header_list {
    struct otel__http_header *items;
    size_t count;
    char *text;         /* what they point to */
    char problems[640]; /* of the items that are left out */
};

/* Tells which item is wrong without showing its value: headers carry keys and passwords. */
static void complain(struct header_list *list, const struct otel__pairs *pairs, const struct otel__pair *pair,
                     const char *why) {
    size_t used = strlen(list->problems), shown = 0;
    while (pair->value.ptr && shown < pair->name.len && shown < 40 &&
           !otel__http_header_problem(otel_strn(pair->name.ptr + shown, 1), otel_strn(NULL, 0)))
        shown++;
    if (sizeof list->problems - used < 160) /* the next may not fit */
        return;
    snprintf(list->problems + used, sizeof list->problems - used, "%sitem %zu%s%.*s%s %s", used ? ", " : "",
             pairs->number, shown ? " (" : "", (int)shown, pair->name.ptr, shown ? "...)" : "", why);
}

static const char *header_problem(const struct otel__pair *pair) {
    if (pair->problem)
        return pair->problem;
    if (otel__http_header_is_ours(pair->name))
        return "is a header that the exporter sets itself";
    return otel__http_header_problem(pair->name, pair->value) ? "is no valid HTTP header" : NULL;
}

/* The last of equal names wins. */
static void put_header(struct header_list *list, const struct otel__pair *pair) {
    size_t i = 0;
    while (i < list->count && (list->items[i].name.len != pair->name.len ||
                               strncasecmp(list->items[i].name.ptr, pair->name.ptr, pair->name.len) != 0))
        i++;
    list->items[i] = (struct otel__http_header){ .name = pair->name, .value = pair->value };
    if (i == list->count)
        list->count++;
}

/* Takes `text`, which the list keeps, apart. False: out of memory. */
static bool read_headers(struct header_list *list, const char *text) {
    size_t most = 1;
    for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ','))
        most++;
    size_t len = strlen(text);
    list->items = calloc(most, sizeof *list->items);
    list->text = malloc(2 * len + 1);
    if (!list->items || !list->text)
        return false;
    memcpy(list->text, text, len + 1);
    char *room = list->text + len + 1;
    struct otel__pairs pairs = { .rest = otel_strn(list->text, len) };
    struct otel__pair pair;
    while (otel__pairs_next(&pairs, false, &room, &pair)) {
        const char *problem = pair.item.len ? header_problem(&pair) : NULL;
        if (problem)
            complain(list, &pairs, &pair, problem);
        else if (pair.item.len)
            put_header(list, &pair);
    }
    return true;
}

/* False: `error` says why. The list is to be freed either way. */
static bool settle_headers(const otel_otlp_options *options, const struct otel__config *config,
                           struct header_list *list, otel_error *error) {
    const char *text = options->headers ? options->headers : config->otlp_headers;
    if (!text)
        return true;
    if (strnlen(text, HEADERS_MAX + 1) > HEADERS_MAX)
        snprintf(list->problems, sizeof list->problems, "longer than %d bytes", (int)HEADERS_MAX);
    else if (!read_headers(list, text))
        return fail(error, "", otel_status_text(OTEL_ERR_MEMORY));
    if (!list->problems[0])
        return true;
    if (options->headers)
        return fail(error, "otel_otlp_options.headers", list->problems);
    const char *variable = config->source[OTEL__CONFIG_OTLP_HEADERS];
    otel_report(OTEL_LOG_WARN, variable, "%s: %s; left out", variable, list->problems);
    return true;
}

/* ---- TLS -------------------------------------------------------------------------------------------------------- */

static struct otel__tls_file settle_file(const char *in_code, const char *member, const char *in_environment,
                                         const char *variable) {
    if (in_code)
        return (struct otel__tls_file){ .path = in_code, .setting = member };
    return (struct otel__tls_file){ .path = in_environment, .setting = variable };
}

/* False: nothing is set, or the URL has no use for it, which is reported. */
static bool settle_tls(const otel_otlp_options *options, const struct otel__config *config, const char *url,
                       struct otel__tls_settings *tls) {
    tls->files[OTEL__TLS_TRUST] = settle_file(options->certificate_file, "otel_otlp_options.certificate_file",
                                              config->otlp_certificate, config->source[OTEL__CONFIG_OTLP_CERTIFICATE]);
    tls->files[OTEL__TLS_KEY] = settle_file(options->client_key_file, "otel_otlp_options.client_key_file",
                                            config->otlp_client_key, config->source[OTEL__CONFIG_OTLP_CLIENT_KEY]);
    tls->files[OTEL__TLS_CERTIFICATE] =
        settle_file(options->client_certificate_file, "otel_otlp_options.client_certificate_file",
                    config->otlp_client_certificate, config->source[OTEL__CONFIG_OTLP_CLIENT_CERTIFICATE]);
    struct otel__url parts;
    otel__url_parse(url, &parts);
    const char *unused = NULL;
    for (size_t i = OTEL__TLS_ROLES; i-- > 0;)
        unused = tls->files[i].path ? tls->files[i].setting : unused;
    if (unused && !parts.https)
        otel_report(OTEL_LOG_WARN, "otlp_tls",
                    "%s is of no use, as the endpoint does not begin with https://: nothing is encrypted", unused);
    return unused && parts.https;
}

/* ---- protocol and compression ------------------------------------------------------------------------------------ */

/* Of two, counted from 1 in code; 0 there leaves it to the environment. */
static bool settle_choice(int given, bool second_in_environment, const char *what, bool *second, otel_error *error) {
    *second = given == 0 ? second_in_environment : given == 2;
    if (given >= 0 && given <= 2)
        return true;
    char member[64], problem[64];
    snprintf(member, sizeof member, "otel_otlp_options.%s", what);
    snprintf(problem, sizeof problem, "%d is no otel_otlp_%s", given, what);
    return fail(error, member, problem);
}
_Static_assert(OTEL_OTLP_HTTP_JSON == 2 && OTEL_OTLP_COMPRESSION_GZIP == 2, "settle_choice() counts on it");

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

otel_exporter *otel__otlp_exporter(const otel_otlp_options *options, const struct otel__config *config,
                                   otel_error *error) {
    static const otel_otlp_options none = { .size = sizeof none };
    options = options ? options : &none;
    struct header_list headers = { .count = 0 };
    struct otel__retry_policy retry = { .disabled = false };
    char *url = settle_url(options, config, error);
    otel_exporter *exporter = NULL;
    bool json = false, gzip = false;
    if (url &&
        settle_choice(options->protocol, config->otlp_protocol == OTEL__PROTOCOL_HTTP_JSON, "protocol", &json, error) &&
        settle_choice(options->compression, config->otlp_compression == OTEL__COMPRESSION_GZIP, "compression", &gzip,
                      error) &&
        settle_retry(options, &retry, error) && check_concurrency(options, error) &&
        settle_headers(options, config, &headers, error)) {
        struct otel__tls_settings tls = { .files = { { NULL, NULL } } };
        const struct otel__otlp_http_settings settings = {
            .url = url,
            .json = json,
            .gzip = gzip,
            .request_max = options->max_request_bytes,
            .response_max = options->max_response_bytes,
            .concurrent = options->max_concurrent_requests,
            .headers = headers.items,
            .header_count = headers.count,
            .timeout_ms = settle_timeout(options, config),
            .retry = retry,
            .tls = settle_tls(options, config, url, &tls) ? &tls : NULL,
            .user_agent_prefix = options->user_agent && *options->user_agent ? options->user_agent : NULL,
        };
        exporter = otel__otlp_http_create(&settings, error);
    }
    free(headers.items);
    free(headers.text);
    free(url);
    return exporter;
}

#endif
