/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_http.c - exports a batch: encodes it, posts it, tries again where that makes sense, and says what went wrong.
 *
 * Spans are borrowed only while they are encoded; attempts send the same bytes. A batch that takes more than the byte
 * bound is sent in halves, and halves of halves, so that only a single span can make a larger request.
 *
 * Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown and cancel may come from any.
 */
#include "otlp/otlp_http.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/url.h"
#include "common/http/http_gzip.h"
#include "common/http/http_header.h"
#include "common/inherited.h"
#include "common/retry.h"
#include "otlp/otlp_json.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit, by default: no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: what servers accept by default */
    RESPONSE_MAX = 4 * 1024 * 1024, /* OTLP's limit, by default */
    OWN_BOUND_MS = 60000,           /* of one export, when the settings have none */
    THROTTLE_MAX_S = 300,           /* how long one answer can keep later exports from being sent */
    COMPRESS_STEP = 256 * 1024,     /* between two looks at whether an export is over */
    AGENT_MAX = 1024                /* of the user's part of the User-Agent */
};

/* What encoding changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__otlp_encoder encoder;
    struct otel__gzip gzip;
};

struct otlp_http {
    struct otel__http_client *client;
    struct workspace *workspace; /* NULL in a child that has not exported yet */
    bool json, gzip;
    int timeout_ms;
    struct otel__retry_policy retry;
    atomic_bool shut;
    size_t request_max;
    size_t byte_bound;     /* of requests with several spans */
    uint64_t not_before;   /* ns: the server asked for no requests until then */
    uint64_t slower_until; /* ns: it asked for fewer and named no time: the next export begins no sooner, if it can */
    unsigned throttled;    /* how often it has asked since it last answered otherwise */
    struct otel__otlp_reporter reporter;
};

/* One export. */
struct job {
    struct otlp_http *otlp;
    otel_batch *batch;
    uint64_t deadline;
    uint64_t rejected, delivered; /* spans so far */
};

/* Spans of the batch that are sent together, and what became of that so far. */
struct request {
    size_t first, count;
    struct otel__otlp_failure failure;
};

/* What is to be done after an attempt. */
enum verdict { DELIVERED, TRY_AGAIN, LOST };

/* ---- one request ------------------------------------------------------------------------------------------------- */

/* Whether the server asks for fewer requests; a Retry-After may say for how long. */
static bool throttles(int status) { return status == 429 || status == 503; }

/* Retry-After as a floor for the next wait, which later exports respect as well. */
static uint64_t throttle(struct otlp_http *otlp, const struct otel__http_response *response, uint64_t now) {
    uint64_t delay = 0;
    if (!otel__retry_after(response->retry_after, (int64_t)time(NULL), &delay))
        return 0;
    uint64_t most = THROTTLE_MAX_S * OTEL__SECOND;
    otlp->not_before = now + (delay < most ? delay : most);
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
    const size_t sent = request->failure.bytes, least = sent < otlp->byte_bound ? sent : otlp->byte_bound;
    otlp->byte_bound = request->count > 1 ? least / 2 : least;
    if (request->count == 1)
        otel__otlp_failure_span(&request->failure, span_name(job, request->first));
}

static enum verdict judge_answer(struct job *job, struct request *request, uint64_t *floor) {
    struct otlp_http *otlp = job->otlp;
    struct otel__otlp_failure *failure = &request->failure;
    const struct otel__http_response *response = otel__http_response(otlp->client);
    struct otel__otlp_answer answer;
    otel__otlp_read_answer(response, &answer);
    otlp->throttled = throttles(response->status) ? otlp->throttled + 1 : 0;
    if (response->status >= 200 && response->status < 300) {
        accept_answer(job, &answer, request->count);
        if (answer.foreign)
            otel__otlp_report_foreign(&otlp->reporter, response);
        return DELIVERED;
    }
    otel__otlp_failure_answer(failure, response, answer.message);
    if (response->status == 413)
        lower_bound(job, request);
    if (!otel__retry_http_status(response->status))
        return LOST;
    *floor = throttle(otlp, response, otel__clock_monotonic());
    return TRY_AGAIN;
}

