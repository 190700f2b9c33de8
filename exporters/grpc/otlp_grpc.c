/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_grpc.c - exports a batch over gRPC: encodes it, calls, tries again where that makes sense, and says what went
 * wrong. As over HTTP (otlp/otlp_http.c), a batch that takes more than the byte bound is sent in halves, and halves of
 * halves.
 *
 * Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown and cancel may come from any.
 */
#include "base/clock.h"
#include "common/export_deadline.h"
#include "common/http/http_header.h"
#include "common/inherited.h"
#include "common/random_bits.h"
#include "common/throttle.h"
#include "grpc/grpc_channel.h"
#include "grpc/grpc_status.h"
#include "grpc/strategy_grpc.h"
#include "otlp/otlp_encode.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response_protobuf.h"

#include <grpc/status.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define METHOD "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit, by default: no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: what servers accept by default */
    AGENT_MAX = 1024                /* of the user's part of the user agent */
};

/* What encoding changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__otlp_encoder encoder;
};

struct otlp_grpc {
    struct otel__grpc_channel *channel;
    struct workspace *workspace; /* NULL in a child that has not exported yet */
    int timeout_ms;
    size_t request_max;
    size_t byte_bound; /* of requests with several spans */
    struct otel__retry_policy retry;
    struct otel__throttle throttle;
    atomic_bool shut;
    bool told_unusable;
    struct otel__otlp_reporter reporter;
};

/* One export. */
struct job {
    struct otlp_grpc *otlp;
    otel_batch *batch;
    uint64_t deadline;
    uint64_t rejected, delivered; /* spans so far */
};

/* What is to be done after an attempt. */
enum verdict { DELIVERED, TRY_AGAIN, LOST };

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* A reply that cannot be read says nothing: the status has said that the spans were taken. */
static void accept_reply(struct job *job, const struct otel__grpc_reply *reply, size_t count) {
    struct otel__http_response response = { .body = reply->body, .body_len = reply->body_len };
    struct otel__otlp_answer answer = { 0 };
    otel__otlp_read_protobuf_success(&response, &answer);
    uint64_t rejected = answer.rejected < count ? answer.rejected : count;
    job->rejected += rejected;
    job->delivered += count;
    otel__otlp_report_partial(&job->otlp->reporter, rejected, count, answer.message);
}

/* What an earlier attempt met says more than that time was up. */
static void note_failure(const struct job *job, const struct otel__grpc_reply *reply,
                         struct otel__otlp_failure *failure) {
    bool out_of_time = reply->status == GRPC_STATUS_DEADLINE_EXCEEDED && otel__clock_monotonic() >= job->deadline;
    char cause[600];
    snprintf(cause, sizeof cause, "gRPC status %d %s%s%s", reply->status, otel__grpc_status_name(reply->status),
             reply->message[0] ? ": " : "", reply->message);
    if (!out_of_time || !failure->cause[0])
        otel__otlp_failure_problem(
            failure, OTEL_ERR_EXPORT, cause,
            otel__grpc_status_hint(reply->status, reply->from_server ? "" : reply->message, reply->distrusted));
    if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
}

static bool is_cancelled(const struct job *job, struct otel__otlp_failure *failure) {
    if (!otel__grpc_cancelled(job->otlp->channel))
        return false;
    failure->status = OTEL_ERR_CANCELLED;
    return true;
}

/* What the server asks for becomes a floor of the next wait, which later exports respect as well. */
static uint64_t note_throttle(struct otlp_grpc *otlp, const struct otel__grpc_reply *reply) {
    bool asks = reply->retry_info || (reply->from_server && reply->status == GRPC_STATUS_UNAVAILABLE);
    uint64_t floor = otel__retry_grow(&otlp->retry, reply->retry_delay, otlp->throttle.asked);
    otel__throttle_note(&otlp->throttle, asks, floor, otel__clock_monotonic());
    return floor;
}

/* The server finds the request too large: later ones get smaller, down to what a span takes. */
static void lower_bound(struct otlp_grpc *otlp, size_t sent, size_t count) {
    const size_t least = sent < otlp->byte_bound ? sent : otlp->byte_bound;
    otlp->byte_bound = count > 1 ? least / 2 : least;
}

