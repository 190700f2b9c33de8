/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_file.c - the OTLP file exporter: encodes a batch as one line, or several, and writes them to a file (log_file.h)
 * or past stdio (common/stream.h).
 *
 * Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown and cancel may come from any.
 */
#include "base/escape.h"
#include "base/sigpipe.h"
#include "common/export_deadline.h"
#include "common/export_state.h"
#include "common/inherited.h"
#include "common/made.h"
#include "common/stream.h"
#include "file/log_file.h"
#include "otlp/otlp_json.h"

#include <errno.h>
#include <otel/otlp_file.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_MANY = 1000 * 1000,     /* of lines with several spans: readers of log files stop at 1 MiB by default */
    LINE_ONE = 64 * 1024 * 1024, /* of a line with one: what OTLP would send */
    KEPT_DEFAULT = 4,
    KEPT_MAX = 1000,
    SYNC_INTERVAL_MS = 1000
};

/* What an export changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__otlp_encoder encoder;
};

struct otlp_file {
    struct otel__export_state state; /* the gate is closed: nobody is between taking a lock and giving it back */
    bool to_file;                    /* `log`; otherwise `stream` */
    struct otel__log_file log;
    struct otel__stream stream;
    otel_otlp_file_sync sync;
    uint64_t sync_interval; /* ns */
    uint64_t synced;        /* ns */
    atomic_bool unsynced;   /* lines have been written since */
    bool failing;           /* the last export lost spans */
    char target[256];       /* fit for a message */
};

/* One export. */
struct job {
    struct otlp_file *to;
    struct otel__otlp_encoder *encoder; /* of the workspace */
    otel_batch *batch;
    struct otel__write_bound bound;
    size_t delivered;
    bool broken;      /* no further line can be written */
    char reason[128]; /* of the first loss */
};

/* ---- one line ---------------------------------------------------------------------------------------------------- */

static void give_reason(struct job *job, otel_status status) {
    const char *reason = status == OTEL_ERR_EXPORT ? otel__log_file_problem(errno) : otel_status_text(status);
    if (status == OTEL_ERR_TIMEOUT && job->to->to_file)
        reason = "other processes that write to it did not make way in time";
    else if (status == OTEL_ERR_TIMEOUT)
        reason = "its reader did not take them in time";
    if (!job->reason[0])
        snprintf(job->reason, sizeof job->reason, "%s", reason);
}

/* To a stream without a descriptor, which lies in memory. */
static otel_status write_to_memory(FILE *stream, const void *line, size_t len) {
    return fwrite(line, 1, len, stream) == len && fflush(stream) == 0 ? OTEL_OK : OTEL_ERR_EXPORT;
}

static otel_status write_line(struct job *job, size_t count) {
    struct otlp_file *to = job->to;
    const struct otel__buffer *line = &job->encoder->body;
    const size_t len = otel__buffer_length(line);
    const int fd = to->to_file ? -1 : fileno(to->stream.file);
    otel_status status;
    if (to->to_file)
        status = otel__log_file_append(&to->log, line->cursor, len, &job->bound);
    else if (fd < 0)
        status = write_to_memory(to->stream.file, line->cursor, len);
    else
        status = otel__stream_write(&to->stream, fd, line->cursor, len, &job->bound);
    if (status == OTEL_OK) {
        job->delivered += count;
        atomic_store(&to->unsynced, true);
        return OTEL_OK;
    }
    job->broken = true;
    give_reason(job, status);
    return status;
}

/* A batch that takes more than a line may is written in halves, and halves of halves. */
static otel_status write_range(struct job *job, size_t first, size_t count) {
    if (job->broken || atomic_load(job->bound.cancelled))
        return OTEL_ERR_CANCELLED;
    otel_status status =
        otel__otlp_encode_json_line(job->encoder, job->batch, first, count, count > 1 ? LINE_MANY : LINE_ONE);
    if (status == OTEL_OK)
        return write_line(job, count);
    if (status == OTEL_ERR_EXPORT && count > 1) {
        otel_status one = write_range(job, first, count / 2);
        otel_status other = write_range(job, first + count / 2, count - count / 2);
        return one != OTEL_OK ? one : other;
    }
    errno = EFBIG; /* of the line */
    give_reason(job, status);
    return status;
}

