/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_udp.c - exports a batch as datagrams, each a whole emitBatch message with as many spans as fit.
 *
 * Spans are encoded one by one and collected; a datagram is three parts that the kernel puts together: the head with the
 * resource and the number of spans, which is known last, the spans, and the tail. A datagram that cannot be sent is lost
 * with its spans, and the others are sent all the same.
 *
 * Exports come from one thread at a time (otel/exporter.h); cancel may come from any.
 */
#include "jaeger/jaeger_udp.h"

#include "base/clock.h"
#include "base/escape.h"
#include "common/export_deadline.h"
#include "common/export_state.h"
#include "common/inherited.h"
#include "jaeger/jaeger_thrift.h"

#include <stdlib.h>

enum {
    BATCH_MOST = 1 << 30 /* a number of spans whose encoding is as long as any */
};

/* What an export changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__buffer head, span, tail;
    struct otel__line text;
    uint64_t batches; /* so far */
    size_t count;     /* of the spans that are collected */
    size_t len;       /* and their bytes */
    uint8_t spans[OTEL__JAEGER_PACKET_MOST];
};

struct jaeger_udp {
    struct otel__export_state state; /* what cancels is the agent's own */
    struct otel__agent *agent;
    bool compact;
    size_t packet_max;
    int timeout_ms;
    bool failing; /* the last export was */
};

/* One export. */
struct job {
    struct jaeger_udp *jaeger;
    struct workspace *work;
    otel_batch *batch;
    otel_export_outcome *outcome;
    uint64_t deadline;
    size_t room;        /* in a datagram, for spans */
    otel_status status; /* the first failure */
};

/* ---- reports ----------------------------------------------------------------------------------------------------- */

static void fail(struct job *job, otel_status status, size_t count, const char *why) {
    struct jaeger_udp *jaeger = job->jaeger;
    if (job->status == OTEL_OK)
        job->status = status;
    otel_report(OTEL_LOG_WARN, "jaeger.failure", "%zu spans could not be sent to the agent at %s: %s%s", count,
                otel__agent_name(jaeger->agent), why,
                jaeger->failing ? "" : ". Does a Jaeger agent listen there? Jaeger takes OTLP, too, and answers it");
    jaeger->failing = true;
}

static void note_success(struct jaeger_udp *jaeger) {
    if (jaeger->failing)
        otel_report(OTEL_LOG_INFO, "jaeger.recovered", "sending spans to the agent at %s works again",
                    otel__agent_name(jaeger->agent));
    jaeger->failing = false;
}

static void report_too_large(const struct job *job, const otel_span_data *span) {
    char name[96], trace_id[33], span_id[17];
    otel__escape(span->name, name, sizeof name);
    otel_span_hex(span->span, trace_id, span_id);
    otel_report(
        OTEL_LOG_WARN, "jaeger.too_large",
        "the span \"%s\" (%s-%s) takes more than the %zu bytes that a datagram of %zu has for spans: it is lost", name,
        trace_id, span_id, job->room, job->jaeger->packet_max);
}

/* ---- datagrams --------------------------------------------------------------------------------------------------- */

static struct otel__jaeger_writer writer_to(const struct job *job, struct otel__buffer *out, size_t limit) {
    otel__buffer_reset(out, limit);
    return (struct otel__jaeger_writer){ { out, job->jaeger->compact }, &job->work->text };
}

static otel_status write_head(const struct job *job, size_t count) {
    struct otel__buffer *head = &job->work->head;
    struct otel__jaeger_writer writer = writer_to(job, head, job->jaeger->packet_max);
    otel__jaeger_batch_head(&writer, otel_batch_resource(job->batch), count, true);
    return head->status;
}

static otel_status write_tail(const struct job *job, uint64_t number) {
    struct otel__buffer *tail = &job->work->tail;
    struct otel__jaeger_writer writer = writer_to(job, tail, job->jaeger->packet_max);
    otel__jaeger_batch_tail(&writer, number, true);
    return tail->status;
}

/* What is left of a datagram beside the longest head and tail. False: memory is short. */
static bool measure_room(struct job *job) {
    const struct jaeger_udp *jaeger = job->jaeger;
    const otel_status head = write_head(job, BATCH_MOST), tail = write_tail(job, UINT64_MAX / 2);
    if (head == OTEL_ERR_MEMORY || tail == OTEL_ERR_MEMORY)
        return false;
    const size_t beside = otel__buffer_length(&job->work->head) + otel__buffer_length(&job->work->tail);
    job->room = head != OTEL_OK || beside >= jaeger->packet_max ? 0 : jaeger->packet_max - beside;
    return true;
}

static struct iovec part(const struct otel__buffer *buffer) {
    return (struct iovec){ buffer->cursor, otel__buffer_length(buffer) };
}

