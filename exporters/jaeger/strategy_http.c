/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_http.c - see strategy_http.h. */
#include "jaeger/strategy_http.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/url.h"
#include "common/http/http_status.h"
#include "jaeger/strategy_json.h"

#include <otel/exporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct strategy_http {
    struct otel__http_client *client;
    bool delayed; /* the request could not be begun, because of a fork */
};

static const char parameter[] = "service=";

/* ---- the URL ----------------------------------------------------------------------------------------------------- */

const char *otel__strategy_http_problem(const char *text) {
    struct otel__url url;
    const char *problem = otel__url_parse(text, &url);
    for (size_t i = 1; !problem && i < url.tail.len && url.tail.ptr[i - 1] != '#'; i++) {
        const bool begins = url.tail.ptr[i - 1] == '?' || url.tail.ptr[i - 1] == '&';
        if (begins && strncmp(url.tail.ptr + i, parameter, sizeof parameter - 1) == 0)
            problem = "it names a service, which is this program's to say";
    }
    return problem;
}

/* To be freed; NULL: out of memory. */
static char *query_of(otel_str service) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    char *query = malloc(sizeof parameter + 3 * service.len), *at = query;
    if (!query)
        return NULL;
    at = stpcpy(at, parameter);
    for (size_t i = 0; i < service.len; i++) {
        const unsigned char c = (unsigned char)service.ptr[i];
        if (c && strchr(plain, c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    *at = '\0';
    return query;
}

static bool bind(void *self, otel_str service, otel_error *error) {
    const struct strategy_http *http = self;
    char *query = query_of(service);
    const bool added = query && otel__http_add_query(http->client, query);
    free(query);
    if (!added)
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    return added;
}

/* ---- a fetch ----------------------------------------------------------------------------------------------------- */

static const char *hint_for(int status) {
    if (status == 404 || status == 405)
        return "Jaeger answers on port 5778 at /sampling, collectors of version 1 on port 14268 at /api/sampling.";
    return status >= 300 && status < 400 ? "Redirects are not followed: set the endpoint to the new address." : NULL;
}

static enum otel__fetch judge_answer(const struct otel__http_response *response, struct otel__fetched *out) {
    if (response->status >= 200 && response->status < 300) {
        out->body = response->body;
        out->len = response->body_len;
        return OTEL__FETCH_ANSWERED;
    }
    const char *name = otel__http_status_name(response->status);
    otel_str body = otel_strn((const char *)response->body, response->body_len);
    char words[256] = "";
    while (body.len > 0 && strchr(" \t\r\n", body.ptr[body.len - 1]))
        body.len--;
    otel__escape(body, words, sizeof words);
    snprintf(out->problem, sizeof out->problem, "HTTP %d%s%s%s%s", response->status, name[0] ? " " : "", name,
             words[0] ? ": " : "", words);
    out->hint = hint_for(response->status);
    return OTEL__FETCH_FAILED;
}

static void copy_problem(const struct otel__http_response *response, struct otel__fetched *out) {
    snprintf(out->problem, sizeof out->problem, "%s", response->problem);
    out->hint = response->hint;
}

static enum otel__fetch judge(const struct strategy_http *http, enum otel__http_result result,
                              struct otel__fetched *out) {
    const struct otel__http_response *response = otel__http_response(http->client, 0);
    if (result == OTEL__HTTP_UNDER_WAY)
        return OTEL__FETCH_UNDER_WAY;
    if (result == OTEL__HTTP_ANSWERED)
        return judge_answer(response, out);
    copy_problem(response, out);
    return OTEL__FETCH_FAILED;
}

/* A fork that is under way is not waited for: the next step begins then. */
static enum otel__fetch begin(void *self, uint64_t deadline, struct otel__fetched *out) {
    struct strategy_http *http = self;
    (void)deadline;
    const enum otel__http_result result =
        otel__http_begin(http->client, 0, NULL, 0, otel__clock_monotonic() + OTEL__MILLISECOND);
    http->delayed = result == OTEL__HTTP_TIMED_OUT;
    return http->delayed ? OTEL__FETCH_UNDER_WAY : judge(http, result, out);
}

static enum otel__fetch step(void *self, struct otel__fetched *out) {
    struct strategy_http *http = self;
    unsigned lane = 0;
    if (http->delayed)
        return begin(self, 0, out);
    if (!otel__http_leave_lost(http->client))
        return judge(http, otel__http_run(http->client, 0, &lane), out);
    snprintf(out->problem, sizeof out->problem, "its connection was closed under us");
    return OTEL__FETCH_FAILED;
}

static void give_up(void *self, struct otel__fetched *out) {
    struct strategy_http *http = self;
    snprintf(out->problem, sizeof out->problem, "there was no time for it");
    if (!http->delayed && !otel__http_leave_lost(http->client)) {
        otel__http_give_up(http->client, 0);
        copy_problem(otel__http_response(http->client, 0), out);
    }
    http->delayed = false;
}

static void before_fork(void *self) {
    const struct strategy_http *http = self;
    otel__http_before_fork(http->client);
}

static bool at_rest(void *self) {
    const struct strategy_http *http = self;
    return otel__http_at_rest(http->client);
}

static void after_fork(void *self, bool in_child) {
    struct strategy_http *http = self;
    if (in_child)
        http->delayed = false;
    otel__http_after_fork(http->client, in_child);
}

static void destroy(void *self) {
    struct strategy_http *http = self;
    otel__http_destroy(http->client);
    free(http);
}

static const struct otel__strategy_source_ops ops = {
    .bind = bind,
    .begin = begin,
    .step = step,
    .give_up = give_up,
    .before_fork = before_fork,
    .at_rest = at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
    .read = otel__strategy_read_json,
};

bool otel__strategy_http(const char *url, const struct otel__http_header *headers, size_t header_count,
                         const struct otel__tls_settings *tls, struct otel__strategy_source *source,
                         otel_error *error) {
    const struct otel__http_settings settings = {
        .url = url,
        .socket_target = "/sampling",
        .absent_hint = "Does Jaeger answer about sampling there?",
        .get = true,
        .user_agent = "OTel-Jaeger-Remote-Sampler-C/" OTEL__VERSION,
        .headers = headers,
        .header_count = header_count,
        .response_limit = OTEL__STRATEGY_BYTES_MAX,
        .tls = tls,
        .trust_hint = "otel_jaeger_remote_options.certificate_file names the authority to trust.",
        .foreign_hint = "Port 5779, and 14250 of version 1, are Jaeger's for gRPC: an endpoint without a path.",
    };
    struct strategy_http *http = calloc(1, sizeof *http);
    snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    if (http)
        http->client = otel__http_create(&settings, error);
    if (!http || !http->client) {
        free(http);
        return false;
    }
    *source = (struct otel__strategy_source){ .ops = &ops, .self = http };
    return true;
}