/* What came of a request that was not answered. What an earlier attempt met says more than that time was up. */
static enum verdict judge_silence(const struct otlp_http *otlp, enum otel__http_result result,
                                  struct otel__otlp_failure *failure) {
    const struct otel__http_response *response = otel__http_response(otlp->client);
    bool out_of_time = result == OTEL__HTTP_TIMED_OUT;
    if (result != OTEL__HTTP_CANCELLED && !(out_of_time && failure->cause[0]))
        otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, response->problem, response->hint);
    if (result == OTEL__HTTP_CANCELLED)
        failure->status = OTEL_ERR_CANCELLED;
    else if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
    return result == OTEL__HTTP_UNAVAILABLE ? TRY_AGAIN : LOST;
}

static enum verdict attempt(struct job *job, struct request *request, uint64_t *floor) {
    struct otlp_http *otlp = job->otlp;
    const struct otel__buffer *body = &otlp->workspace->encoder.body;
    request->failure.attempts++;
    request->failure.bytes = otel__buffer_length(body);
    *floor = 0;
    const struct otel__gzip *gzip = &otlp->workspace->gzip;
    enum otel__http_result result = otel__http_post(otlp->client, otlp->gzip ? gzip->data : body->cursor,
                                                    otlp->gzip ? gzip->len : otel__buffer_length(body), job->deadline);
    if (result == OTEL__HTTP_ANSWERED)
        return judge_answer(job, request, floor);
    return judge_silence(otlp, result, &request->failure);
}

static uint32_t random_bits(void) {
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint32_t)(otel__clock_monotonic() * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    return bits;
}

static bool wait_for(struct job *job, uint64_t until, struct otel__otlp_failure *failure) {
    if (otel__http_wait(job->otlp->client, until))
        return true;
    failure->status = OTEL_ERR_CANCELLED;
    return false;
}

/*
 * Until when earlier answers hold this export back. Where none has named a time there are still attempts to be made: half
 * of the export's time is left for them.
 */
static uint64_t pause_end(struct job *job, uint64_t now) {
    struct otlp_http *otlp = job->otlp;
    uint64_t half = now < job->deadline ? now + (job->deadline - now) / 2 : now;
    uint64_t until = otlp->slower_until < half ? otlp->slower_until : half;
    otlp->slower_until = 0;
    return until > otlp->not_before ? until : otlp->not_before;
}

/* An earlier answer asked for a pause that is not over yet. */
static bool respect_throttle(struct job *job, struct otel__otlp_failure *failure) {
    uint64_t now = otel__clock_monotonic(), until = pause_end(job, now);
    if (now >= until)
        return true;
    if (until >= job->deadline) {
        char problem[96];
        snprintf(problem, sizeof problem, "the server asked for a pause, of which %" PRIu64 " s are left",
                 (until - now) / OTEL__SECOND + 1);
        otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, problem, NULL);
        return false;
    }
    return wait_for(job, until, failure);
}

/*
 * Sends what has been encoded until it is delivered or lost. While a server asks for fewer requests the waits go on to
 * grow from one export to the next.
 */