static void send_collected(struct job *job) {
    struct jaeger_udp *jaeger = job->jaeger;
    struct workspace *work = job->work;
    const size_t count = work->count;
    if (count == 0)
        return;
    otel_status status = write_head(job, count);
    if (status == OTEL_OK)
        status = write_tail(job, work->batches + 1);
    const char *why = otel_status_text(status);
    if (status == OTEL_OK) {
        const struct iovec parts[] = { part(&work->head), { work->spans, work->len }, part(&work->tail) };
        status = otel__agent_send(jaeger->agent, parts, 3, job->deadline);
        why = otel__agent_problem(jaeger->agent);
        work->batches++;
    }
    work->count = work->len = 0;
    if (status == OTEL_OK)
        job->outcome->delivered += count;
    else
        fail(job, status, count, why);
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static otel_status encode(const struct job *job, const otel_span_data *span) {
    struct otel__buffer *out = &job->work->span;
    struct otel__jaeger_writer writer = writer_to(job, out, job->room);
    otel__jaeger_span(&writer, span);
    return out->status;
}

static void collect(struct job *job) {
    struct workspace *work = job->work;
    const size_t len = otel__buffer_length(&work->span);
    if (work->len + len > job->room)
        send_collected(job);
    memcpy(work->spans + work->len, work->span.cursor, len);
    work->len += len;
    work->count++;
}

static void add_span(struct job *job, size_t index) {
    const otel_span_data *span = otel_batch_span(job->batch, index);
    const otel_status status = span ? encode(job, span) : OTEL_ERR_MEMORY;
    if (status == OTEL_OK) {
        collect(job);
    } else if (status == OTEL_ERR_EXPORT) {
        report_too_large(job, span);
        job->outcome->too_large++;
    } else {
        fail(job, status, 1, otel_status_text(status));
    }
}

/* No span that is left can be sent any more. */
static bool is_over(struct job *job, size_t left) {
    struct jaeger_udp *jaeger = job->jaeger;
    const bool cancelled = otel__agent_cancelled(jaeger->agent);
    if (!cancelled && otel__clock_monotonic() < job->deadline)
        return false;
    left += job->work->count;
    job->work->count = job->work->len = 0;
    fail(job, cancelled ? OTEL_ERR_CANCELLED : OTEL_ERR_TIMEOUT, left,
         cancelled ? "stopped" : "there was no time left for them");
    return true;
}

static void send_spans(struct job *job, size_t count) {
    job->work->count = job->work->len = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_over(job, count - i))
            return;
        add_span(job, i);
    }
    send_collected(job);
}

/* ---- the exporter ------------------------------------------------------------------------------------------------ */

static bool prepare_workspace(struct job *job) {
    job->work = otel__export_workspace(&job->jaeger->state, sizeof *job->work);
    return job->work != NULL;
}

static void run(struct job *job) {
    struct jaeger_udp *jaeger = job->jaeger;
    const size_t count = otel_batch_count(job->batch);
    const otel_status opened = otel__agent_open(jaeger->agent, job->deadline);
    if (opened != OTEL_OK)
        fail(job, opened, count, otel__agent_problem(jaeger->agent));
    else if (!prepare_workspace(job) || !measure_room(job))
        fail(job, OTEL_ERR_MEMORY, count, otel_status_text(OTEL_ERR_MEMORY));
    else
        send_spans(job, count);
    if (job->status == OTEL_OK && job->outcome->delivered > 0)
        note_success(jaeger);
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct jaeger_udp *jaeger = self;
    struct job job = { .jaeger = jaeger, .batch = batch, .outcome = outcome };
    if (atomic_load(&jaeger->state.shut))
        return OTEL_ERR_STATE;
    job.deadline = otel__export_deadline(jaeger->timeout_ms, timeout_ms);
    if (otel_batch_count(batch) > 0)
        run(&job);
    return job.status;
}

static void cancel(void *self) {
    struct jaeger_udp *jaeger = self;
    otel__agent_cancel(jaeger->agent);
}

static void after_fork(void *self, bool in_child) {
    struct jaeger_udp *jaeger = self;
    if (in_child)
        otel__export_leave_workspace(&jaeger->state);
    otel__agent_after_fork(jaeger->agent, in_child);
}

static void destroy(void *self) {
    struct jaeger_udp *jaeger = self;
    struct workspace *work = jaeger->state.workspace;
    if (work) {
        otel__buffer_free(&work->head);
        otel__buffer_free(&work->span);
        otel__buffer_free(&work->tail);
        otel__line_free(&work->text);
    }
    free(work);
    otel__agent_destroy(jaeger->agent);
    free(jaeger);
}

/* None of this is code that cannot bear a fork. */
static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "jaeger",
    .blocking = true,
    .export_batch = export_batch,
    .force_flush = otel__export_flush_nothing,
    .shutdown = otel__export_shut_down,
    .cancel = cancel,
    .after_fork = after_fork,
    .destroy = destroy,
};

otel_exporter *otel__jaeger_udp_create(const struct otel__jaeger_udp_settings *settings) {
    struct jaeger_udp *jaeger = calloc(1, sizeof *jaeger);
    if (!jaeger)
        return NULL;
    jaeger->agent = otel__agent_create(&settings->agent);
    if (!jaeger->agent) {
        free(jaeger);
        return NULL;
    }
    jaeger->compact = settings->compact;
    jaeger->packet_max = settings->packet_max;
    jaeger->timeout_ms = settings->timeout_ms;
    return otel_exporter_create(&ops, jaeger);
}
