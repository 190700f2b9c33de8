/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console.c - the console exporter: each span becomes one line, written by one fwrite(), so that lines never mix.
 */
#include "common/fork_gate.h"
#include "base/clock.h"
#include "common/inherited.h"
#include "base/sigpipe.h"
#include "console/span_line.h"

#include <errno.h>
#include <otel/console.h>
#include <stdlib.h>

/* What an export changes; a forked child leaves it behind. */
struct workspace {
    struct otel__inherited inherited;
    struct otel__line line;
};

struct console {
    FILE *stream;
    struct workspace *workspace; /* NULL in a child that has not exported yet */
    struct otel__fork_gate
        gate; /* closed: nothing lies half written in the stream's buffer, which a child would write again */
    atomic_bool cancelled;
    bool shut;
};

static bool write_span(struct console *console, const otel_span_data *span) {
    if (!span) { /* the SDK is short of memory for its view */
        errno = ENOMEM;
        return false;
    }
    struct otel__line *line = &console->workspace->line;
    otel__line_clear(line);
    otel__span_line(line, span);
    return line->len == 0 || fwrite(line->text, 1, line->len, console->stream) == line->len;
}

static otel_status write_batch(struct console *console, otel_batch *batch, otel_export_outcome *outcome) {
    if (!console->workspace)
        console->workspace = calloc(1, sizeof *console->workspace);
    if (!console->workspace)
        return OTEL_ERR_MEMORY;
    size_t count = otel_batch_count(batch), written = 0;
    errno = 0;
    while (written < count && !atomic_load(&console->cancelled) && write_span(console, otel_batch_span(batch, written)))
        written++;
    bool flushed = fflush(console->stream) == 0;
    outcome->delivered = flushed ? written : 0;
    if (flushed && written == count)
        return OTEL_OK;
    if (flushed && atomic_load(&console->cancelled))
        return OTEL_ERR_CANCELLED;
    otel_report(OTEL_LOG_WARN, "console.write", "spans could not be written to the console: %s", strerror(errno));
    return OTEL_ERR_EXPORT;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct console *console = self;
    if (console->shut || atomic_load(&console->cancelled))
        return console->shut ? OTEL_ERR_STATE : OTEL_ERR_CANCELLED;
    uint64_t ms = timeout_ms > 0 ? (uint64_t)timeout_ms : 1000;
    if (!otel__fork_gate_enter(&console->gate, otel__clock_monotonic() + ms * OTEL__MILLISECOND))
        return OTEL_ERR_TIMEOUT;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    otel_status status = write_batch(console, batch, outcome);
    otel__sigpipe_end(&guard);
    otel__fork_gate_leave(&console->gate);
    return status;
}

/* Every export has flushed the stream. */
static otel_status force_flush(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return OTEL_OK;
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct console *console = self;
    (void)timeout_ms;
    console->shut = true;
    return OTEL_OK;
}

static void cancel(void *self) {
    struct console *console = self;
    atomic_store(&console->cancelled, true);
}

static void before_fork(void *self) {
    struct console *console = self;
    otel__fork_gate_close(&console->gate);
}

static void after_fork(void *self, bool in_child) {
    struct console *console = self;
    if (in_child) {
        otel__inherited_leave(console->workspace ? &console->workspace->inherited : NULL);
        console->workspace = NULL;
    }
    otel__fork_gate_open(&console->gate, in_child);
}

static void destroy(void *self) {
    struct console *console = self;
    if (console->workspace)
        otel__line_free(&console->workspace->line);
    free(console->workspace);
    free(console);
}

static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "console",
    .blocking = true,
    .export_batch = export_batch,
    .force_flush = force_flush,
    .shutdown = shut_down,
    .cancel = cancel,
    .before_fork = before_fork,
    .after_fork = after_fork,
    .destroy = destroy,
};

otel_exporter *otel_console_exporter(FILE *stream) {
    struct console *console = calloc(1, sizeof *console);
    if (!console)
        return NULL;
    console->stream = stream ? stream : stdout;
    return otel_exporter_create(&ops, console);
}