static enum verdict attempt(struct job *job, size_t count, struct otel__otlp_failure *failure, uint64_t *floor) {
    struct otlp_grpc *otlp = job->otlp;
    const struct otel__buffer *body = &otlp->workspace->encoder.body;
    struct otel__grpc_reply reply;
    failure->attempts++;
    failure->bytes = otel__buffer_length(body);
    otel__grpc_call(otlp->channel, METHOD, body->cursor, otel__buffer_length(body), job->deadline, &reply);
    if (reply.status == GRPC_STATUS_OK) {
        otel__throttle_note(&otlp->throttle, false, 0, 0);
        accept_reply(job, &reply, count);
        free(reply.body);
        return DELIVERED;
    }
    if (is_cancelled(job, failure))
        return LOST;
    note_failure(job, &reply, failure);
    *floor = note_throttle(otlp, &reply);
    if (reply.found_large)
        lower_bound(otlp, failure->bytes, count);
    if (reply.distrusted)
        return LOST;
    return otel__grpc_status_retryable(reply.status, reply.retry_info && !reply.too_large) ? TRY_AGAIN : LOST;
}

static bool wait_for(struct job *job, uint64_t until, struct otel__otlp_failure *failure) {
    if (otel__grpc_wait(job->otlp->channel, until))
        return true;
    failure->status = OTEL_ERR_CANCELLED;
    return false;
}

/* An earlier answer asked for a pause that is not over yet. */
static bool respect_throttle(struct job *job, struct otel__otlp_failure *failure) {
    const uint64_t now = otel__clock_monotonic();
    const uint64_t until = otel__throttle_until(&job->otlp->throttle, now, job->deadline);
    if (now >= until)
        return true;
    if (until >= job->deadline) {
        otel__otlp_failure_pause(failure, until - now);
        return false;
    }
    return wait_for(job, until, failure);
}

