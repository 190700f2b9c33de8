/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/otlp_file.h - OTLP as lines of JSON, to a file or to standard output (specification: protocol/file-exporter.md).
 */
#ifndef OTEL_OTLP_FILE_H
#define OTEL_OTLP_FILE_H

#include <otel/exporter.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** When lines are brought to the disk, where they survive a crash of the machine. They survive one of the program. */
typedef enum otel_otlp_file_sync {
    OTEL_OTLP_FILE_SYNC_NEVER = 1,   /**< when the system thinks fit: usually within half a minute */
    OTEL_OTLP_FILE_SYNC_BATCH = 2,   /**< before an export counts as a success */
    OTEL_OTLP_FILE_SYNC_INTERVAL = 3 /**< by the first export for which it is time; and by a flush, and a stop */
} otel_otlp_file_sync;

/**
 * Zero members are the defaults; the environment is not asked. All text is copied. What only a file can have (all but
 * `stream` and `error`) is refused without a path, as are negative numbers.
 */
typedef struct otel_otlp_file_options {
    size_t size OTEL__INIT(sizeof(otel_otlp_file_options));
    /**
     * The file to append to, by preference named *.jsonl. It is made if need be, readable for its owner and group; its
     * folder is not. NULL: `stream`. What is no regular file is refused.
     */
    const char *path OTEL__INIT(nullptr);
    /** NULL: stdout. Never closed; it must stay open until the SDK has stopped. */
    FILE *stream OTEL__INIT(nullptr);
    /** The file is replaced by a new one before it gets larger; 0: it grows. A line that is longer gets a file alone. */
    size_t max_bytes OTEL__INIT(0);
    /**
     * The file is replaced by a new one before a line is written to it once it has been there for longer; 0: never. It
     * counts from when the file was made, also by an earlier run, where the file system knows that.
     */
    int max_age_ms OTEL__INIT(0);
    /**
     * How many replaced files are kept, default 4, at most 1000: traces.jsonl becomes traces.1.jsonl, that
     * traces.2.jsonl, and so on, and the last one goes.
     */
    int kept_files OTEL__INIT(0);
    /** An otel_otlp_file_sync. Default never. */
    int sync OTEL__INIT(0);
    /** For OTEL_OTLP_FILE_SYNC_INTERVAL; default 1000. */
    int sync_interval_ms OTEL__INIT(0);
    /** Receives the reason when the result is NULL. NULL: the diagnostics do. */
    otel_error *error OTEL__INIT(nullptr);
} otel_otlp_file_options;

/**
 * An exporter that writes each batch as one line: a TracesData object, {"resourceSpans":[...]}, in OTLP's JSON and in
 * UTF-8, with nothing else in the file. Batches whose lines would take more than 1,000,000 bytes become several lines, as
 * readers of log files refuse longer ones. The format is stable and complete. Nothing can be told from the order of lines
 * and spans: they may stand in any order of time. `options` may be NULL: to stdout. The result is NULL when memory is short,
 * an option is unusable or the file cannot be opened.
 *
 * Lines are whole: those of several threads, exporters and processes do not mix, be they forked from one another or
 * not, as long as they all write to the file by this exporter. The file may be renamed or removed by others, too, such
 * as logrotate: the next line makes a new one. On a full disk the export fails, which is reported, nothing of the
 * line stays, and writing goes on when there is room. Only a process that is killed leaves a part of a line: it is
 * ended by whoever writes next, so that a reader has to skip that line, and no other.
 *
 * To a stream, what its buffer holds is written first, and then the line past it. To a pipe whose reader is stuck an
 * export ends in time, unless that buffer (setvbuf) holds more than a pipe takes; what was begun is ended by the next
 * line. A pipe without a reader makes the export fail and raises no signal.
 *
 * A path may lead through links; full files lie beside the file itself. To keep others out, a byte is locked that no file
 * has (fcntl): locks of the program's own on its output stay.
 *
 * Threads: as every exporter (otel/exporter.h), called from one thread at a time. It blocks, and cancel ends the waiting
 * for a reader or for other processes at once. Nothing is held back, so that a flush finds nothing to write. shutdown
 * closes the file. A forked child goes on writing to the same file or stream.
 *
 * A disk that hangs holds up whoever calls, for as long as it hangs: nothing in a process can end such a write or sync
 * (`sync`), and neither cancel nor a `timeout_ms` does. The SDK makes these calls on its worker, so that otel_sdk_flush()
 * and otel_sdk_stop() return in their time all the same, with OTEL_ERR_TIMEOUT.
 */
otel_exporter *otel_otlp_file_exporter(const otel_otlp_file_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
