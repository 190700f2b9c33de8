/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_exporter.c - see grpc_exporter.h. Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown
 * and cancel may come from any.
 */
#include "grpc/grpc_exporter.h"

#include "base/clock.h"
#include "common/export_deadline.h"
#include "common/export_state.h"
#include "common/http/http_header.h"
#include "common/inherited.h"
#include "common/random_bits.h"
#include "common/throttle.h"

#include <grpc/status.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit, by default: no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: what servers accept by default */
    AGENT_MAX = 1024,               /* of the user's part of the user agent */
    NEAR_MS = 100                   /* by which a call may end before its deadline because of that */
};

/* What encoding changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__buffer body; /* the request */
    void *encoder;
};

struct grpc_exporter {
    struct otel__export_state state;
    const struct otel__grpc_format *format;
    struct otel__grpc_channel *channel;
    int timeout_ms;
    size_t request_max;
    size_t byte_bound; /* of requests with several spans */
    struct otel__retry_policy retry;
    struct otel__throttle throttle;
    bool told_unusable;
    struct otel__export_reporter reporter;
};

/* One export. */
struct job {
    struct grpc_exporter *exporter;
    otel_batch *batch;
    uint64_t deadline;
    otel_export_outcome *outcome;
};

/* What is to be done after an attempt. */
enum verdict { DELIVERED, TRY_AGAIN, LOST };

/* ---- one request ------------------------------------------------------------------------------------------------- */

static void accept_reply(struct job *job, const struct otel__grpc_reply *reply, size_t count) {
    const struct grpc_exporter *exporter = job->exporter;
    if (exporter->format->rejected)
        job->outcome->rejected += exporter->format->rejected(&exporter->reporter, reply, count);
    job->outcome->delivered += count;
}

/* Our deadline goes along with the call: a server may end it a little before we do, and gRPC core rounds. */
static bool is_out_of_time(const struct job *job, const struct otel__grpc_reply *reply) {
    return reply->status == GRPC_STATUS_DEADLINE_EXCEEDED &&
           (!reply->from_server || otel__clock_monotonic() + NEAR_MS * OTEL__MILLISECOND >= job->deadline);
}

/* What an earlier attempt met says more than that time was up. */
static void note_failure(const struct job *job, const struct otel__grpc_reply *reply,
                         struct otel__export_failure *failure) {
    const bool out_of_time = is_out_of_time(job, reply);
    char cause[600];
    snprintf(cause, sizeof cause, "gRPC status %d %s%s%s", reply->status, otel__grpc_status_name(reply->status),
             reply->message[0] ? ": " : "", reply->message);
    if (!out_of_time || !failure->cause[0])
        otel__export_failure_problem(failure, OTEL_ERR_EXPORT, cause,
                                     otel__grpc_status_hint(&job->exporter->format->hints, reply->status,
                                                            reply->from_server ? "" : reply->message,
                                                            reply->distrusted));
    if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
}

static bool is_cancelled(const struct job *job, struct otel__export_failure *failure) {
    if (!otel__grpc_cancelled(job->exporter->channel))
        return false;
    failure->status = OTEL_ERR_CANCELLED;
    return true;
}

/* The server has too much to do at the moment; a message that is too large has the same status. */
static bool is_exhausted(const struct grpc_exporter *exporter, const struct otel__grpc_reply *reply) {
    return exporter->format->exhausted_is_passing && reply->status == GRPC_STATUS_RESOURCE_EXHAUSTED &&
           !reply->too_large && !reply->found_large;
}

/* What the server asks for becomes a floor of the next wait, which later exports respect as well. */
static uint64_t note_throttle(struct grpc_exporter *exporter, const struct otel__grpc_reply *reply) {
    bool asks = reply->retry_info || is_exhausted(exporter, reply) ||
                (reply->from_server && reply->status == GRPC_STATUS_UNAVAILABLE);
    uint64_t floor = otel__retry_grow(&exporter->retry, reply->retry_delay, exporter->throttle.asked);
    otel__throttle_note(&exporter->throttle, asks, floor, otel__clock_monotonic());
    return floor;
}

/* The server finds the request too large: later ones get smaller, down to what a span takes. */
static void lower_bound(struct grpc_exporter *exporter, size_t sent, size_t count) {
    const size_t least = sent < exporter->byte_bound ? sent : exporter->byte_bound;
    exporter->byte_bound = count > 1 ? least / 2 : least;
}

static enum verdict judge_failure(struct job *job, const struct otel__grpc_reply *reply, size_t count,
                                  struct otel__export_failure *failure, uint64_t *floor) {
    struct grpc_exporter *exporter = job->exporter;
    if (is_cancelled(job, failure))
        return LOST;
    note_failure(job, reply, failure);
    *floor = note_throttle(exporter, reply);
    if (reply->found_large)
        lower_bound(exporter, failure->bytes, count);
    if (reply->distrusted)
        return LOST;
    const bool asked = (reply->retry_info && !reply->too_large) || is_exhausted(exporter, reply);
    return otel__grpc_status_retryable(reply->status, asked) ? TRY_AGAIN : LOST;
}

