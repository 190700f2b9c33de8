/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - which lines are written, and how many (otel/log.h).
 *
 * DESIGN. A line passes four gates: its level, its place's bound, and in log_output.c the lock and the reader. Only a line
 * that has passed the first two is composed. What is held back is counted where it is held back, and the counts go along
 * with the next line; one that is dropped gives them back. Word 0 of a place is {second, lines in it}, word 1 how many
 * were suppressed and not told yet.
 */
#include "log.h"

#include "cancellation.h"
#include "context.h"
#include "log_line.h"
#include "log_output.h"
#include "options.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>

enum { LINES_PER_SECOND = 100 };

int otel__log_threshold;
uint64_t (*otel__log_clock_for_tests)(clockid_t id);

static _Atomic int lines_per_second; /* as in the options */
static _Atomic uint64_t written, suppressed, dropped;
static _Atomic uint64_t untold; /* of `dropped`, what no line has told yet */

/* A handler that interrupts a line of its thread finds it set. */
static _Thread_local volatile bool inside OTEL__TLS_MODEL;

/* ---- the level --------------------------------------------------------------------------------------------------- */

static _Atomic bool level_unknown; /* the environment's, and no line has told so yet */

static otel_severity level_by_environment(void) {
    static const struct {
        const char *name;
        otel_severity severity;
    } levels[] = {
        { "debug", OTEL_SEVERITY_DEBUG },  { "info", OTEL_SEVERITY_INFO },   { "warning", OTEL_SEVERITY_WARNING },
        { "warn", OTEL_SEVERITY_WARNING }, { "error", OTEL_SEVERITY_ERROR }, { "critical", OTEL_SEVERITY_CRITICAL },
        { "none", OTEL_SEVERITY_NONE },
    };
    const otel_str given = otel__trimmed(otel_cstr(getenv("OTEL_C_LOG_LEVEL")));
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (otel__same_name(given, otel_cstr(levels[i].name))) {
            return levels[i].severity;
        }
    }
    atomic_store_explicit(&level_unknown, given.len != 0, memory_order_relaxed);
    return OTEL_SEVERITY_INFO;
}

static void set_threshold(otel_severity severity) {
    __atomic_store_n(&otel__log_threshold, (int)severity, __ATOMIC_RELAXED);
}

