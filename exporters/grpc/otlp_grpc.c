/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_grpc.c - exports a batch over gRPC: encodes it, calls, tries again where that makes sense, and says what went
 * wrong. Exports come from one thread at a time (otel/exporter.h); shutdown and cancel may come from any.
 */
#include "base/clock.h"
#include "common/inherited.h"
#include "common/retry.h"
#include "grpc/grpc_channel.h"
#include "grpc/grpc_status.h"
#include "grpc/grpc_target.h"
#include "otlp/otlp_encode.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response_protobuf.h"

#include <grpc/status.h>
#include <otel/grpc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define METHOD "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit: no larger request is sent */
    BOUND = 4 * 1024 * 1024,        /* of requests with several spans: what servers accept by default */
    DEFAULT_MS = 10000,
    OWN_BOUND_MS = 60000 /* of one export, when the settings have none */
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

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* An answer reads as over HTTP. */
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
        otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, cause, NULL);
    if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
}

static uint32_t random_bits(void) {
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint32_t)(otel__clock_monotonic() * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    return bits;
}

static bool cancelled(const struct job *job, struct otel__otlp_failure *failure) {
    if (!otel__grpc_cancelled(job->otlp->channel))
        return false;
    failure->status = OTEL_ERR_CANCELLED;
    return true;
}

/* Sends what has been encoded, `count` spans, until it is delivered or lost. */
static bool deliver(struct job *job, size_t count, struct otel__otlp_failure *failure) {
    struct otlp_grpc *otlp = job->otlp;
    const struct otel__buffer *body = &otlp->workspace->encoder.body;
    struct otel__retry retry = { .deadline = job->deadline };
    for (;;) {
        struct otel__grpc_reply reply;
        uint64_t wait = 0;
        failure->attempts++;
        otel__grpc_call(otlp->channel, METHOD, body->cursor, otel__buffer_length(body), job->deadline, &reply);
        if (reply.status == GRPC_STATUS_OK) {
            accept_reply(job, &reply, count);
            free(reply.body);
            return true;
        }
        if (cancelled(job, failure))
            return false;
        note_failure(job, &reply, failure);
        uint64_t now = otel__clock_monotonic();
        if (!otel__grpc_status_retryable(reply.status, reply.retry_info) ||
            !otel__retry_next(&retry, now, random_bits(), reply.retry_delay, &wait))
            return false;
        otel__otlp_report_retry(&otlp->reporter, failure, wait / OTEL__MILLISECOND);
        if (!otel__grpc_wait(otlp->channel, now + wait)) {
            failure->status = OTEL_ERR_CANCELLED;
            return false;
        }
    }
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static otel_status encode(struct job *job, size_t first, size_t count) {
    struct otlp_grpc *otlp = job->otlp;
    if (!otlp->workspace)
        otlp->workspace = calloc(1, sizeof *otlp->workspace);
    if (!otlp->workspace)
        return OTEL_ERR_MEMORY;
    return otel__otlp_encode(&otlp->workspace->encoder, job->batch, first, count, count > 1 ? BOUND : REQUEST_MAX);
}

static otel_status fail(struct job *job, size_t count, struct otel__otlp_failure *failure) {
    otel__otlp_report_failure(&job->otlp->reporter, failure, count);
    return failure->status;
}

static otel_status send_range(struct job *job, size_t first, size_t count) {
    struct otel__otlp_failure failure = { .status = OTEL_OK };
    if (cancelled(job, &failure))
        return fail(job, count, &failure);
    otel_status status = encode(job, first, count);
    if (status == OTEL_ERR_EXPORT && count > 1) {
        size_t half = count / 2;
        otel_status one = send_range(job, first, half);
        otel_status other = send_range(job, first + half, count - half);
        return one != OTEL_OK ? one : other;
    }
    if (status != OTEL_OK) {
        bool large = status == OTEL_ERR_EXPORT;
        const char *problem = large ? "the span takes more than 64 MiB" : otel_status_text(status);
        otel__otlp_failure_problem(&failure, status, problem, NULL);
        return fail(job, count, &failure);
    }
    if (!deliver(job, count, &failure))
        return fail(job, count, &failure);
    otel__otlp_report_success(&job->otlp->reporter);
    return OTEL_OK;
}

static uint64_t export_deadline(const struct otlp_grpc *otlp, int timeout_ms) {
    int ms = otlp->timeout_ms;
    if (timeout_ms > 0 && timeout_ms < ms)
        ms = timeout_ms;
    return otel__clock_monotonic() + (uint64_t)ms * OTEL__MILLISECOND;
}

static bool usable(struct otlp_grpc *otlp) {
    if (otel__grpc_usable(otlp->channel))
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
    struct job job = { .otlp = otlp, .batch = batch, .deadline = export_deadline(otlp, timeout_ms) };
    otel_status status = send_range(&job, 0, count);
    outcome->rejected = job.rejected;
    outcome->delivered = job.delivered;
    return status;
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

/* A child never enters what it inherits of gRPC core, so that a fork may come at any moment. */
static bool at_rest(void *self) {
    (void)self;
    return true;
}

static void after_fork(void *self, bool in_child) {
    struct otlp_grpc *otlp = self;
    if (!in_child)
        return;
    otel__inherited_leave(otlp->workspace ? &otlp->workspace->inherited : NULL);
    otlp->workspace = NULL;
    otel__grpc_in_child(otlp->channel);
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
    .shutdown = shut_down,
    .cancel = cancel,
    .at_rest = at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static otel_exporter *refuse(const otel_otlp_grpc_options *options, const char *what, const char *why) {
    if (options->error)
        snprintf(options->error->text, sizeof options->error->text, "%s%s", what, why);
    return NULL;
}

static int settle_timeout(int ms) {
    if (ms == 0)
        return DEFAULT_MS;
    return ms == OTEL_NO_TIMEOUT ? OWN_BOUND_MS : ms;
}

/* Those that the caller knew when it was compiled; the others are zero. */
static otel_otlp_grpc_options read_options(const otel_otlp_grpc_options *options) {
    otel_otlp_grpc_options known = { .size = sizeof known };
    if (options)
        memcpy(&known, options, options->size < sizeof known ? options->size : sizeof known);
    return known;
}

otel_exporter *otel_otlp_grpc_exporter(const otel_otlp_grpc_options *options) {
    const otel_otlp_grpc_options known = read_options(options);
    const char *endpoint = known.endpoint ? known.endpoint : "http://localhost:4317";
    struct otel__grpc_target target;
    const char *problem = otel__grpc_target(endpoint, known.insecure, &target);
    if (problem)
        return refuse(&known, "otel_otlp_grpc_options.endpoint: ", problem);
    if (known.timeout_ms < 0)
        return refuse(&known, "otel_otlp_grpc_options.timeout_ms: ", "it is negative");
    struct otlp_grpc *otlp = calloc(1, sizeof *otlp);
    if (otlp)
        otlp->channel = otel__grpc_create(target.text, target.tls, "OTel-OTLP-Exporter-C/" OTEL__VERSION);
    if (!otlp || !otlp->channel) {
        free(otlp);
        return refuse(&known, "", otel_status_text(OTEL_ERR_MEMORY));
    }
    otlp->timeout_ms = settle_timeout(known.timeout_ms);
    otel__otlp_reporter_init(&otlp->reporter, endpoint);
    if (target.path_ignored)
        otel_report(OTEL_LOG_WARN, "otlp.grpc.path", "gRPC has no use for the path in the endpoint %s",
                    otlp->reporter.endpoint);
    return otel_exporter_create(&ops, otlp);
}
