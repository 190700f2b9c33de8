/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/log.h - log lines as JSON that carry the ids of the current span, and these ids for loggers of your own.
 *
 *     OTEL_LOGGER(logger, "shop.cart");
 *     otel_log_warning(logger, "card declined", OTEL_ATTR("attempt", 3), OTEL_ATTR("bank", bank));
 *
 *     {"time":"2026-11-28T21:30:00.123456Z","level":"WARNING","logger":"shop.cart","message":"card declined",
 *      "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","trace_flags":"01",
 *      "fields":{"attempt":3,"bank":"north"}}
 *
 * on one line. Works with and without an SDK, allocates nothing, starts no thread. docs/logs.md tells how to collect it.
 *
 * - A line is never torn, whichever threads and processes share a pipe: it has at most 4,095 bytes, which a pipe takes
 *   as a whole. What does not fit is cut, marked " [cut]", and the line says "cut":true. A disk that is full, a
 *   socket and a terminal may take a part; then the next line begins on a line of its own.
 * - A line waits for a slow reader no longer than otel_log_options.wait_ms, and only the first one does: until the
 *   reader takes lines again, those after it are dropped at once. The next line that is written says how many were:
 *   "dropped":17.
 * - Each place of the program writes at most otel_log_options.lines_per_second lines a second; the next line from there
 *   says how many were left out: "suppressed":250.
 *
 * Every function may be called from any thread, at any time, in the child of a fork too; none fails or changes errno.
 * Signal handlers may log as well, save for fields that are doubles; a line of a handler that interrupted another line of
 * its thread is dropped, and counted.
 */
#ifndef OTEL_LOG_H
#define OTEL_LOG_H

#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How grave a line is. The numbers are those of OpenTelemetry's log data model. */
typedef enum otel_severity {
    OTEL_SEVERITY_DEFAULT =
        0, /**< in options: OTEL_C_LOG_LEVEL (debug, info, warning, error, critical, none), or info */
    OTEL_SEVERITY_DEBUG = 5,
    OTEL_SEVERITY_INFO = 9,
    OTEL_SEVERITY_WARNING = 13,
    OTEL_SEVERITY_ERROR = 17,
    OTEL_SEVERITY_CRITICAL = 21,
    OTEL_SEVERITY_NONE = 127 /**< in options: no lines at all */
} otel_severity;

/** Who writes. Define one with OTEL_LOGGER(), or zero a writable static object and set its name; it must live on. */
typedef struct otel_logger {
    const char *name; /**< NULL: "" */
    uint64_t opaque_[2];
} otel_logger;

/* OTEL_LOGGER(id, name): a static logger; `id` is an otel_logger pointer. */
#ifdef __cplusplus
#define OTEL_LOGGER(id, n) static otel_logger id[1] __attribute__((unused)) = { { n, { 0, 0 } } }
#else
#define OTEL_LOGGER(id, n) static otel_logger id[1] __attribute__((unused)) = { { .name = n } }
#endif

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/** What is remembered of a place in the program that writes lines: how many of late. Zero-initialised and static. */
typedef struct otel_log_place {
    uint64_t opaque_[2];
} otel_log_place;

/** What a line says; fill it through OTEL_LOG_LINE(). */
typedef struct otel_log_line {
    size_t size OTEL__INIT(sizeof(otel_log_line));
    const char *message OTEL__INIT(nullptr);
    size_t message_len OTEL__INIT(0);          /**< in bytes; 0: strlen(message) */
    otel_attrs fields OTEL__INIT({});          /**< of equal keys the last counts; at most 128 */
    const otel_span *span OTEL__INIT(nullptr); /**< whose ids it carries; NULL: the current span's */
    uint64_t time OTEL__INIT(0);               /**< ns since 1970; 0: now */
    otel_log_place *place OTEL__INIT(nullptr); /**< whose lines are counted; NULL: those of the logger */
} otel_log_line;

#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_LOG_LINE(...) OTEL__REF(otel_log_line, sizeof(otel_log_line), __VA_ARGS__)
#else
/** A pointer to a line: OTEL_LOG_LINE("message", .fields = OTEL_ATTRS(...)). */
#define OTEL_LOG_LINE(...) OTEL__REF(otel_log_line, .size = sizeof(otel_log_line), .message = __VA_ARGS__)
#endif

/** Writes a line, unless its level or its place's bound is against it. For wrappers; else see otel_log_info(). */
void otel_log_write(otel_logger *logger, otel_severity severity, const otel_log_line *line);

/* 0 until the environment has been asked; an int so that a program's copy of it keeps its size. */
extern int otel__log_threshold;

/** Whether lines of this level are written. A load and a compare. */
static inline bool otel_log_enabled(otel_severity severity) {
    return OTEL__CAST(int, severity) >= __atomic_load_n(&otel__log_threshold, __ATOMIC_RELAXED);
}

/**
 * otel_log_info(logger, "message"[, OTEL_ATTR("key", value)...]): a line with the ids of the current span. The arguments
 * are evaluated only if lines of this level are written. Statements, not expressions.
 */
