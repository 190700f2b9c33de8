/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_http.c - exports a batch: encodes it, posts it, tries again where that makes sense, and says what went wrong.
 *
 * DESIGN. Spans are borrowed only while they are encoded; attempts send the same bytes. A batch that takes more than the
 * byte bound is sent in halves, and halves of halves, so that only a single span can make a larger request. Ranges of
 * spans that are still to be sent lie on a stack, the next one on top. Each request that is under way, or waits for
 * another attempt, has a place, which is a lane of the HTTP client; a free place takes the next range, so that the next
 * request is written while others are answered. Each is judged and tried again by itself. While the server asks for
 * fewer requests, one at a time makes attempts. An export ends when the stack is empty and all places are free.
 *
 * Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown and cancel may come from any.
 */
#include "otlp/otlp_http.h"

#include "base/clock.h"
#include "base/url.h"
#include "common/export_deadline.h"
#include "common/http/http_gzip.h"
#include "common/http/http_header.h"
#include "common/inherited.h"
#include "common/random_bits.h"
#include "common/retry.h"
#include "common/throttle.h"
#include "otlp/otlp_json.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit, by default: no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: what servers accept by default */
    RESPONSE_MAX = 4 * 1024 * 1024, /* OTLP's limit, by default */
    COMPRESS_STEP = 256 * 1024,     /* between two looks at whether an export is over */
    HALVINGS_MAX = 64,              /* of any number of spans */
    AGENT_MAX = 1024                /* of the user's part of the User-Agent */
};

static const char NO_TIME_LEFT[] = "there was no time left for them";

/* Spans of the batch, which lie next to each other. */
struct range {
    size_t first, count;
};

/* A range that is sent by itself, and what became of that so far. */
struct request {
    struct range spans; /* none: the place is free */
    struct otel__otlp_encoder encoder;
    struct otel__gzip gzip;
    struct otel__otlp_failure failure;
    struct otel__retry retry;
    uint64_t due;   /* ns: the next attempt begins no sooner */
    unsigned asked; /* as of the throttle, when the attempt began */
    bool under_way;
};

/* What exporting changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct request requests[]; /* one for each lane of the client */
};

struct otlp_http {
    struct otel__http_client *client;
    struct workspace *workspace; /* NULL in a child that has not exported yet */
    unsigned lanes;
    bool json, gzip;
    int timeout_ms;
    struct otel__retry_policy retry;
    atomic_bool shut;
    size_t request_max;
    size_t byte_bound; /* of requests with several spans */
    struct otel__throttle throttle;
    struct otel__otlp_reporter reporter;
};

/* One export. */
struct job {
    struct otlp_http *otlp;
    otel_batch *batch;
    uint64_t deadline;
    uint64_t rejected, delivered; /* spans so far */
    otel_status status;           /* of the first request, in the order of the batch, that is lost */
    size_t failed_at;             /* that one's first span */
    struct range todo[HALVINGS_MAX + 1];
    unsigned todo_count;
};

/* What is to be done after an attempt. */
enum verdict { DELIVERED, TRY_AGAIN, LOST };

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* Whether the server asks for fewer requests; a Retry-After may say for how long. */
static bool throttles(int status) { return status == 429 || status == 503; }

/*
 * Retry-After as a floor for the next wait, which later exports respect as well. Requests that were under way at once ask
 * for fewer only once, however many of them say so.
 */
static uint64_t note_throttle(struct otlp_http *otlp, const struct request *request,
                              const struct otel__http_response *response) {
    const bool asks = throttles(response->status);
    const uint64_t now = otel__clock_monotonic();
    uint64_t delay = 0;
    if (!otel__retry_http_status(response->status) ||
        !otel__retry_after(response->retry_after, (int64_t)time(NULL), &delay))
        delay = 0;
    if (asks && request->asked < otlp->throttle.asked)
        otel__throttle_pause(&otlp->throttle, delay, now);
    else
        otel__throttle_note(&otlp->throttle, asks, delay, now);
    return delay;
}

static void accept_answer(struct job *job, const struct otel__otlp_answer *answer, size_t count) {
    uint64_t rejected = answer->rejected < count ? answer->rejected : count;
    job->rejected += rejected;
    job->delivered += count;
    otel__otlp_report_partial(&job->otlp->reporter, rejected, count, answer->message);
}