static enum verdict attempt(struct job *job, size_t count, struct otel__export_failure *failure, uint64_t *floor) {
    struct grpc_exporter *exporter = job->exporter;
    const struct otel__buffer *body = &((struct workspace *)exporter->state.workspace)->body;
    struct otel__grpc_reply reply;
    failure->attempts++;
    failure->bytes = otel__buffer_length(body);
    otel__grpc_call(exporter->channel, exporter->format->method, body->cursor, failure->bytes, job->deadline, &reply);
    job->outcome->answered_by = OTEL_ANSWER_GRPC;
    job->outcome->answer_status = (int)reply.status;
    if (reply.status != GRPC_STATUS_OK) {
        job->outcome->error_type = otel__grpc_status_name(reply.status);
        return judge_failure(job, &reply, count, failure, floor);
    }
    otel__throttle_note(&exporter->throttle, false, 0, 0);
    accept_reply(job, &reply, count);
    free(reply.body);
    return DELIVERED;
}

static bool wait_for(struct job *job, uint64_t until, struct otel__export_failure *failure) {
    if (otel__grpc_wait(job->exporter->channel, until))
        return true;
    failure->status = OTEL_ERR_CANCELLED;
    return false;
}

/* An earlier answer asked for a pause that is not over yet. */
static bool respect_throttle(struct job *job, struct otel__export_failure *failure) {
    const uint64_t now = otel__clock_monotonic();
    const uint64_t until = otel__throttle_until(&job->exporter->throttle, now, job->deadline);
    if (now >= until)
        return true;
    if (until >= job->deadline) {
        otel__export_failure_pause(failure, until - now);
        return false;
    }
    return wait_for(job, until, failure);
}

