/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_http.c - OTLP's formats for the HTTP exporter, and what its answers mean. */
#include "otlp/otlp_http.h"

#include "common/http/http_exporter.h"
#include "common/http/http_header.h"
#include "otlp/otlp_json.h"
#include "otlp/otlp_metrics_encode.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response.h"

#include <stdio.h>
#include <stdlib.h>

enum { AGENT_MAX = 1024 /* of the user's part of the User-Agent */ };

static void free_groups(void *groups) { otel__scope_groups_free(groups); }

static uint64_t read_answer(struct otel__export_reporter *reporter, const struct otel__http_response *response,
                            size_t count, char words[OTEL__HTTP_WORDS_SIZE]) {
    struct otel__otlp_answer answer;
    otel__otlp_read_answer(response, &answer);
    snprintf(words, OTEL__HTTP_WORDS_SIZE, "%s", answer.message);
    if (response->status < 200 || response->status > 299)
        return 0;
    const uint64_t rejected = answer.rejected < count ? answer.rejected : count;
    otel__otlp_report_partial(reporter, rejected, count, answer.message);
    if (answer.foreign)
        otel__otlp_report_foreign(reporter, response);
    return rejected;
}

static const char wants[] = "The server wants credentials: see OTEL_EXPORTER_OTLP_HEADERS.";
static const char refuses[] = "The server refuses the credentials: see OTEL_EXPORTER_OTLP_HEADERS.";
static const char foreign[] = "Is this the address of an OTLP server?";

static const struct otel__http_hint hints[] = {
    { 401, wants },
    { 403, refuses },
    { 404, "Is the path right? OTLP servers usually take traces at /v1/traces." },
    { 405, foreign },
    { 415, "Does the server take this protocol? See OTEL_EXPORTER_OTLP_PROTOCOL." },
    { 0, NULL },
};

static const struct otel__http_hint metrics_hints[] = {
    { 401, wants },
    { 403, refuses },
    { 404, "Does the server take metrics, usually at /v1/metrics? Where it takes traces only, as Jaeger does, see "
           "OTEL_METRICS_EXPORTER." },
    { 405, foreign },
    { 415, "Does the server take protobuf?" },
    { 0, NULL },
};

/* What all have in common. */
#define OTLP_FORMAT                                                                                                    \
    .name = "otlp", .address_hint = "OTLP over HTTP usually has port 4318, while 4317 speaks gRPC.",                   \
    .trust_hint = "Does OTEL_EXPORTER_OTLP_CERTIFICATE name the authority that issued it, and the endpoint the host "  \
                  "that it is for?",                                                                                   \
    .read_answer = read_answer

#define OTLP_TRACES                                                                                                    \
    OTLP_FORMAT, .hints = hints, .kinds = OTEL__OTLP_KINDS, .socket_target = "/v1/traces",                             \
                 .encoder_size = sizeof(struct otel__scope_groups), .free_encoder = free_groups

static const struct otel__http_format protobuf = {
    OTLP_TRACES,
    .component = "otlp_http_span_exporter",
    .content_type = "application/x-protobuf",
    .encode = otel__otlp_write,
};

static const struct otel__http_format json = {
    OTLP_TRACES,
    .component = "otlp_http_json_span_exporter",
    .content_type = "application/json",
    .encode = otel__otlp_write_json,
};

static const struct otel__export_words of_metrics = { "metric", "data points",
                                                      "Fewer series make it smaller: see otel_view.attribute_keys." };

static const struct otel__http_format metrics = {
    OTLP_FORMAT,
    .hints = metrics_hints,
    .kinds = { "otlp.metrics.failure", "otlp.metrics.retry", "otlp.metrics.recovered", &of_metrics },
    .socket_target = "/v1/metrics",
    .content_type = "application/x-protobuf",
    .encode_metrics = otel__otlp_write_metrics,
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static const char *agent_problem(const char *prefix) {
    if (prefix && strnlen(prefix, AGENT_MAX + 1) > AGENT_MAX)
        return "it is longer than 1024 bytes";
    return otel__http_header_problem(otel_cstr("User-Agent"), otel_cstr(prefix));
}

/* The prefix, if any, and our own product token. */
static char *user_agent(const char *prefix, otel_error *error) {
    const char *problem = agent_problem(prefix);
    if (problem) {
        snprintf(error->text, sizeof error->text, "the user agent cannot be sent: %s", problem);
        return NULL;
    }
    char *text = NULL;
    bool some = prefix && *prefix;
    int len = asprintf(&text, "%s%sOTel-OTLP-Exporter-C/" OTEL__VERSION, some ? prefix : "", some ? " " : "");
    return len < 0 ? NULL : text;
}

/* What is given to the HTTP exporter, but for the User-Agent. */
static struct otel__http_exporter_settings settle(const struct otel__otlp_http_settings *settings,
                                                  const struct otel__http_format *format) {
    return (struct otel__http_exporter_settings){
        .format = format,
        .url = settings->url,
        .headers = settings->headers,
        .header_count = settings->header_count,
        .gzip = settings->gzip,
        .request_max = settings->request_max,
        .response_max = settings->response_max,
        .concurrent = settings->concurrent,
        .timeout_ms = settings->timeout_ms,
        .tls = settings->tls,
        .retry = settings->retry,
        .temporality = settings->temporality,
    };
}

static otel_exporter *create(const struct otel__otlp_http_settings *settings, otel_error *error) {
    struct otel__http_exporter_settings http = settle(settings, settings->json ? &json : &protobuf);
    char *agent = user_agent(settings->user_agent_prefix, error);
    if (!agent)
        return NULL;
    http.user_agent = agent;
    otel__otlp_answers_prepare();
    otel_exporter *exporter = otel__http_exporter_create(&http, error);
    free(agent);
    return exporter;
}

otel_exporter *otel__otlp_http_create(const struct otel__otlp_http_settings *settings, otel_error *error) {
    otel_error reason = { "out of memory" };
    otel_exporter *exporter = create(settings, &reason);
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}

static void *create_metrics(const struct otel__otlp_http_settings *settings, otel_metric_exporter_ops *ops,
                            otel_error *error) {
    struct otel__http_exporter_settings http = settle(settings, &metrics);
    char *agent = user_agent(settings->user_agent_prefix, error);
    if (!agent)
        return NULL;
    http.user_agent = agent;
    otel__otlp_answers_prepare();
    void *exporter = otel__http_metrics_create(&http, ops, error);
    free(agent);
    return exporter;
}

void *otel__otlp_http_metrics_create(const struct otel__otlp_http_settings *settings, otel_metric_exporter_ops *ops,
                                     otel_error *error) {
    otel_error reason = { "out of memory" };
    void *exporter = create_metrics(settings, ops, &reason);
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}
