/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnostics.c - see diagnostics.h.
 */
#include "diagnostics.h"

#include "backend.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/sigpipe.h"
#include "cancellation.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define WINDOW (10 * OTEL__SECOND)

/* ---- where reports go ------------------------------------------------------------------------------------------- */

enum { TARGETS = 8 };

/*
 * Target number e lies at places[e % TARGETS] and is written before e is published, so that a reader who finds the
 * number unchanged, or not yet a whole round further, has read members that belong together. Zeroed: stderr, from
 * info on.
 */
static struct {
    _Atomic uint64_t number;
    struct {
        _Atomic int threshold;
        _Atomic(otel_diagnostic) sink;
        void *_Atomic data;
    } places[TARGETS];
} target;

struct destination {
    int threshold;
    otel_diagnostic sink;
    void *data;
};

static _Thread_local bool in_sink;

static struct destination current_destination(void) {
    struct destination to;
    uint64_t number;
    do {
        number = atomic_load_explicit(&target.number, memory_order_acquire);
        unsigned place = (unsigned)(number % TARGETS);
        to.threshold = atomic_load_explicit(&target.places[place].threshold, memory_order_acquire);
        to.sink = atomic_load_explicit(&target.places[place].sink, memory_order_acquire);
        to.data = atomic_load_explicit(&target.places[place].data, memory_order_acquire);
    } while (atomic_load_explicit(&target.number, memory_order_acquire) - number >= TARGETS - 1);
    if (to.threshold <= OTEL_LOG_DEFAULT)
        to.threshold = OTEL_LOG_INFO;
    return to;
}

/* ---- how many --------------------------------------------------------------------------------------------------- */

enum { KINDS = 64 };

/* Entries are claimed by compare-and-swap and not given back before the next set; the last is for all other kinds. */
static struct kind {
    _Atomic uint64_t hash;
    _Atomic uint64_t last;    /* when a line was last written; 0 never */
    _Atomic uint64_t skipped; /* since then */
} kinds[KINDS + 1];

static uint64_t hash_of(const char *kind) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; kind && *kind; kind++)
        hash = (hash ^ (unsigned char)*kind) * UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

static struct kind *find_kind(uint64_t hash) {
    for (unsigned i = 0; i < KINDS; i++) {
        struct kind *kind = &kinds[(hash + i) % KINDS];
        uint64_t found = atomic_load_explicit(&kind->hash, memory_order_relaxed);
        if (!found && atomic_compare_exchange_strong(&kind->hash, &found, hash))
            return kind;
        if (found == hash)
            return kind;
    }
    return &kinds[KINDS];
}

struct pause {
    uint64_t skipped, seconds;
};

/* Whether this report is to be written; then `pause` says what was skipped since the line before it. */
static bool admit(const char *name, struct pause *pause) {
    struct kind *kind = find_kind(hash_of(name));
    uint64_t now = otel__clock_steady();
    now = now ? now : 1;
    uint64_t last = atomic_load_explicit(&kind->last, memory_order_relaxed);
    /* Of several threads that find the window over, the one that moves `last` writes the line. */
    if ((last && now - last < WINDOW) || !atomic_compare_exchange_strong(&kind->last, &last, now)) {
        atomic_fetch_add_explicit(&kind->skipped, 1, memory_order_relaxed);
        return false;
    }
    pause->skipped = atomic_exchange_explicit(&kind->skipped, 0, memory_order_relaxed);
    pause->seconds = (now - last + OTEL__SECOND / 2) / OTEL__SECOND;
    return true;
}

void otel__diagnostics_set(otel_log_level threshold, otel_diagnostic sink, void *data) {
    uint64_t number = atomic_load(&target.number) + 1;
    unsigned place = (unsigned)(number % TARGETS);
    atomic_store_explicit(&target.places[place].threshold, (int)threshold, memory_order_release);
    atomic_store_explicit(&target.places[place].sink, sink, memory_order_release);
    atomic_store_explicit(&target.places[place].data, data, memory_order_release);
    atomic_store(&target.number, number);
    for (unsigned i = 0; i <= KINDS; i++) {
        atomic_store(&kinds[i].hash, 0);
        atomic_store(&kinds[i].last, 0);
        atomic_store(&kinds[i].skipped, 0);
    }
}

void otel__diagnostics_reset(void) { otel__diagnostics_set(OTEL_LOG_DEFAULT, NULL, NULL); }