/* ---- one export -------------------------------------------------------------------------------------------------- */

static bool is_time_to_sync(const struct otlp_file *to) {
    if (to->sync == OTEL_OTLP_FILE_SYNC_INTERVAL)
        return otel__clock_monotonic() - to->synced >= to->sync_interval;
    return to->sync == OTEL_OTLP_FILE_SYNC_BATCH;
}

/* False: errno says why. */
static bool sync_lines(struct otlp_file *to) {
    if (!to->to_file || to->sync == OTEL_OTLP_FILE_SYNC_NEVER || !atomic_exchange(&to->unsynced, false))
        return true;
    return otel__log_file_sync(&to->log);
}

static otel_status write_batch(struct job *job, size_t count) {
    struct otlp_file *to = job->to;
    struct workspace *workspace = otel__export_workspace(&to->state, sizeof *workspace);
    if (!workspace) {
        give_reason(job, OTEL_ERR_MEMORY);
        return OTEL_ERR_MEMORY;
    }
    job->encoder = &workspace->encoder;
    otel_status status = write_range(job, 0, count);
    if (!is_time_to_sync(to))
        return status;
    to->synced = otel__clock_monotonic();
    if (sync_lines(to))
        return status;
    job->delivered = 0; /* nobody knows how much of them the disk has */
    give_reason(job, OTEL_ERR_EXPORT);
    return OTEL_ERR_EXPORT;
}

static void report(struct job *job, otel_status status, size_t count) {
    struct otlp_file *to = job->to;
    if (status != OTEL_OK && status != OTEL_ERR_CANCELLED)
        otel_report(OTEL_LOG_WARN, "otlp_file.failure", "%zu of %zu spans could not be written to %s: %s",
                    count - job->delivered, count, to->target, job->reason);
    else if (status == OTEL_OK && to->failing)
        otel_report(OTEL_LOG_INFO, "otlp_file.recovered", "writing spans to %s works again", to->target);
    to->failing = status != OTEL_OK;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct otlp_file *to = self;
    const size_t count = otel_batch_count(batch);
    const otel_status refusal = otel__export_refusal(&to->state);
    if (refusal != OTEL_OK || count == 0)
        return refusal;
    struct job job = { .to = to,
                       .batch = batch,
                       .bound = { otel__export_deadline(0, timeout_ms), &to->state.cancelled } };
    otel_status status = OTEL_ERR_TIMEOUT;
    if (otel__fork_gate_enter(&to->state.gate, job.bound.deadline)) {
        struct otel__sigpipe guard;
        otel__sigpipe_begin(&guard);
        status = write_batch(&job, count);
        otel__sigpipe_end(&guard);
        otel__fork_gate_leave(&to->state.gate);
    } else
        snprintf(job.reason, sizeof job.reason, "a fork() took all the time");
    report(&job, status, count);
    outcome->delivered = job.delivered;
    return status;
}

/* Lines are written by the export; only the disk may not have them. */
static otel_status force_flush(void *self, int timeout_ms) {
    struct otlp_file *to = self;
    (void)timeout_ms;
    if (sync_lines(to))
        return OTEL_OK;
    otel_report(OTEL_LOG_WARN, "otlp_file.sync", "%s may have lost lines that were written to it: %s", to->target,
                strerror(errno));
    return OTEL_ERR_EXPORT;
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct otlp_file *to = self;
    if (atomic_exchange(&to->state.shut, true))
        return OTEL_OK;
    otel_status status = force_flush(self, timeout_ms);
    if (to->to_file)
        otel__log_file_close(&to->log);
    return status;
}

static void after_fork(void *self, bool in_child) {
    if (in_child)
        otel__log_file_after_fork();
    otel__export_after_fork(self, in_child);
}

static void destroy(void *self) {
    struct otlp_file *to = self;
    if (to->to_file)
        otel__log_file_free(&to->log);
    struct workspace *workspace = to->state.workspace;
    if (workspace)
        otel__otlp_encoder_free(&workspace->encoder);
    free(workspace);
    free(to);
}