/* Sends what has been encoded, `count` spans, until it is delivered or lost. */
static bool deliver(struct job *job, size_t count, struct otel__export_failure *failure) {
    struct grpc_exporter *exporter = job->exporter;
    struct otel__retry retry = { .policy = exporter->retry,
                                 .deadline = job->deadline,
                                 .failures = exporter->throttle.asked };
    if (!respect_throttle(job, failure))
        return false;
    for (;;) {
        uint64_t floor = 0, wait = 0;
        enum verdict verdict = attempt(job, count, failure, &floor);
        if (verdict != TRY_AGAIN)
            return verdict == DELIVERED;
        uint64_t now = otel__clock_monotonic();
        if (!otel__retry_next(&retry, now, otel__random_bits(), floor, &wait)) {
            otel__throttle_gave_up(&exporter->throttle, now, wait, floor > 0);
            return false;
        }
        otel__export_report_retry(&exporter->reporter, failure, wait / OTEL__MILLISECOND);
        if (!wait_for(job, now + wait, failure))
            return false;
    }
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static otel_status encode(struct job *job, size_t first, size_t count) {
    struct grpc_exporter *exporter = job->exporter;
    struct workspace *workspace = otel__export_workspace(&exporter->state, sizeof *workspace);
    if (workspace && !workspace->encoder)
        workspace->encoder = calloc(1, exporter->format->encoder_size);
    if (!workspace || !workspace->encoder)
        return OTEL_ERR_MEMORY;
    const bool bound = count > 1 && exporter->byte_bound < exporter->request_max;
    otel__buffer_reset(&workspace->body, bound ? exporter->byte_bound : exporter->request_max);
    return exporter->format->encode(workspace->encoder, job->batch, first, count, &workspace->body);
}

static otel_status fail(struct job *job, size_t count, struct otel__export_failure *failure) {
    otel__export_report_loss(&job->exporter->reporter, failure, count);
    return failure->status;
}

/* No part that is left can be sent any more: encoding it would only keep whoever waits for the export to end. */
static bool is_over(const struct job *job, struct otel__export_failure *failure) {
    if (!is_cancelled(job, failure) && otel__clock_monotonic() >= job->deadline)
        otel__export_failure_problem(failure, OTEL_ERR_TIMEOUT, "there was no time left for them", NULL);
    return failure->status != OTEL_OK;
}

static otel_str span_name(const struct job *job, size_t index) {
    const otel_span_data *span = otel_batch_span(job->batch, index);
    return span ? span->name : otel_cstr("");
}

static otel_status send_range(struct job *job, size_t first, size_t count) {
    struct otel__export_failure failure = { .status = OTEL_OK };
    if (is_over(job, &failure))
        return fail(job, count, &failure);
    otel_status status = encode(job, first, count);
    if (status == OTEL_ERR_EXPORT && count > 1) {
        size_t half = count / 2;
        otel_status one = send_range(job, first, half);
        otel_status other = send_range(job, first + half, count - half);
        return one != OTEL_OK ? one : other;
    }
    if (status == OTEL_ERR_EXPORT)
        otel__export_failure_large(&job->exporter->reporter, &failure, span_name(job, first),
                                   job->exporter->request_max);
    else if (status != OTEL_OK)
        otel__export_failure_problem(&failure, status, otel_status_text(status), NULL);
    if (status != OTEL_OK || !deliver(job, count, &failure))
        return fail(job, count, &failure);
    otel__export_report_success(&job->exporter->reporter);
    return OTEL_OK;
}

static bool usable(struct grpc_exporter *exporter) {
    if (otel__grpc_usable())
        return true;
    if (!exporter->told_unusable)
        otel_report(OTEL_LOG_WARN, exporter->format->unusable,
                    "spans cannot be sent over gRPC: this process was forked from one that had used gRPC, whose "
                    "threads it lacks. Fork before the first export, or use %s.",
                    exporter->format->instead);
    exporter->told_unusable = true;
    return false;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct grpc_exporter *exporter = self;
    size_t count = otel_batch_count(batch);
    otel_status refusal = otel__export_refusal(&exporter->state);
    if (refusal != OTEL_OK || count == 0)
        return refusal;
    if (!usable(exporter))
        return OTEL_ERR_EXPORT;
    struct job job = { .exporter = exporter,
                       .batch = batch,
                       .deadline = otel__export_deadline(exporter->timeout_ms, timeout_ms),
                       .outcome = outcome };
    return send_range(&job, 0, count);
}

/* ---- the other operations ---------------------------------------------------------------------------------------- */

static void cancel(void *self) {
    struct grpc_exporter *exporter = self;
    otel__grpc_cancel(exporter->channel);
}

static void before_fork(void *self) {
    struct grpc_exporter *exporter = self;
    otel__grpc_before_fork(exporter->channel);
}

static bool at_rest(void *self) {
    const struct grpc_exporter *exporter = self;
    return otel__grpc_at_rest(exporter->channel);
}

static void after_fork(void *self, bool in_child) {
    struct grpc_exporter *exporter = self;
    if (in_child)
        otel__export_leave_workspace(&exporter->state);
    otel__grpc_after_fork(exporter->channel, in_child);
}

static void free_workspace(const struct otel__grpc_format *format, struct workspace *workspace) {
    if (!workspace)
        return;
    if (workspace->encoder)
        format->free_encoder(workspace->encoder);
    free(workspace->encoder);
    otel__buffer_free(&workspace->body);
    free(workspace);
}

static void describe(void *self, otel_exporter_description *out) {
    const struct grpc_exporter *exporter = self;
    otel__export_describe(&exporter->reporter, exporter->format->component, out);
}

static void destroy(void *self) {
    struct grpc_exporter *exporter = self;
    free_workspace(exporter->format, exporter->state.workspace);
    otel__grpc_destroy(exporter->channel);
    free(exporter);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static bool check_agent(const char *prefix, otel_error *error) {
    const char *problem = otel__http_header_problem(otel_cstr("User-Agent"), otel_cstr(prefix));
    if (prefix && strnlen(prefix, AGENT_MAX + 1) > AGENT_MAX)
        problem = "it is longer than 1024 bytes";
    if (problem)
        snprintf(error->text, sizeof error->text, "the user agent cannot be sent: %s", problem);
    return !problem;
}

static otel_exporter *make_exporter(struct grpc_exporter *exporter) {
    const otel_exporter_ops ops = {
        .size = sizeof(otel_exporter_ops),
        .name = exporter->format->name,
        .blocking = true,
        .export_batch = export_batch,
        .force_flush = otel__export_flush_nothing,
        .shutdown = otel__export_shut_down,
        .cancel = cancel,
        .before_fork = before_fork,
        .at_rest = at_rest,
        .after_fork = after_fork,
        .destroy = destroy,
        .describe = describe,
    };
    return otel_exporter_create(&ops, exporter);
}

otel_exporter *otel__grpc_exporter_create(const struct otel__grpc_format *format,
                                          const struct otel__grpc_settings *settings, otel_error *error) {
    snprintf(error->text, sizeof error->text, "out of memory");
    if (!check_agent(settings->user_agent_prefix, error))
        return NULL;
    struct grpc_exporter *exporter = calloc(1, sizeof *exporter);
    if (exporter)
        exporter->channel = otel__grpc_create(settings, format->agent, error);
    if (!exporter || !exporter->channel) {
        free(exporter);
        return NULL;
    }
    exporter->format = format;
    exporter->timeout_ms = settings->timeout_ms;
    exporter->request_max = settings->request_max ? settings->request_max : REQUEST_MAX;
    exporter->byte_bound = BOUND_FIRST;
    exporter->retry = settings->retry;
    otel__export_reporter_init(&exporter->reporter, &format->kinds, settings->endpoint);
    return make_exporter(exporter);
}