/* ---- the line --------------------------------------------------------------------------------------------------- */

static const char cut_mark[] = " [cut]";

struct line {
    size_t len;
    char text[OTEL__DIAGNOSTIC_MAX + 1];
};

/* Appends `text` in readable form, as far as the line stays within `limit` bytes; false when it was cut. */
static bool append(struct line *line, size_t limit, const char *text, size_t len) {
    otel_str rest = otel_strn(text, len);
    while (rest.len) {
        char piece[OTEL__ESCAPE_MAX];
        size_t used, bytes = otel__escape_step(rest, 0, piece, &used);
        if (bytes > limit - line->len)
            return false;
        memcpy(line->text + line->len, piece, bytes);
        line->len += bytes;
        rest = otel_strn(rest.ptr + used, rest.len - used);
    }
    return true;
}

static void compose(struct line *line, const struct pause *pause, const char *format, va_list arguments) {
    /* As long as the line, so that what vsnprintf() cuts off, perhaps inside a character, is never reached. */
    char raw[sizeof line->text];
    char suffix[80] = "";
    int whole = vsnprintf(raw, sizeof raw, format, arguments);
    if (whole < 0)
        whole = snprintf(raw, sizeof raw, "%s", format);
    if (pause->skipped)
        snprintf(suffix, sizeof suffix, " (%llu more like this in the last %llu s)", (unsigned long long)pause->skipped,
                 (unsigned long long)pause->seconds);
    size_t tail = strlen(suffix), len = strlen(raw);
    line->len = 0;
    bool complete = (size_t)whole == len && append(line, sizeof line->text - 1 - tail, raw, len);
    if (!complete) {
        line->len = 0;
        append(line, sizeof line->text - 1 - tail - strlen(cut_mark), raw, len);
        memcpy(line->text + line->len, cut_mark, strlen(cut_mark));
        line->len += strlen(cut_mark);
    }
    memcpy(line->text + line->len, suffix, tail + 1);
    line->len += tail;
}

/* ---- writing it ------------------------------------------------------------------------------------------------- */

static const char *level_name(otel_log_level level) {
    static const char *const names[] = { "", "trace", "debug", "info", "warn", "error" };
    return names[level];
}

/* A pipe or terminal that nobody reads must not stop the thread that reports: then the line is lost. */
static bool stderr_takes_a_line(void) {
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

static void write_line(const char *text, size_t len) {
    /* Whoever reads our stderr through a pipe, and is gone, must not cost the process its life. */
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    const ssize_t written = write(STDERR_FILENO, text, len);
    (void)written;
    otel__sigpipe_end(&guard);
}

static void write_to_stderr(otel_log_level level, const struct line *line) {
    char text[sizeof line->text + 32];
    const int len = snprintf(text, sizeof text, "otel: %s: %s\n", level_name(level), line->text);
    if (stderr_takes_a_line())
        write_line(text, (size_t)len);
}

/* What the sink itself traces is not recorded, or reporting a full queue would fill it further. */
static void call_sink(const struct destination *to, otel_log_level level, const struct line *line) {
    if (otel__thread_inside()) {
        to->sink(to->data, level, line->text);
        return;
    }
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__callback_begin(thread);
    to->sink(to->data, level, line->text);
    otel__callback_end(thread, saved);
}

/* Without being cancelled, since the thread may be in the middle of something of ours. */
static void deliver(const struct destination *to, otel_log_level level, const struct line *line) {
    const int cancellation = otel__cancellation_hold();
    in_sink = true;
    if (to->sink)
        call_sink(to, level, line);
    else
        write_to_stderr(level, line);
    in_sink = false;
    otel__cancellation_allow(cancellation);
}

void otel_report(otel_log_level level, const char *kind, const char *format, ...) {
    if (in_sink || !format)
        return;
    int saved_errno = errno;
    if (level < OTEL_LOG_TRACE || level > OTEL_LOG_ERROR)
        level = OTEL_LOG_ERROR;
    struct destination to = current_destination();
    struct pause pause;
    if ((int)level >= to.threshold && admit(kind, &pause)) {
        struct line line;
        va_list arguments;
        va_start(arguments, format);
        compose(&line, &pause, format, arguments);
        va_end(arguments);
        deliver(&to, level, &line);
    }
    errno = saved_errno;
}