static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "otlp_file",
    .blocking = true,
    .export_batch = export_batch,
    .force_flush = force_flush,
    .shutdown = shut_down,
    .cancel = otel__export_cancel,
    .before_fork = otel__export_before_fork,
    .at_rest = otel__export_at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static otel_otlp_file_options read_options(const otel_otlp_file_options *given) {
    otel_otlp_file_options known = { .size = sizeof known };
    if (given)
        memcpy(&known, given, given->size && given->size < sizeof known ? given->size : sizeof known);
    return known;
}

/* NULL: the options can be used. */
static const char *find_problem(const otel_otlp_file_options *options) {
    if (options->path && options->stream)
        return "path and stream are both given";
    if (options->path && !*options->path)
        return "path is empty";
    if (!options->path && (options->max_bytes || options->max_age_ms || options->kept_files || options->sync ||
                           options->sync_interval_ms))
        return "there is no path, and only a file can be replaced or brought to a disk";
    if (options->max_age_ms < 0)
        return "max_age_ms is negative";
    if (options->kept_files < 0 || options->kept_files > KEPT_MAX)
        return "kept_files is not from 0 to 1000";
    if (options->sync < 0 || options->sync > OTEL_OTLP_FILE_SYNC_INTERVAL)
        return "sync is no otel_otlp_file_sync";
    return options->sync_interval_ms < 0 ? "sync_interval_ms is negative" : NULL;
}

static void settle(struct otlp_file *to, const otel_otlp_file_options *options) {
    to->sync = options->sync ? (otel_otlp_file_sync)options->sync : OTEL_OTLP_FILE_SYNC_NEVER;
    to->sync_interval =
        (uint64_t)(options->sync_interval_ms ? options->sync_interval_ms : SYNC_INTERVAL_MS) * OTEL__MILLISECOND;
    to->synced = otel__clock_monotonic();
    to->to_file = options->path != NULL;
    to->stream = (struct otel__stream){ .file = options->stream ? options->stream : stdout, .shared = true };
    const bool named = options->path || (options->stream && options->stream != stdout);
    otel__escape(otel_cstr(options->path ? options->path
                           : named       ? "a stream"
                                         : "standard output"),
                 to->target, sizeof to->target);
}

/* False: errno says why. */
static bool open_log(struct otlp_file *to, const otel_otlp_file_options *options) {
    const struct otel__log_file_settings settings = {
        .path = options->path,
        .max_bytes = options->max_bytes,
        .max_age = (uint64_t)options->max_age_ms * OTEL__MILLISECOND,
        .kept = options->kept_files ? (unsigned)options->kept_files : KEPT_DEFAULT,
        .durable = to->sync != OTEL_OTLP_FILE_SYNC_NEVER,
    };
    return otel__log_file_open(&to->log, &settings);
}

static otel_exporter *fail(otel_error *reason, const char *what, const char *why) {
    snprintf(reason->text, sizeof reason->text, "%.180s%s%s", what, *what ? ": " : "", why);
    return NULL;
}

static otel_exporter *create(const otel_otlp_file_options *options, otel_error *reason) {
    const char *problem = find_problem(options);
    if (problem)
        return fail(reason, "otel_otlp_file_options", problem);
    struct otlp_file *to = calloc(1, sizeof *to);
    if (!to)
        return fail(reason, "", otel_status_text(OTEL_ERR_MEMORY));
    settle(to, options);
    if (to->to_file && !open_log(to, options)) {
        fail(reason, to->target, otel__log_file_problem(errno));
        free(to);
        return NULL;
    }
    otel_exporter *exporter = otel_exporter_create(&ops, to);
    return exporter ? exporter : fail(reason, "", otel_status_text(OTEL_ERR_MEMORY));
}

otel_exporter *otel_otlp_file_exporter(const otel_otlp_file_options *options) {
    const otel_otlp_file_options known = read_options(options);
    otel_error reason = { "" };
    return otel__made(create(&known, &reason), "OTLP file", &reason, known.error);
}
