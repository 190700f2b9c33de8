/* SPDX-License-Identifier: Apache-2.0 */
/* http_exporter.c - see http_exporter.h. Exports come from one thread at a time; the rest as otel/exporter.h says. */
#include "common/http/http_exporter.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/url.h"
#include "common/export_deadline.h"
#include "common/http/http_gzip.h"
#include "common/http/http_status.h"
#include "common/inherited.h"
#include "common/random_bits.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: half of what servers accept by default */
    BOUND_LEAST = 64 * 1024,        /* a server that refuses this much is not helped by smaller requests */
    RESPONSE_MAX = 64 * 1024,       /* of which only a line is shown */
};

/* What encoding changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__buffer body;
    struct otel__gzip gzip;
    void *encoder;
};

struct http_exporter {
    const struct otel__http_format *format;
    struct otel__http_client *client;
    struct workspace *workspace; /* NULL in a child that has not exported yet */
    struct otel__retry_policy retry;
    bool gzip;
    int timeout_ms;
    atomic_bool shut;
    size_t byte_bound;  /* of requests with several spans */
    bool failing;       /* the last request was lost */
    char endpoint[256]; /* the URL, fit for a log line */
};

/* Why a request is not delivered (yet). */
struct failure {
    otel_status status; /* what the export is to return */
    unsigned attempts;
    char cause[768];  /* the last failure; "" when there was none */
    const char *hint; /* what may help; NULL: nothing known */
};

/* What is to be done after an attempt. */
enum verdict { DELIVERED, TRY_AGAIN, LOST };

/* ---- reports ----------------------------------------------------------------------------------------------------- */

static void blame(struct failure *failure, otel_status status, const char *cause, const char *hint) {
    failure->status = status;
    failure->hint = hint;
    snprintf(failure->cause, sizeof failure->cause, "%s", cause);
}

static const char *hint_for(const struct http_exporter *exporter, int status) {
    switch (status) {
    case 301:
    case 302:
    case 307:
    case 308:
        return "Redirects are not followed: set the endpoint to the new address.";
    case 404:
    case 405:
    case 415:
        return exporter->format->address_hint;
    case 407:
        return "See http_proxy and HTTPS_PROXY.";
    case 413:
        return "Later requests will be smaller.";
    default:
        return NULL;
    }
}

static void blame_answer(const struct http_exporter *exporter, const struct otel__http_response *response,
                         struct failure *failure) {
    const char *name = otel__http_status_name(response->status);
    char location[256] = "", words[256] = "";
    otel_str body = otel_strn((const char *)response->body, response->body_len);
    while (body.len > 0 && strchr(" \t\r\n", body.ptr[body.len - 1]))
        body.len--;
    otel__escape(body, words, sizeof words);
    otel__escape(otel_cstr(response->location), location, sizeof location);
    const bool moved = response->status >= 300 && response->status < 400 && location[0];
    failure->status = OTEL_ERR_EXPORT;
    failure->hint = hint_for(exporter, response->status);
    snprintf(failure->cause, sizeof failure->cause, "HTTP %d%s%s%s%s%s%s", response->status, name[0] ? " " : "", name,
             moved ? " to " : "", moved ? location : "", words[0] ? ": " : "", words);
}

static otel_status report_loss(struct http_exporter *exporter, const struct failure *failure, size_t count) {
    char attempts[48] = "";
    if (failure->attempts > 1)
        snprintf(attempts, sizeof attempts, " (%u attempts)", failure->attempts);
    const char *stopped = failure->status != OTEL_ERR_CANCELLED ? ""
                          : failure->cause[0]                   ? "stopped after: "
                                                                : "stopped before the server answered";
    const bool explain = !exporter->failing && failure->hint;
    otel_report(OTEL_LOG_WARN, exporter->format->failed, "%zu spans could not be sent to %s: %s%s%s%s%s", count,
                exporter->endpoint, stopped, failure->cause, attempts, explain ? ". " : "",
                explain ? failure->hint : "");
    exporter->failing = true;
    return failure->status;
}