static otel_str span_name(const struct job *job, size_t index) {
    const otel_span_data *span = otel_batch_span(job->batch, index);
    return span ? span->name : otel_cstr("");
}

/* The server finds the request too large: later ones get smaller, down to what a span takes. */
static void lower_bound(struct job *job, struct request *request) {
    struct otlp_http *otlp = job->otlp;
    const size_t sent = request->failure.bytes, bound = request->spans.count > 1 ? sent / 2 : sent;
    /* One that began before the bound was lowered says no more than the first of them did. */
    if (bound < otlp->byte_bound)
        otlp->byte_bound = bound;
    if (request->spans.count == 1)
        otel__otlp_failure_span(&request->failure, span_name(job, request->spans.first));
}

static const struct otel__http_response *response_of(const struct otlp_http *otlp, const struct request *request) {
    return otel__http_lane_response(otlp->client, (unsigned)(request - otlp->workspace->requests));
}

static enum verdict judge_answer(struct job *job, struct request *request, uint64_t *floor) {
    struct otlp_http *otlp = job->otlp;
    struct otel__otlp_failure *failure = &request->failure;
    const struct otel__http_response *response = response_of(otlp, request);
    struct otel__otlp_answer answer;
    otel__otlp_read_answer(response, &answer);
    *floor = note_throttle(otlp, request, response);
    if (response->status >= 200 && response->status < 300) {
        accept_answer(job, &answer, request->spans.count);
        if (answer.foreign)
            otel__otlp_report_foreign(&otlp->reporter, response);
        return DELIVERED;
    }
    otel__otlp_failure_answer(failure, response, answer.message);
    if (response->status == 413)
        lower_bound(job, request);
    return otel__retry_http_status(response->status) ? TRY_AGAIN : LOST;
}

/* What came of a request that was not answered. What an earlier attempt met says more than that time was up. */
static enum verdict judge_silence(const struct otlp_http *otlp, struct request *request,
                                  enum otel__http_result result) {
    const struct otel__http_response *response = response_of(otlp, request);
    struct otel__otlp_failure *failure = &request->failure;
    bool out_of_time = result == OTEL__HTTP_TIMED_OUT;
    if (result != OTEL__HTTP_CANCELLED && !(out_of_time && failure->cause[0]))
        otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, response->problem, response->hint);
    if (result == OTEL__HTTP_CANCELLED)
        failure->status = OTEL_ERR_CANCELLED;
    else if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
    return result == OTEL__HTTP_UNAVAILABLE ? TRY_AGAIN : LOST;
}

static void fail(struct job *job, struct request *request) {
    otel__otlp_report_failure(&job->otlp->reporter, &request->failure, request->spans.count);
    if (job->status == OTEL_OK || request->spans.first < job->failed_at) {
        job->status = request->failure.status;
        job->failed_at = request->spans.first;
    }
    request->spans.count = 0;
}

/*
 * After an attempt: the request is delivered, lost, or to be tried again. While a server asks for fewer requests the
 * waits go on to grow from one export to the next.
 */