/* Sends what has been encoded, `count` spans, until it is delivered or lost. */
static bool deliver(struct job *job, size_t count, struct otel__otlp_failure *failure) {
    struct otlp_grpc *otlp = job->otlp;
    struct otel__retry retry = { .policy = otlp->retry, .deadline = job->deadline, .failures = otlp->throttle.asked };
    if (!respect_throttle(job, failure))
        return false;
    for (;;) {
        uint64_t floor = 0, wait = 0;
        enum verdict verdict = attempt(job, count, failure, &floor);
        if (verdict != TRY_AGAIN)
            return verdict == DELIVERED;
        uint64_t now = otel__clock_monotonic();
        if (!otel__retry_next(&retry, now, otel__random_bits(), floor, &wait)) {
            otel__throttle_gave_up(&otlp->throttle, now, wait, floor > 0);
            return false;
        }
        otel__otlp_report_retry(&otlp->reporter, failure, wait / OTEL__MILLISECOND);
        if (!wait_for(job, now + wait, failure))
            return false;
    }
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static otel_status encode(struct job *job, size_t first, size_t count) {
    struct otlp_grpc *otlp = job->otlp;
    if (!otlp->workspace)
        otlp->workspace = calloc(1, sizeof *otlp->workspace);
    if (!otlp->workspace)
        return OTEL_ERR_MEMORY;
    size_t limit = count > 1 && otlp->byte_bound < otlp->request_max ? otlp->byte_bound : otlp->request_max;
    return otel__otlp_encode(&otlp->workspace->encoder, job->batch, first, count, limit);
}

static otel_status fail(struct job *job, size_t count, struct otel__otlp_failure *failure) {
    otel__otlp_report_failure(&job->otlp->reporter, failure, count);
    return failure->status;
}

/* No part that is left can be sent any more: encoding it would only keep whoever waits for the export to end. */
static bool is_over(const struct job *job, struct otel__otlp_failure *failure) {
    if (!is_cancelled(job, failure) && otel__clock_monotonic() >= job->deadline)
        otel__otlp_failure_problem(failure, OTEL_ERR_TIMEOUT, "there was no time left for them", NULL);
    return failure->status != OTEL_OK;
}

static otel_str span_name(const struct job *job, size_t index) {
    const otel_span_data *span = otel_batch_span(job->batch, index);
    return span ? span->name : otel_cstr("");
}

static otel_status send_range(struct job *job, size_t first, size_t count) {
    struct otel__otlp_failure failure = { .status = OTEL_OK };
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
        otel__otlp_failure_large(&failure, span_name(job, first), job->otlp->request_max);
    else if (status != OTEL_OK)
        otel__otlp_failure_problem(&failure, status, otel_status_text(status), NULL);
    if (status != OTEL_OK || !deliver(job, count, &failure))
        return fail(job, count, &failure);
    otel__otlp_report_success(&job->otlp->reporter);
    return OTEL_OK;
}

static bool usable(struct otlp_grpc *otlp) {
    if (otel__grpc_usable())
        return true;
    if (!otlp->told_unusable)
        otel_report(
            OTEL_LOG_WARN, "otlp.grpc.fork",
            "spans cannot be sent over gRPC: this process was forked from one that had used gRPC, whose threads "
            "it lacks. Fork before the first export, or use http/protobuf.");
    otlp->told_unusable = true;
    return false;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct otlp_grpc *otlp = self;
    size_t count = otel_batch_count(batch);
    if (atomic_load(&otlp->shut))
        return OTEL_ERR_STATE;
    if (count == 0)
        return OTEL_OK;
    if (!usable(otlp))
        return OTEL_ERR_EXPORT;
    struct job job = { .otlp = otlp, .batch = batch, .deadline = otel__export_deadline(otlp->timeout_ms, timeout_ms) };
    otel_status status = send_range(&job, 0, count);
    outcome->rejected = job.rejected;
    outcome->delivered = job.delivered;
    return status;
}

/* Nothing stays under way after an export. */
static otel_status force_flush(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return OTEL_OK;
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct otlp_grpc *otlp = self;
    (void)timeout_ms;
    atomic_store(&otlp->shut, true);
    return OTEL_OK;
}

static void cancel(void *self) {
    struct otlp_grpc *otlp = self;
    otel__grpc_cancel(otlp->channel);
}

static void before_fork(void *self) {
    struct otlp_grpc *otlp = self;
    otel__grpc_before_fork(otlp->channel);
}

static bool at_rest(void *self) {
    const struct otlp_grpc *otlp = self;
    return otel__grpc_at_rest(otlp->channel);
}

static void after_fork(void *self, bool in_child) {
    struct otlp_grpc *otlp = self;
    if (in_child) {
        otel__inherited_leave(otlp->workspace ? &otlp->workspace->inherited : NULL);
        otlp->workspace = NULL;
    }
    otel__grpc_after_fork(otlp->channel, in_child);
}

static void destroy(void *self) {
    struct otlp_grpc *otlp = self;
    if (otlp->workspace)
        otel__otlp_encoder_free(&otlp->workspace->encoder);
    free(otlp->workspace);
    otel__grpc_destroy(otlp->channel);
    free(otlp);
}

static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "otlp",
    .blocking = true,
    .export_batch = export_batch,
    .force_flush = force_flush,
    .shutdown = shut_down,
    .cancel = cancel,
    .before_fork = before_fork,
    .at_rest = at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static bool check_agent(const char *prefix, otel_error *error) {
    const char *problem = otel__http_header_problem(otel_cstr("User-Agent"), otel_cstr(prefix));
    if (prefix && strnlen(prefix, AGENT_MAX + 1) > AGENT_MAX)
        problem = "it is longer than 1024 bytes";
    if (problem)
        snprintf(error->text, sizeof error->text, "the user agent cannot be sent: %s", problem);
    return !problem;
}

static otel_exporter *create(const struct otel__otlp_grpc_settings *settings, otel_error *error) {
    snprintf(error->text, sizeof error->text, "out of memory");
    if (!check_agent(settings->user_agent_prefix, error))
        return NULL;
    struct otlp_grpc *otlp = calloc(1, sizeof *otlp);
    if (otlp)
        otlp->channel = otel__grpc_create(settings, error);
    if (!otlp || !otlp->channel) {
        free(otlp);
        return NULL;
    }
    otlp->timeout_ms = settings->timeout_ms;
    otlp->request_max = settings->request_max ? settings->request_max : REQUEST_MAX;
    otlp->byte_bound = BOUND_FIRST;
    otlp->retry = settings->retry;
    otel__otlp_reporter_init(&otlp->reporter, settings->endpoint);
    return otel_exporter_create(&ops, otlp);
}

extern const struct otel__otlp_grpc otel__otlp_grpc __attribute__((visibility("default")));
const struct otel__otlp_grpc otel__otlp_grpc = {
    .abi = OTEL__OTLP_GRPC_ABI,
    .sdk = otel_exporter_create,
    .create = create,
    .strategies = otel__strategy_grpc,
};
