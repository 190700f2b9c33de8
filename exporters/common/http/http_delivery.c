/* SPDX-License-Identifier: Apache-2.0 */
/* http_delivery.c - see http_delivery.h. */
#include "common/http/http_delivery.h"

#include "base/clock.h"
#include "common/random_bits.h"

#include <stdlib.h>
#include <time.h>

enum { HALVINGS_MAX = 64 /* of any number of spans or metrics */ };

/* One export. */
struct job {
    struct otel__http_exporter *exporter;
    struct otel__http_request *requests; /* of the workspace: one for each lane */
    const struct otel__http_cargo *cargo;
    uint64_t deadline;
    otel_export_outcome *outcome; /* so far */
    otel_status status;           /* of the first request, in the order of the cargo, that is lost */
    size_t failed_at;             /* that one's first span or metric */
    struct otel__http_range todo[HALVINGS_MAX + 1];
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
static uint64_t note_throttle(struct otel__http_exporter *exporter, const struct otel__http_request *request,
                              const struct otel__http_response *response) {
    const bool asks = throttles(response->status);
    const uint64_t now = otel__clock_monotonic();
    uint64_t delay = 0;
    if (!otel__retry_http_status(response->status) ||
        !otel__retry_after(response->retry_after, (int64_t)time(NULL), &delay))
        delay = 0;
    if (asks && request->asked < exporter->throttle.asked)
        otel__throttle_pause(&exporter->throttle, delay, now);
    else
        otel__throttle_note(&exporter->throttle, asks, delay, now);
    return delay;
}

/* What the answer says, as the format's read_answer(). */
static uint64_t read_answer(struct otel__http_exporter *exporter, const struct otel__http_response *response,
                            size_t count, char words[OTEL__HTTP_WORDS_SIZE]) {
    words[0] = '\0';
    if (exporter->format->read_answer)
        return exporter->format->read_answer(&exporter->reporter, response, count, words);
    otel__http_read_text(response, words);
    return 0;
}

static size_t units(const struct job *job, const struct otel__http_request *request) {
    return otel__http_cargo_units(job->cargo, request->part);
}

/* The server finds the request too large: later ones get smaller, down to what a single span or metric takes. */
static void lower_bound(struct job *job, struct otel__http_request *request) {
    struct otel__http_exporter *exporter = job->exporter;
    const size_t sent = request->failure.bytes, bound = request->part.count > 1 ? sent / 2 : sent;
    /* One that began before the bound was lowered says no more than the first of them did. */
    if (bound < exporter->byte_bound)
        exporter->byte_bound = bound;
    if (request->part.count == 1)
        otel__export_failure_alone(&exporter->reporter, &request->failure,
                                   otel__http_cargo_name(job->cargo, request->part.first));
}

static unsigned lane_of(const struct job *job, const struct otel__http_request *request) {
    return (unsigned)(request - job->requests);
}

static const struct otel__http_response *response_of(const struct job *job, const struct otel__http_request *request) {
    return otel__http_response(job->exporter->client, lane_of(job, request));
}

static enum verdict judge_answer(struct job *job, struct otel__http_request *request, uint64_t *floor) {
    struct otel__http_exporter *exporter = job->exporter;
    const struct otel__http_response *response = response_of(job, request);
    char words[OTEL__HTTP_WORDS_SIZE];
    const uint64_t rejected = read_answer(exporter, response, units(job, request), words);
    *floor = note_throttle(exporter, request, response);
    job->outcome->answered_by = OTEL_ANSWER_HTTP;
    job->outcome->answer_status = response->status;
    if (response->status >= 200 && response->status < 300) {
        job->outcome->rejected += rejected;
        job->outcome->delivered += units(job, request);
        return DELIVERED;
    }
    otel__http_request_refused(request, exporter->format, response, words);
    if (response->status == 413)
        lower_bound(job, request);
    return otel__retry_http_status(response->status) ? TRY_AGAIN : LOST;
}

/* What came of a request that was not answered. What an earlier attempt met says more than that time was up. */
static enum verdict judge_silence(const struct job *job, struct otel__http_request *request,
                                  enum otel__http_result result) {
    const struct otel__http_response *response = response_of(job, request);
    struct otel__export_failure *failure = &request->failure;
    job->outcome->answered_by = OTEL_ANSWER_NONE;
    bool out_of_time = result == OTEL__HTTP_TIMED_OUT;
    if (result != OTEL__HTTP_CANCELLED && !(out_of_time && failure->cause[0]))
        otel__export_failure_problem(failure, OTEL_ERR_EXPORT, response->problem, response->hint);
    if (result == OTEL__HTTP_CANCELLED)
        failure->status = OTEL_ERR_CANCELLED;
    else if (out_of_time)
        failure->status = OTEL_ERR_TIMEOUT;
    return result == OTEL__HTTP_UNAVAILABLE ? TRY_AGAIN : LOST;
}

static void fail(struct job *job, struct otel__http_request *request) {
    otel__export_report_loss(&job->exporter->reporter, &request->failure, units(job, request));
    if (job->status == OTEL_OK || request->part.first < job->failed_at) {
        job->status = request->failure.status;
        job->failed_at = request->part.first;
    }
    request->part.count = 0;
}

/*
 * After an attempt: the request is delivered, lost, or to be tried again. While a server asks for fewer requests the
 * waits go on to grow from one export to the next.
 */
static void settle(struct job *job, struct otel__http_request *request, enum otel__http_result result) {
    struct otel__http_exporter *exporter = job->exporter;
    uint64_t floor = 0, wait = 0;
    request->under_way = false;
    const enum verdict verdict =
        result == OTEL__HTTP_ANSWERED ? judge_answer(job, request, &floor) : judge_silence(job, request, result);
    const uint64_t now = otel__clock_monotonic();
    if (verdict == DELIVERED) {
        otel__export_report_success(&exporter->reporter);
        request->part.count = 0;
    } else if (verdict == LOST) {
        fail(job, request);
    } else if (!otel__retry_next(&request->retry, now, otel__random_bits(), floor, &wait)) {
        otel__throttle_gave_up(&exporter->throttle, now, wait, floor > 0);
        fail(job, request);
    } else {
        otel__export_report_retry(&exporter->reporter, &request->failure, wait / OTEL__MILLISECOND);
        request->due = now + wait;
    }
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

/* False: an earlier answer asked for a pause that is not over yet. The request waits for that, or is lost at once. */
static bool respect_throttle(struct job *job, struct otel__http_request *request, uint64_t now) {
    const uint64_t until = otel__throttle_until(&job->exporter->throttle, now, job->deadline);
    if (now >= until)
        return true;
    request->due = until;
    if (until >= job->deadline) {
        otel__export_failure_pause(&request->failure, until - now);
        fail(job, request);
    }
    return false;
}

static void begin_attempt(struct job *job, struct otel__http_request *request) {
    struct otel__http_exporter *exporter = job->exporter;
    const struct otel__buffer *body = &request->body;
    const size_t len = otel__buffer_length(body);
    request->failure.attempts++;
    request->failure.bytes = len;
    request->asked = exporter->throttle.asked;
    const enum otel__http_result result =
        otel__http_begin(exporter->client, lane_of(job, request), exporter->gzip ? request->gzip.data : body->cursor,
                         exporter->gzip ? request->gzip.len : len, job->deadline);
    request->under_way = result == OTEL__HTTP_UNDER_WAY;
    if (!request->under_way)
        settle(job, request, result);
}

/* Whether the request waits, and only for time to pass: while the server asks for fewer, the first of all has its turn. */
static bool is_waiting(const struct job *job, const struct otel__http_request *request) {
    const struct otel__http_exporter *exporter = job->exporter;
    if (request->part.count == 0 || request->under_way)
        return false;
    for (unsigned i = 0; i < exporter->lanes && exporter->throttle.asked > 0; i++) {
        const struct otel__http_request *other = &job->requests[i];
        if (other->part.count > 0 && (other->under_way || other->part.first < request->part.first))
            return false;
    }
    return true;
}

static void begin_due(struct job *job) {
    for (unsigned i = 0; i < job->exporter->lanes; i++) {
        struct otel__http_request *request = &job->requests[i];
        const uint64_t now = otel__clock_monotonic();
        if (is_waiting(job, request) && request->due <= now && respect_throttle(job, request, now))
            begin_attempt(job, request);
    }
}

/* When the next attempt is due; the export's deadline if none is before that. */
static uint64_t next_due(const struct job *job) {
    uint64_t due = job->deadline;
    for (unsigned i = 0; i < job->exporter->lanes; i++) {
        const struct otel__http_request *request = &job->requests[i];
        if (is_waiting(job, request) && request->due < due)
            due = request->due;
    }
    return due;
}

/* Nothing more will come of any request: the export was cancelled, its time is up, or memory is too short to connect. */
static void end_all(struct job *job, enum otel__http_result result) {
    for (unsigned i = 0; i < job->exporter->lanes; i++) {
        struct otel__http_request *request = &job->requests[i];
        if (request->part.count == 0)
            continue;
        if (request->under_way)
            otel__http_give_up(job->exporter->client, i);
        else if (!request->failure.cause[0])
            otel__export_failure_problem(&request->failure, OTEL_ERR_TIMEOUT, OTEL__HTTP_NO_TIME_LEFT, NULL);
        settle(job, request, result);
    }
}

/* Waits until a request has ended, which is settled, or until then. */
static void wait_for(struct job *job, uint64_t until) {
    const unsigned none = job->exporter->lanes;
    unsigned lane = none;
    const enum otel__http_result result = otel__http_run(job->exporter->client, until, &lane);
    if (lane != none)
        settle(job, &job->requests[lane], result);
    else if (result != OTEL__HTTP_UNDER_WAY)
        end_all(job, result);
    else if (otel__clock_monotonic() >= job->deadline)
        end_all(job, OTEL__HTTP_TIMED_OUT);
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

/* Lies next on the stack, before what does already. */
static void put_back(struct job *job, size_t first, size_t count) {
    job->todo[job->todo_count++] = (struct otel__http_range){ first, count };
}

/* Writes the range as a request that is due now; or puts its halves back, when it takes more than a request may. */
static void send_range(struct job *job, struct otel__http_request *request, struct otel__http_range part) {
    struct otel__http_exporter *exporter = job->exporter;
    request->part = part;
    request->failure = (struct otel__export_failure){ .status = OTEL_OK };
    request->retry = (struct otel__retry){ .policy = exporter->retry,
                                           .deadline = job->deadline,
                                           .failures = exporter->throttle.asked };
    request->due = 0;
    if (otel__http_request_is_over(exporter->client, job->deadline, &request->failure)) {
        fail(job, request);
        return;
    }
    const size_t limit =
        part.count > 1 && exporter->byte_bound < exporter->request_max ? exporter->byte_bound : exporter->request_max;
    const otel_status status = otel__http_request_encode(request, exporter->format, job->cargo, limit);
    if (status == OTEL_ERR_EXPORT && part.count > 1) {
        request->part.count = 0;
        put_back(job, part.first + part.count / 2, part.count - part.count / 2);
        put_back(job, part.first, part.count / 2);
        return;
    }
    if (status == OTEL_ERR_EXPORT)
        otel__export_failure_large(&exporter->reporter, &request->failure,
                                   otel__http_cargo_name(job->cargo, part.first), exporter->request_max);
    else if (status != OTEL_OK)
        otel__export_failure_memory(&request->failure);
    if (status != OTEL_OK || (exporter->gzip && !otel__http_request_compress(request, exporter->client, job->deadline)))
        fail(job, request);
}

static bool is_idle(const struct job *job) {
    for (unsigned i = 0; i < job->exporter->lanes; i++)
        if (job->requests[i].part.count > 0)
            return false;
    return true;
}

/* The place for what is next on the stack; NULL: there is none, or nothing. */
static struct otel__http_request *free_place(const struct job *job) {
    struct otel__http_exporter *exporter = job->exporter;
    if (job->todo_count == 0 || (exporter->throttle.asked > 0 && !is_idle(job)))
        return NULL;
    for (unsigned i = 0; i < exporter->lanes; i++)
        if (job->requests[i].part.count == 0)
            return &job->requests[i];
    return NULL;
}

/* Sends what lies on the stack until all of it is delivered or lost. */
static void deliver(struct job *job) {
    while (job->todo_count > 0 || !is_idle(job)) {
        struct otel__http_request *place = free_place(job);
        if (place)
            send_range(job, place, job->todo[--job->todo_count]);
        begin_due(job);
        if (!is_idle(job))
            wait_for(job, free_place(job) ? otel__clock_monotonic() : next_due(job));
    }
}

static bool prepare_requests(struct job *job) {
    struct otel__http_exporter *exporter = job->exporter;
    struct otel__http_workspace *workspace =
        otel__export_workspace(&exporter->state, sizeof *workspace + exporter->lanes * sizeof workspace->requests[0]);
    job->requests = workspace ? workspace->requests : NULL;
    return workspace != NULL;
}

otel_status otel__http_deliver(struct otel__http_exporter *exporter, const struct otel__http_cargo *cargo,
                               uint64_t deadline, otel_export_outcome *outcome) {
    struct job job = { .exporter = exporter, .cargo = cargo, .deadline = deadline, .outcome = outcome };
    struct otel__export_failure failure = { .status = OTEL_OK };
    const struct otel__http_range all = { 0, otel__http_cargo_count(cargo) };
    if (!otel__http_request_is_over(exporter->client, deadline, &failure) && !prepare_requests(&job))
        otel__export_failure_memory(&failure);
    if (!job.requests) {
        otel__export_report_loss(&exporter->reporter, &failure, otel__http_cargo_units(cargo, all));
        return failure.status;
    }
    put_back(&job, all.first, all.count);
    deliver(&job);
    return job.status;
}