#define otel_log_debug(logger, ...) OTEL__LOG(NULL, logger, OTEL_SEVERITY_DEBUG, __VA_ARGS__)
#define otel_log_info(logger, ...) OTEL__LOG(NULL, logger, OTEL_SEVERITY_INFO, __VA_ARGS__)
#define otel_log_warning(logger, ...) OTEL__LOG(NULL, logger, OTEL_SEVERITY_WARNING, __VA_ARGS__)
#define otel_log_error(logger, ...) OTEL__LOG(NULL, logger, OTEL_SEVERITY_ERROR, __VA_ARGS__)
#define otel_log_critical(logger, ...) OTEL__LOG(NULL, logger, OTEL_SEVERITY_CRITICAL, __VA_ARGS__)
/** otel_log_span(&span, logger, OTEL_SEVERITY_INFO, "message", ...): the same with the ids of `span`: for event loops. */
#define otel_log_span(span, logger, severity, ...) OTEL__LOG(span, logger, severity, __VA_ARGS__)

/* An attribute more, so that there is one; it is not counted. */
#define OTEL__LOG(span, logger, severity, ...)                                                                         \
    OTEL__LOG_FIELDS(span, logger, severity, __VA_ARGS__, otel__attr(NULL, otel_none()))
#define OTEL__LOG_FIELDS(span, logger, severity, message, ...)                                                         \
    do {                                                                                                               \
        if (otel_log_enabled(severity)) {                                                                              \
            static otel_log_place otel__place;                                                                         \
            const otel_attr otel__fields[] = { __VA_ARGS__ };                                                          \
            otel__log((logger), (severity), (span), (message), otel__fields,                                           \
                      sizeof otel__fields / sizeof otel__fields[0] - 1, &otel__place);                                 \
        }                                                                                                              \
    } while (0)
static inline void otel__log(otel_logger *logger, otel_severity severity, const otel_span *span, const char *message,
                             const otel_attr *fields, size_t count, otel_log_place *place) {
    otel_log_line line = { sizeof(otel_log_line), message, 0, { fields, count }, span, 0, place };
    otel_log_write(logger, severity, &line);
}

/* ---- where lines go ---------------------------------------------------------------------------------------------- */

/**
 * Takes a finished line instead of the descriptor: `len` bytes without a newline, and a NUL. Called on the thread that
 * logs, under no lock, on several threads at once. It must return; lines that it logs itself are dropped.
 */
typedef void (*otel_log_sink)(void *data, otel_severity severity, const char *line, size_t len);

/** Fill through OTEL_LOG_OPTIONS(). Zero members mean the default. */
typedef struct otel_log_options {
    size_t size OTEL__INIT(sizeof(otel_log_options));
    otel_severity severity OTEL__INIT(OTEL_SEVERITY_DEFAULT); /**< the least that is written */
    int fd OTEL__INIT(0);               /**< where to; 0: stderr. Stays the caller's, and its flags as they are */
    int lines_per_second OTEL__INIT(0); /**< of each place; 0: 100; negative: any number */
    int wait_ms OTEL__INIT(0);          /**< for a reader that is slow; 0: 50 ms; negative: not at all */
    otel_log_sink sink OTEL__INIT(nullptr);
    void *sink_data OTEL__INIT(nullptr);
} otel_log_options;

#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_LOG_OPTIONS(...) OTEL__REF(otel_log_options, sizeof(otel_log_options), __VA_ARGS__)
#else
/** A pointer to options: OTEL_LOG_OPTIONS(.severity = OTEL_SEVERITY_DEBUG). */
#define OTEL_LOG_OPTIONS(...) OTEL__REF(otel_log_options, .size = sizeof(otel_log_options), __VA_ARGS__)
#endif

/**
 * Replaces all settings; NULL: the defaults, as if never called. At any time; a line that is on its way on another thread
 * may still go where lines went before.
 */
void otel_log_configure(const otel_log_options *options);

/** What became of the lines of this process, and of those before it in its line of forks. */
typedef struct otel_log_counts {
    uint64_t written;
    uint64_t suppressed; /**< by the bound of lines a second */
    uint64_t dropped;    /**< the reader was too slow or gone, the disk full, or a handler interrupted a line */
    uint64_t reserved_[5];
} otel_log_counts;
otel_log_counts otel_log_count(void);

/* ---- ids for other loggers --------------------------------------------------------------------------------------- */

/** How ids are written (specification: compatibility/logging_trace_context.md). */
typedef enum otel_ids_form {
    OTEL_IDS_TEXT,  /**< trace_id=... span_id=... trace_flags=01 */
    OTEL_IDS_LTSV,  /**< trace_id:... and so on, with tabs between them */
    OTEL_IDS_JSON,  /**< "trace_id":"...","span_id":"...","trace_flags":"01": members of an object at its top level */
    OTEL_IDS_SYSLOG /**< [opentelemetry trace_id="..." span_id="..." trace_flags="01"]: structured data of RFC 5424 */
} otel_ids_form;

#define OTEL_IDS_SIZE 128 /**< room enough for every form and its NUL */

/**
 * Writes the ids of `span` (NULL: the current span) to `out`, and a NUL. Returns the length; 0, with "" in `out`, when
 * there are no ids or not enough room: a part of them is never written. Allocates nothing; may be called in any signal
 * handler, and then gives the ids of the span that was interrupted.
 */
size_t otel_log_ids(const otel_span *span, otel_ids_form form, char *out, size_t room);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