static otel_status report_success(struct http_exporter *exporter) {
    if (exporter->failing)
        otel_report(OTEL_LOG_INFO, exporter->format->recovered, "sending spans to %s works again", exporter->endpoint);
    exporter->failing = false;
    return OTEL_OK;
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* The server finds the request too large: later ones get smaller. */
static void lower_bound(struct http_exporter *exporter) {
    const size_t sent = otel__buffer_length(&exporter->workspace->body);
    const size_t bound = (sent < exporter->byte_bound ? sent : exporter->byte_bound) / 2;
    exporter->byte_bound = bound > BOUND_LEAST ? bound : BOUND_LEAST;
}

static enum verdict judge_answer(struct http_exporter *exporter, struct failure *failure, uint64_t *floor) {
    const struct otel__http_response *response = otel__http_response(exporter->client);
    if (response->status >= 200 && response->status < 300)
        return DELIVERED;
    blame_answer(exporter, response, failure);
    if (response->status == 413)
        lower_bound(exporter);
    if (!otel__retry_http_status(response->status))
        return LOST;
    if (!otel__retry_after(response->retry_after, (int64_t)time(NULL), floor))
        *floor = 0;
    return TRY_AGAIN;
}

/* What came of a request that was not answered. What an earlier attempt met says more than that time was up. */
static enum verdict judge_silence(const struct http_exporter *exporter, enum otel__http_result result,
                                  struct failure *failure) {
    const struct otel__http_response *response = otel__http_response(exporter->client);
    const bool out_of_time = result == OTEL__HTTP_TIMED_OUT;
    if (result != OTEL__HTTP_CANCELLED && !(out_of_time && failure->cause[0]))
        blame(failure, OTEL_ERR_EXPORT, response->problem, response->hint);
    if (result == OTEL__HTTP_CANCELLED)
        failure->status = OTEL_ERR_CANCELLED;
    else if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
    return result == OTEL__HTTP_UNAVAILABLE ? TRY_AGAIN : LOST;
}

static enum verdict attempt(struct http_exporter *exporter, uint64_t deadline, struct failure *failure,
                            uint64_t *floor) {
    const struct otel__buffer *body = &exporter->workspace->body;
    const struct otel__gzip *gzip = &exporter->workspace->gzip;
    failure->attempts++;
    *floor = 0;
    const enum otel__http_result result =
        otel__http_post(exporter->client, exporter->gzip ? gzip->data : body->cursor,
                        exporter->gzip ? gzip->len : otel__buffer_length(body), deadline);
    return result == OTEL__HTTP_ANSWERED ? judge_answer(exporter, failure, floor)
                                         : judge_silence(exporter, result, failure);
}

/* Enough for exporters not to try again in step. */
/* False: the export was cancelled. */
static bool wait_until(struct http_exporter *exporter, uint64_t until) {
    unsigned lane = 0; /* nothing is under way */
    return otel__http_run(exporter->client, until, &lane) != OTEL__HTTP_CANCELLED;
}

/* Sends what has been written until it is delivered, or lost, and `failure` says why. */
static bool deliver(struct http_exporter *exporter, uint64_t deadline, struct failure *failure) {
    struct otel__retry retry = { .policy = exporter->retry, .deadline = deadline };
    for (;;) {
        uint64_t floor = 0, wait = 0;
        const enum verdict verdict = attempt(exporter, deadline, failure, &floor);
        if (verdict != TRY_AGAIN)
            return verdict == DELIVERED;
        const uint64_t now = otel__clock_monotonic();
        if (!otel__retry_next(&retry, now, otel__random_bits(), floor, &wait))
            return false;
        otel_report(OTEL_LOG_DEBUG, exporter->format->tried_again,
                    "attempt %u to send to %s failed, trying again in %" PRIu64 " ms: %s", failure->attempts,
                    exporter->endpoint, wait / OTEL__MILLISECOND, failure->cause);
        if (!wait_until(exporter, now + wait)) {
            failure->status = OTEL_ERR_CANCELLED;
            return false;
        }
    }
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static void free_workspace(const struct otel__http_format *format, struct workspace *workspace) {
    if (!workspace)
        return;
    if (workspace->encoder)
        format->free_encoder(workspace->encoder);
    free(workspace->encoder);
    otel__buffer_free(&workspace->body);
    otel__gzip_free(&workspace->gzip);
    free(workspace);
}

static bool have_workspace(struct http_exporter *exporter) {
    if (exporter->workspace)
        return true;
    struct workspace *workspace = calloc(1, sizeof *workspace);
    if (workspace)
        workspace->encoder = calloc(1, exporter->format->encoder_size);
    if (!workspace || !workspace->encoder) {
        free_workspace(exporter->format, workspace);
        return false;
    }
    exporter->workspace = workspace;
    return true;
}

static otel_status write_body(struct http_exporter *exporter, otel_batch *batch, size_t first, size_t count) {
    if (!have_workspace(exporter))
        return OTEL_ERR_MEMORY;
    struct workspace *workspace = exporter->workspace;
    otel__buffer_reset(&workspace->body, count > 1 ? exporter->byte_bound : REQUEST_MAX);
    const otel_status status = exporter->format->encode(workspace->encoder, batch, first, count, &workspace->body);
    if (status != OTEL_OK || !exporter->gzip)
        return status;
    const struct otel__buffer *body = &workspace->body;
    const bool fine = otel__gzip_begin(&workspace->gzip) &&
                      otel__gzip_add(&workspace->gzip, body->cursor, otel__buffer_length(body), true);
    return fine ? OTEL_OK : OTEL_ERR_MEMORY;
}

/* No part that is left can be sent any more: writing it would only keep whoever waits for the export to end. */
static bool is_over(const struct http_exporter *exporter, uint64_t deadline, struct failure *failure) {
    if (otel__http_cancelled(exporter->client))
        failure->status = OTEL_ERR_CANCELLED;
    else if (otel__clock_monotonic() >= deadline)
        blame(failure, OTEL_ERR_TIMEOUT, "there was no time left for them", NULL);
    return failure->status != OTEL_OK;
}

static otel_status send_range(struct http_exporter *exporter, otel_batch *batch, size_t first, size_t count,
                              uint64_t deadline, otel_export_outcome *outcome) {
    struct failure failure = { .status = OTEL_OK };
    if (is_over(exporter, deadline, &failure))
        return report_loss(exporter, &failure, count);
    const otel_status status = write_body(exporter, batch, first, count);
    if (status == OTEL_ERR_EXPORT && count > 1) {
        const size_t half = count / 2;
        const otel_status one = send_range(exporter, batch, first, half, deadline, outcome);
        const otel_status other = send_range(exporter, batch, first + half, count - half, deadline, outcome);
        return one != OTEL_OK ? one : other;
    }
    if (status != OTEL_OK)
        blame(&failure, status,
              status == OTEL_ERR_EXPORT ? "the span takes more bytes than can be sent" : otel_status_text(status),
              NULL);
    if (status != OTEL_OK || !deliver(exporter, deadline, &failure))
        return report_loss(exporter, &failure, count);
    outcome->delivered += count;
    return report_success(exporter);
}

otel_status otel__http_export(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct http_exporter *exporter = self;
    const size_t count = otel_batch_count(batch);
    if (atomic_load(&exporter->shut))
        return OTEL_ERR_STATE;
    if (count == 0)
        return OTEL_OK;
    return send_range(exporter, batch, 0, count, otel__export_deadline(exporter->timeout_ms, timeout_ms), outcome);
}

/* ---- the other operations ---------------------------------------------------------------------------------------- */

/* Nothing stays under way after an export. */
otel_status otel__http_export_flush(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return OTEL_OK;
}

otel_status otel__http_export_shutdown(void *self, int timeout_ms) {
    struct http_exporter *exporter = self;
    (void)timeout_ms;
    atomic_store(&exporter->shut, true);
    return OTEL_OK;
}

void otel__http_export_cancel(void *self) {
    struct http_exporter *exporter = self;
    otel__http_cancel(exporter->client);
}

void otel__http_export_before_fork(void *self) {
    struct http_exporter *exporter = self;
    otel__http_before_fork(exporter->client);
}

bool otel__http_export_at_rest(void *self) {
    const struct http_exporter *exporter = self;
    return otel__http_at_rest(exporter->client);
}

void otel__http_export_after_fork(void *self, bool in_child) {
    struct http_exporter *exporter = self;
    if (in_child) {
        otel__inherited_leave(exporter->workspace ? &exporter->workspace->inherited : NULL);
        exporter->workspace = NULL;
    }
    otel__http_after_fork(exporter->client, in_child);
}

void otel__http_export_destroy(void *self) {
    struct http_exporter *exporter = self;
    free_workspace(exporter->format, exporter->workspace);
    otel__http_destroy(exporter->client);
    free(exporter);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

otel_exporter *otel__http_exporter_create(const struct otel__http_exporter_settings *settings, otel_error *error) {
    const struct otel__http_settings http = {
        .url = settings->url,
        .socket_target = settings->format->socket_target,
        .content_type = settings->format->content_type,
        .content_encoding = settings->gzip ? "gzip" : NULL,
        .user_agent = settings->user_agent,
        .headers = settings->headers,
        .header_count = settings->header_count,
        .response_limit = RESPONSE_MAX,
        .tls = settings->tls,
        .foreign_hint = settings->format->address_hint,
    };
    struct http_exporter *exporter = calloc(1, sizeof *exporter);
    if (!exporter) {
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
        return NULL;
    }
    exporter->client = otel__http_create(&http, error);
    if (!exporter->client) {
        free(exporter);
        return NULL;
    }
    exporter->format = settings->format;
    exporter->retry = settings->retry;
    exporter->gzip = settings->gzip;
    exporter->timeout_ms = settings->timeout_ms;
    exporter->byte_bound = BOUND_FIRST;
    otel__url_show(settings->url, exporter->endpoint, sizeof exporter->endpoint);
    return otel_exporter_create(settings->format->ops, exporter);
}
