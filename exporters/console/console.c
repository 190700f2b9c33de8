/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - the console exporters: each span, or each series of a metric, becomes one line, written under the stream's lock, so that lines never
 * mix; past stdio where the stream may keep a writer waiting (common/stream.h).
 */
#include "base/clock.h"
#include "base/sigpipe.h"
#include "common/export_deadline.h"
#include "common/export_state.h"
#include "common/inherited.h"
#include "common/stream.h"
#include "console/metric_line.h"
#include "console/span_line.h"

#include <errno.h>
#include <otel/console.h>
#include <stdlib.h>

/* What an export changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__line line;
};

/* With the gate closed nothing lies half written in the stream's buffer, which a child would write again. */
struct console {
    struct otel__export_state state;
    struct otel__stream stream;
};

/* One export. */
struct job {
    struct console *console;
    otel_batch *batch; /* NULL: metrics */
    const otel_metrics_data *metrics;
    struct otel__line *line; /* of the workspace */
    struct otel__write_bound bound;
    int fd; /* what to write to past stdio; -1: nothing */
};

static otel_status write_line(const struct job *job) {
    struct otel__stream *stream = &job->console->stream;
    const struct otel__line *line = job->line;
    if (line->len == 0)
        return OTEL_OK;
    if (job->fd >= 0)
        return otel__stream_write(stream, job->fd, line->text, line->len, &job->bound);
    return fwrite(line->text, 1, line->len, stream->file) == line->len ? OTEL_OK : OTEL_ERR_EXPORT;
}

static otel_status write_span(const struct job *job, const otel_span_data *span) {
    if (!span) { /* the SDK is short of memory for its view */
        errno = ENOMEM;
        return OTEL_ERR_EXPORT;
    }
    otel__line_clear(job->line);
    otel__span_line(job->line, span);
    return write_line(job);
}

static otel_status write_spans(const struct job *job, size_t *written) {
    size_t count = otel_batch_count(job->batch);
    otel_status status = OTEL_OK;
    while (*written < count && status == OTEL_OK) {
        status = atomic_load(job->bound.cancelled) ? OTEL_ERR_CANCELLED
                                                   : write_span(job, otel_batch_span(job->batch, *written));
        *written += status == OTEL_OK;
    }
    return status;
}

static otel_status write_metric(const struct job *job, const otel_metric_data *metric, size_t *written) {
    otel_status status = OTEL_OK;
    for (size_t i = 0; i < metric->point_count && status == OTEL_OK; i++) {
        otel__line_clear(job->line);
        otel__metric_line(job->line, job->metrics->resource, metric, &metric->points[i]);
        status = atomic_load(job->bound.cancelled) ? OTEL_ERR_CANCELLED : write_line(job);
        *written += status == OTEL_OK;
    }
    return status;
}

static otel_status write_metrics(const struct job *job, size_t *written) {
    otel_status status = OTEL_OK;
    for (size_t i = 0; i < job->metrics->metric_count && status == OTEL_OK; i++)
        status = write_metric(job, &job->metrics->metrics[i], written);
    return status;
}

static otel_status write_all(struct job *job, otel_export_outcome *outcome) {
    struct console *console = job->console;
    struct workspace *workspace = otel__export_workspace(&console->state, sizeof *workspace);
    if (!workspace)
        return OTEL_ERR_MEMORY;
    job->line = &workspace->line;
    size_t written = 0;
    errno = 0;
    otel_status status = job->batch ? write_spans(job, &written) : write_metrics(job, &written);
    if (job->fd < 0 && fflush(console->stream.file) != 0) {
        written = 0;
        status = OTEL_ERR_EXPORT;
    }
    outcome->delivered = written;
    return status;
}

static otel_status fail(const struct job *job, otel_status status, const char *why) {
    if (status != OTEL_ERR_CANCELLED)
        otel_report(OTEL_LOG_WARN, "console.write", "%s could not be written to the console: %s",
                    job->batch ? "spans" : "metrics", why);
    return status;
}

/* Why an export did not succeed; after OTEL_ERR_EXPORT errno says more. */
static const char *reason(otel_status status) {
    if (status == OTEL_ERR_EXPORT)
        return strerror(errno);
    return status == OTEL_ERR_TIMEOUT ? "its reader did not take them in time" : otel_status_text(status);
}

/* Of a job with nothing but the cargo in it. */
static otel_status run(struct console *console, struct job *job, int timeout_ms, otel_export_outcome *outcome) {
    const otel_status refusal = otel__export_refusal(&console->state);
    if (refusal != OTEL_OK)
        return refusal;
    const uint64_t deadline = otel__export_deadline(0, timeout_ms);
    if (!otel__fork_gate_enter(&console->state.gate, deadline))
        return fail(job, OTEL_ERR_TIMEOUT, "a fork() took all the time");
    job->console = console;
    job->bound = (struct otel__write_bound){ deadline, &console->state.cancelled };
    job->fd = otel__stream_waiting_descriptor(&console->stream);
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    otel_status status = write_all(job, outcome);
    if (status != OTEL_OK)
        fail(job, status, reason(status));
    otel__sigpipe_end(&guard);
    otel__fork_gate_leave(&console->state.gate);
    return status;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    return run(self, &(struct job){ .batch = batch }, timeout_ms, outcome);
}

static otel_status export_metrics(void *self, const otel_metrics_data *metrics, int timeout_ms) {
    otel_export_outcome outcome = { .delivered = 0 };
    return run(self, &(struct job){ .metrics = metrics }, timeout_ms, &outcome);
}

static void destroy(void *self) {
    struct console *console = self;
    struct workspace *workspace = console->state.workspace;
    if (workspace)
        otel__line_free(&workspace->line);
    free(workspace);
    free(console);
}

static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "console",
    .blocking = true,
    .export_batch = export_batch,
    .force_flush = otel__export_flush_nothing,
    .shutdown = otel__export_shut_down,
    .cancel = otel__export_cancel,
    .before_fork = otel__export_before_fork,
    .at_rest = otel__export_at_rest,
    .after_fork = otel__export_after_fork,
    .destroy = destroy,
};

static const otel_metric_exporter_ops metric_ops = {
    .size = sizeof(otel_metric_exporter_ops),
    .name = "console",
    .export_metrics = export_metrics,
    .force_flush = otel__export_flush_nothing,
    .shutdown = otel__export_shut_down,
    .cancel = otel__export_cancel,
    .before_fork = otel__export_before_fork,
    .at_rest = otel__export_at_rest,
    .after_fork = otel__export_after_fork,
    .destroy = destroy,
};

static struct console *create(FILE *stream) {
    struct console *console = calloc(1, sizeof *console);
    if (console)
        console->stream.file = stream ? stream : stdout;
    return console;
}

otel_exporter *otel_console_exporter(FILE *stream) {
    struct console *console = create(stream);
    return console ? otel_exporter_create(&ops, console) : NULL;
}

otel_metric_exporter *otel_console_metric_exporter(FILE *stream) {
    struct console *console = create(stream);
    return console ? otel_metric_exporter_create(&metric_ops, console) : NULL;
}