static void settle(struct job *job, struct request *request, enum otel__http_result result) {
    struct otlp_http *otlp = job->otlp;
    uint64_t floor = 0, wait = 0;
    request->under_way = false;
    const enum verdict verdict =
        result == OTEL__HTTP_ANSWERED ? judge_answer(job, request, &floor) : judge_silence(otlp, request, result);
    const uint64_t now = otel__clock_monotonic();
    if (verdict == DELIVERED) {
        otel__otlp_report_success(&otlp->reporter);
        request->spans.count = 0;
    } else if (verdict == LOST) {
        fail(job, request);
    } else if (!otel__retry_next(&request->retry, now, otel__random_bits(), floor, &wait)) {
        otel__throttle_gave_up(&otlp->throttle, now, wait, floor > 0);
        fail(job, request);
    } else {
        otel__otlp_report_retry(&otlp->reporter, &request->failure, wait / OTEL__MILLISECOND);
        request->due = now + wait;
    }
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

/* False: an earlier answer asked for a pause that is not over yet. The request waits for that, or is lost at once. */
static bool respect_throttle(struct job *job, struct request *request, uint64_t now) {
    const uint64_t until = otel__throttle_until(&job->otlp->throttle, now, job->deadline);
    if (now >= until)
        return true;
    request->due = until;
    if (until >= job->deadline) {
        otel__otlp_failure_pause(&request->failure, until - now);
        fail(job, request);
    }
    return false;
}

static void begin_attempt(struct job *job, struct request *request) {
    struct otlp_http *otlp = job->otlp;
    const struct otel__buffer *body = &request->encoder.body;
    const size_t len = otel__buffer_length(body);
    request->failure.attempts++;
    request->failure.bytes = len;
    request->asked = otlp->throttle.asked;
    const enum otel__http_result result = otel__http_begin(
        otlp->client, (unsigned)(request - otlp->workspace->requests), otlp->gzip ? request->gzip.data : body->cursor,
        otlp->gzip ? request->gzip.len : len, job->deadline);
    request->under_way = result == OTEL__HTTP_UNDER_WAY;
    if (!request->under_way)
        settle(job, request, result);
}

/* Whether the request waits, and only for time to pass: while the server asks for fewer, the first of all has its turn. */
static bool is_waiting(const struct job *job, const struct request *request) {
    const struct otlp_http *otlp = job->otlp;
    if (request->spans.count == 0 || request->under_way)
        return false;
    for (unsigned i = 0; i < otlp->lanes && otlp->throttle.asked > 0; i++) {
        const struct request *other = &otlp->workspace->requests[i];
        if (other->spans.count > 0 && (other->under_way || other->spans.first < request->spans.first))
            return false;
    }
    return true;
}

static void begin_due(struct job *job) {
    for (unsigned i = 0; i < job->otlp->lanes; i++) {
        struct request *request = &job->otlp->workspace->requests[i];
        const uint64_t now = otel__clock_monotonic();
        if (is_waiting(job, request) && request->due <= now && respect_throttle(job, request, now))
            begin_attempt(job, request);
    }
}

/* When the next attempt is due; the export's deadline if none is before that. */
static uint64_t next_due(const struct job *job) {
    uint64_t due = job->deadline;
    for (unsigned i = 0; i < job->otlp->lanes; i++) {
        const struct request *request = &job->otlp->workspace->requests[i];
        if (is_waiting(job, request) && request->due < due)
            due = request->due;
    }
    return due;
}

/* Nothing more will come of any request: the export was cancelled, its time is up, or memory is too short to connect. */
static void end_all(struct job *job, enum otel__http_result result) {
    for (unsigned i = 0; i < job->otlp->lanes; i++) {
        struct request *request = &job->otlp->workspace->requests[i];
        if (request->spans.count == 0)
            continue;
        if (request->under_way)
            otel__http_give_up(job->otlp->client, i);
        else if (!request->failure.cause[0])
            otel__otlp_failure_problem(&request->failure, OTEL_ERR_TIMEOUT, NO_TIME_LEFT, NULL);
        settle(job, request, result);
    }
}

/* Waits until a request has ended, which is settled, or until then. */
static void wait_for(struct job *job, uint64_t until) {
    const unsigned none = job->otlp->lanes;
    unsigned lane = none;
    const enum otel__http_result result = otel__http_run(job->otlp->client, until, &lane);
    if (lane != none)
        settle(job, &job->otlp->workspace->requests[lane], result);
    else if (result != OTEL__HTTP_UNDER_WAY)
        end_all(job, result);
    else if (otel__clock_monotonic() >= job->deadline)
        end_all(job, OTEL__HTTP_TIMED_OUT);
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static otel_status encode(struct job *job, struct request *request) {
    struct otlp_http *otlp = job->otlp;
    const struct range spans = request->spans;
    size_t limit = spans.count > 1 && otlp->byte_bound < otlp->request_max ? otlp->byte_bound : otlp->request_max;
    return otlp->json ? otel__otlp_encode_json(&request->encoder, job->batch, spans.first, spans.count, limit)
                      : otel__otlp_encode(&request->encoder, job->batch, spans.first, spans.count, limit);
}

/* No part that is left can be sent any more: encoding it would only keep whoever waits for the export to end. */
static bool is_over(const struct job *job, struct otel__otlp_failure *failure) {
    if (otel__http_cancelled(job->otlp->client))
        failure->status = OTEL_ERR_CANCELLED;
    else if (otel__clock_monotonic() >= job->deadline)
        otel__otlp_failure_problem(failure, OTEL_ERR_TIMEOUT, NO_TIME_LEFT, NULL);
    return failure->status != OTEL_OK;
}

/* Limits are those of what is compressed. False: the request's failure says why. */
static bool compress_body(struct job *job, struct request *request) {
    struct otel__gzip *gzip = &request->gzip;
    const struct otel__buffer *body = &request->encoder.body;
    bool fine = otel__gzip_begin(gzip);
    for (const uint8_t *at = body->cursor; fine && at < body->end;) {
        if (is_over(job, &request->failure))
            return false;
        size_t left = (size_t)(body->end - at), step = left < COMPRESS_STEP ? left : COMPRESS_STEP;
        fine = otel__gzip_add(gzip, at, step, step == left);
        at += step;
    }
    if (!fine)
        otel__otlp_failure_problem(&request->failure, OTEL_ERR_MEMORY, otel_status_text(OTEL_ERR_MEMORY), NULL);
    return fine;
}

/* Lies next on the stack, before what does already. */
static void put_back(struct job *job, size_t first, size_t count) {
    job->todo[job->todo_count++] = (struct range){ first, count };
}

/* Writes the range as a request that is due now; or puts its halves back, when it takes more than a request may. */
static void send_range(struct job *job, struct request *request, struct range spans) {
    request->spans = spans;
    request->failure = (struct otel__otlp_failure){ .status = OTEL_OK };
    request->retry = (struct otel__retry){ .policy = job->otlp->retry,
                                           .deadline = job->deadline,
                                           .failures = job->otlp->throttle.asked };
    request->due = 0;
    if (is_over(job, &request->failure)) {
        fail(job, request);
        return;
    }
    const otel_status status = encode(job, request);
    if (status == OTEL_ERR_EXPORT && spans.count > 1) {
        request->spans.count = 0;
        put_back(job, spans.first + spans.count / 2, spans.count - spans.count / 2);
        put_back(job, spans.first, spans.count / 2);
        return;
    }
    if (status == OTEL_ERR_EXPORT)
        otel__otlp_failure_large(&request->failure, span_name(job, spans.first), job->otlp->request_max);
    else if (status != OTEL_OK)
        otel__otlp_failure_problem(&request->failure, status, otel_status_text(status), NULL);
    if (status != OTEL_OK || (job->otlp->gzip && !compress_body(job, request)))
        fail(job, request);
}

static bool is_idle(const struct otlp_http *otlp) {
    for (unsigned i = 0; i < otlp->lanes; i++)
        if (otlp->workspace->requests[i].spans.count > 0)
            return false;
    return true;
}

/* The place for what is next on the stack; NULL: there is none, or nothing. */
static struct request *free_place(const struct job *job) {
    struct otlp_http *otlp = job->otlp;
    if (job->todo_count == 0 || (otlp->throttle.asked > 0 && !is_idle(otlp)))
        return NULL;
    for (unsigned i = 0; i < otlp->lanes; i++)
        if (otlp->workspace->requests[i].spans.count == 0)
            return &otlp->workspace->requests[i];
    return NULL;
}

/* Sends what lies on the stack until all of it is delivered or lost. */
static void deliver(struct job *job) {
    while (job->todo_count > 0 || !is_idle(job->otlp)) {
        struct request *place = free_place(job);
        if (place)
            send_range(job, place, job->todo[--job->todo_count]);
        begin_due(job);
        if (!is_idle(job->otlp))
            wait_for(job, free_place(job) ? otel__clock_monotonic() : next_due(job));
    }
}

static bool have_workspace(struct otlp_http *otlp) {
    if (!otlp->workspace)
        otlp->workspace = calloc(1, sizeof *otlp->workspace + otlp->lanes * sizeof otlp->workspace->requests[0]);
    return otlp->workspace != NULL;
}

static otel_status send_batch(struct job *job, size_t count) {
    struct otel__otlp_failure failure = { .status = OTEL_OK };
    if (!is_over(job, &failure) && !have_workspace(job->otlp))
        otel__otlp_failure_problem(&failure, OTEL_ERR_MEMORY, otel_status_text(OTEL_ERR_MEMORY), NULL);
    if (failure.status != OTEL_OK) {
        otel__otlp_report_failure(&job->otlp->reporter, &failure, count);
        return failure.status;
    }
    put_back(job, 0, count);
    deliver(job);
    return job->status;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct otlp_http *otlp = self;
    size_t count = otel_batch_count(batch);
    if (atomic_load(&otlp->shut))
        return OTEL_ERR_STATE;
    if (count == 0)
        return OTEL_OK;
    struct job job = { .otlp = otlp, .batch = batch, .deadline = otel__export_deadline(otlp->timeout_ms, timeout_ms) };
    otel_status status = send_batch(&job, count);
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
    struct otlp_http *otlp = self;
    (void)timeout_ms;
    atomic_store(&otlp->shut, true);
    return OTEL_OK;
}

static void cancel(void *self) {
    struct otlp_http *otlp = self;
    otel__http_cancel(otlp->client);
}

static void before_fork(void *self) {
    struct otlp_http *otlp = self;
    otel__http_before_fork(otlp->client);
}

static bool at_rest(void *self) {
    const struct otlp_http *otlp = self;
    return otel__http_at_rest(otlp->client);
}

static void after_fork(void *self, bool in_child) {
    struct otlp_http *otlp = self;
    if (in_child) {
        otel__inherited_leave(otlp->workspace ? &otlp->workspace->inherited : NULL);
        otlp->workspace = NULL;
    }
    otel__http_after_fork(otlp->client, in_child);
}

static void destroy(void *self) {
    struct otlp_http *otlp = self;
    for (unsigned i = 0; otlp->workspace && i < otlp->lanes; i++) {
        otel__otlp_encoder_free(&otlp->workspace->requests[i].encoder);
        otel__gzip_free(&otlp->workspace->requests[i].gzip);
    }
    free(otlp->workspace);
    otel__http_destroy(otlp->client);
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

static struct otel__http_client *make_client(const struct otel__otlp_http_settings *settings, otel_error *error) {
    char *agent = user_agent(settings->user_agent_prefix, error);
    if (!agent)
        return NULL;
    struct otel__http_settings http = {
        .url = settings->url,
        .socket_target = "/v1/traces",
        .content_type = settings->json ? "application/json" : "application/x-protobuf",
        .content_encoding = settings->gzip ? "gzip" : NULL,
        .user_agent = agent,
        .headers = settings->headers,
        .header_count = settings->header_count,
        .response_limit = settings->response_max ? settings->response_max : RESPONSE_MAX,
        .tls = settings->tls,
        .lanes = settings->concurrent,
        .foreign_hint = "OTLP over HTTP usually has port 4318, while 4317 speaks gRPC.",
        .trust_hint =
            "Does OTEL_EXPORTER_OTLP_CERTIFICATE name the authority that issued it, and the endpoint the host "
            "that it is for?",
    };
    struct otel__http_client *client = otel__http_create(&http, error);
    free(agent);
    return client;
}

static otel_exporter *create(const struct otel__otlp_http_settings *settings, otel_error *error) {
    struct otlp_http *otlp = calloc(1, sizeof *otlp);
    if (!otlp)
        return NULL;
    otlp->client = make_client(settings, error);
    if (!otlp->client) {
        free(otlp);
        return NULL;
    }
    otel__otlp_answers_prepare();
    otlp->lanes = settings->concurrent ? settings->concurrent : 1;
    otlp->json = settings->json;
    otlp->gzip = settings->gzip;
    otlp->timeout_ms = settings->timeout_ms;
    otlp->retry = settings->retry;
    otlp->request_max = settings->request_max ? settings->request_max : REQUEST_MAX;
    otlp->byte_bound = BOUND_FIRST;
    otel__otlp_reporter_init(&otlp->reporter, settings->url);
    return otel_exporter_create(&ops, otlp);
}

otel_exporter *otel__otlp_http_create(const struct otel__otlp_http_settings *settings, otel_error *error) {
    otel_error reason = { "out of memory" };
    otel_exporter *exporter = create(settings, &reason);
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}