static bool deliver(struct job *job, struct request *request) {
    struct otlp_http *otlp = job->otlp;
    struct otel__otlp_failure *failure = &request->failure;
    struct otel__retry retry = { .policy = otlp->retry, .deadline = job->deadline, .failures = otlp->throttled };
    if (!respect_throttle(job, failure))
        return false;
    for (;;) {
        uint64_t floor = 0, wait = 0;
        enum verdict verdict = attempt(job, request, &floor);
        if (verdict != TRY_AGAIN)
            return verdict == DELIVERED;
        uint64_t now = otel__clock_monotonic();
        if (!otel__retry_next(&retry, now, random_bits(), floor, &wait)) {
            otlp->slower_until = otlp->throttled > 0 && floor == 0 ? now + wait : 0;
            return false;
        }
        otel__otlp_report_retry(&otlp->reporter, failure, wait / OTEL__MILLISECOND);
        if (!wait_for(job, now + wait, failure))
            return false;
    }
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static otel_status encode(struct job *job, size_t first, size_t count) {
    struct otlp_http *otlp = job->otlp;
    if (!otlp->workspace)
        otlp->workspace = calloc(1, sizeof *otlp->workspace);
    if (!otlp->workspace)
        return OTEL_ERR_MEMORY;
    size_t limit = count > 1 && otlp->byte_bound < otlp->request_max ? otlp->byte_bound : otlp->request_max;
    struct otel__otlp_encoder *encoder = &otlp->workspace->encoder;
    return otlp->json ? otel__otlp_encode_json(encoder, job->batch, first, count, limit)
                      : otel__otlp_encode(encoder, job->batch, first, count, limit);
}

static otel_status fail(struct job *job, const struct request *request) {
    otel__otlp_report_failure(&job->otlp->reporter, &request->failure, request->count);
    return request->failure.status;
}

/* No part that is left can be sent any more: encoding it would only keep whoever waits for the export to end. */
static bool is_over(const struct job *job, struct otel__otlp_failure *failure) {
    if (otel__http_cancelled(job->otlp->client))
        failure->status = OTEL_ERR_CANCELLED;
    else if (otel__clock_monotonic() >= job->deadline)
        otel__otlp_failure_problem(failure, OTEL_ERR_TIMEOUT, "there was no time left for them", NULL);
    return failure->status != OTEL_OK;
}

/* Limits are those of what is compressed. False: `failure` says why. */
static bool compress_body(struct job *job, struct otel__otlp_failure *failure) {
    struct otel__gzip *gzip = &job->otlp->workspace->gzip;
    const struct otel__buffer *body = &job->otlp->workspace->encoder.body;
    bool fine = otel__gzip_begin(gzip);
    for (const uint8_t *at = body->cursor; fine && at < body->end;) {
        if (is_over(job, failure))
            return false;
        size_t left = (size_t)(body->end - at), step = left < COMPRESS_STEP ? left : COMPRESS_STEP;
        fine = otel__gzip_add(gzip, at, step, step == left);
        at += step;
    }
    if (!fine)
        otel__otlp_failure_problem(failure, OTEL_ERR_MEMORY, otel_status_text(OTEL_ERR_MEMORY), NULL);
    return fine;
}

static void explain_encoding(const struct job *job, otel_status status, struct request *request) {
    char problem[192], name[64];
    const size_t mib = 1024 * 1024, max = job->otlp->request_max;
    otel__escape(span_name(job, request->first), name, sizeof name);
    if (status == OTEL_ERR_EXPORT)
        snprintf(problem, sizeof problem, "the span \"%s\" takes more than %zu %s", name, max % mib ? max : max / mib,
                 max % mib ? "bytes" : "MiB");
    otel__otlp_failure_problem(&request->failure, status,
                               status == OTEL_ERR_EXPORT ? problem : otel_status_text(status), NULL);
}

static otel_status send_range(struct job *job, size_t first, size_t count) {
    struct request request = { .first = first, .count = count, .failure = { .status = OTEL_OK } };
    if (is_over(job, &request.failure))
        return fail(job, &request);
    otel_status status = encode(job, first, count);
    if (status == OTEL_ERR_EXPORT && count > 1) {
        size_t half = count / 2;
        otel_status one = send_range(job, first, half);
        otel_status other = send_range(job, first + half, count - half);
        return one != OTEL_OK ? one : other;
    }
    if (status != OTEL_OK) {
        explain_encoding(job, status, &request);
        return fail(job, &request);
    }
    if ((job->otlp->gzip && !compress_body(job, &request.failure)) || !deliver(job, &request))
        return fail(job, &request);
    otel__otlp_report_success(&job->otlp->reporter);
    return OTEL_OK;
}

static uint64_t export_deadline(const struct otlp_http *otlp, int timeout_ms) {
    int ms = otlp->timeout_ms > 0 ? otlp->timeout_ms : OWN_BOUND_MS;
    if (timeout_ms > 0 && timeout_ms < ms)
        ms = timeout_ms;
    return otel__clock_monotonic() + (uint64_t)ms * OTEL__MILLISECOND;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct otlp_http *otlp = self;
    size_t count = otel_batch_count(batch);
    if (atomic_load(&otlp->shut))
        return OTEL_ERR_STATE;
    if (count == 0)
        return OTEL_OK;
    struct job job = { .otlp = otlp, .batch = batch, .deadline = export_deadline(otlp, timeout_ms) };
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
    if (otlp->workspace) {
        otel__otlp_encoder_free(&otlp->workspace->encoder);
        otel__gzip_free(&otlp->workspace->gzip);
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