/* The environment is asked by the first line of all, unless a setting came first. */
static bool is_wanted(otel_severity severity) {
    int unset = 0;
    if (__atomic_load_n(&otel__log_threshold, __ATOMIC_RELAXED) == 0) {
        __atomic_compare_exchange_n(&otel__log_threshold, &unset, (int)level_by_environment(), false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    }
    return otel_log_enabled(severity);
}

/* ---- how many ---------------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void) {
    if (otel__log_clock_for_tests != NULL) {
        return otel__log_clock_for_tests(CLOCK_REALTIME);
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t *word(otel_log_place *place, int which) { return &place->opaque_[which]; }

/* One more line in the second `now`; a thread that read the clock a little earlier counts into the second that is. */
static uint64_t counted(uint64_t window, uint32_t now) {
    const bool same = (uint32_t)((uint32_t)(window >> 32) - now) <= 1;
    return same ? window + 1 : (uint64_t)now << 32 | 1;
}

/* Whether the place may write a line more in this second. */
static bool admit(otel_log_place *place, uint64_t now) {
    const int set = atomic_load_explicit(&lines_per_second, memory_order_relaxed);
    const uint32_t most = (uint32_t)(set != 0 ? set : LINES_PER_SECOND);
    if (set < 0) {
        return true;
    }
    uint64_t next, window = __atomic_load_n(word(place, 0), __ATOMIC_RELAXED);
    do {
        next = counted(window, (uint32_t)(now / 1000000000u));
        if ((uint32_t)next > most) {
            __atomic_fetch_add(word(place, 1), 1, __ATOMIC_RELAXED);
            atomic_fetch_add_explicit(&suppressed, 1, memory_order_relaxed);
            return false;
        }
    } while (!__atomic_compare_exchange_n(word(place, 0), &window, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static void count_dropped(uint64_t told) {
    atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&untold, told + 1, memory_order_relaxed);
}

static otel_span span_of(const otel_log_line *line) {
    otel_span span;
    if (line->span != NULL) {
        return *line->span;
    }
    otel__context_get_span(otel__context_top(otel__self), &span);
    return span;
}

/* Apart from its callers, since it has 4 KiB on the stack. */
static __attribute__((noinline)) void emit(const otel_logger *logger, otel_severity severity, const otel_log_line *line,
                                           otel_log_place *place, uint64_t now) {
    struct otel__log_line text;
    const struct otel__log_head head = {
        .time = line->time != 0 ? line->time : now,
        .severity = severity,
        .logger = otel_cstr(logger != NULL ? logger->name : NULL),
        .message = line->message_len != 0 ? otel_strn(line->message, line->message_len) : otel_cstr(line->message),
        .span = span_of(line),
        .suppressed = __atomic_exchange_n(word(place, 1), 0, __ATOMIC_RELAXED),
        .dropped = atomic_exchange_explicit(&untold, 0, memory_order_relaxed),
    };
    otel__log_compose(&text, &head, line->fields);
    if (otel__log_output(severity, text.text, text.len)) {
        atomic_fetch_add_explicit(&written, 1, memory_order_relaxed);
    } else {
        __atomic_fetch_add(word(place, 1), head.suppressed, __ATOMIC_RELAXED);
        count_dropped(head.dropped);
    }
}

static otel_log_place *place_of(otel_logger *logger, const otel_log_line *line) {
    static otel_log_place nowhere;
    otel_log_place *own = logger != NULL ? (otel_log_place *)(void *)logger->opaque_ : &nowhere;
    return line->place != NULL ? line->place : own;
}

static void write_line(otel_logger *logger, otel_severity severity, const otel_log_line *given) {
    static const otel_log_line empty = { .size = sizeof empty };
    otel_log_line copy;
    const otel_log_line *line = given != NULL ? otel__options_fit(given, sizeof copy, &copy) : &empty;
    otel_log_place *place = place_of(logger, line);
    const uint64_t now = now_ns();
    if (admit(place, now)) {
        emit(logger, severity, line, place, now);
    }
}

/* A line of ours before the first one of the program's. */
static void report_level(void) {
    static otel_logger own = { .name = "otel" };
    static const otel_span none;
    const otel_attr given = OTEL_ATTR("OTEL_C_LOG_LEVEL", (const char *)getenv("OTEL_C_LOG_LEVEL"));
    write_line(&own, OTEL_SEVERITY_WARNING,
               OTEL_LOG_LINE("OTEL_C_LOG_LEVEL is none of debug, info, warning, error, critical, none: info is used",
                             .fields = { &given, 1 }, .span = &none));
}

void otel_log_write(otel_logger *logger, otel_severity severity, const otel_log_line *line) {
    const int saved = errno;
    if (!is_wanted(severity)) {
        return;
    }
    if (inside) {
        count_dropped(0);
        return;
    }
    const int cancellation = otel__cancellation_hold();
    inside = true;
    if (atomic_exchange_explicit(&level_unknown, false, memory_order_relaxed)) {
        report_level();
    }
    write_line(logger, severity, line);
    inside = false;
    otel__cancellation_allow(cancellation);
    errno = saved;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

void otel_log_configure(const otel_log_options *options) {
    static const otel_log_options defaults = { .size = sizeof defaults };
    otel_log_options copy;
    const int saved = errno;
    const bool outer = inside;
    const otel_log_options *given = options != NULL ? otel__options_fit(options, sizeof copy, &copy) : &defaults;
    const int cancellation = otel__cancellation_hold();
    inside = true;
    otel__log_output_set(given, outer);
    inside = outer;
    atomic_store_explicit(&lines_per_second, given->lines_per_second, memory_order_relaxed);
    atomic_store_explicit(&level_unknown, false, memory_order_relaxed);
    set_threshold(given->severity);
    otel__cancellation_allow(cancellation);
    errno = saved;
}

otel_log_counts otel_log_count(void) {
    return (otel_log_counts){
        .written = atomic_load_explicit(&written, memory_order_relaxed),
        .suppressed = atomic_load_explicit(&suppressed, memory_order_relaxed),
        .dropped = atomic_load_explicit(&dropped, memory_order_relaxed),
    };
}
