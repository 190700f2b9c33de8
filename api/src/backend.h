/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - the private, versioned contract between libotel-api and the SDK that it hands calls to.
 *
 * DESIGN. The API owns what must work without an SDK: span contexts, contexts, scopes, tracestates, propagation, and
 * one struct otel__thread for each thread that used it. An SDK installs one static table, which is never unloaded.
 * Each call into it is bracketed:
 *
 *     enter: busy is even -> store busy + 1 (odd: inside); busy is odd -> a signal handler interrupted this library:
 *            count, ignore
 *            load the published table (acquire); NULL -> leave
 *     leave: store the former busy (release)
 *
 * `busy` is written by its own thread only, so plain relaxed stores do. To stop, the SDK unpublishes the table, issues
 * membarrier(), which makes every running thread's store of `busy` visible before its load of the table, and waits
 * until every thread's `busy` is zero. Around callbacks of the user busy is raised once more (even: in a callback), so
 * that the callback may call the API, while the stop still sees a call in progress. Where membarrier() is missing,
 * enter issues a full fence instead.
 *
 * Threads whose state is gone (a TLS destructor runs after ours) and threads beyond the table share thread 0, whose
 * busy is not used; it counts calls atomically in `shared_calls` and owns no scopes and no SDK cache.
 */
#ifndef OTEL_API_BACKEND_H
#define OTEL_API_BACKEND_H

#include <otel/metrics.h>
#include <otel/trace.h>
#include <stdatomic.h>

#define OTEL__BACKEND_VERSION 1u
/* Words of otel_span. Ids are stored as their bytes in order, so that a pointer to a word is a pointer to an id. */
enum { OTEL__W_TRACE = 0, OTEL__W_SPAN = 2, OTEL__W_META = 3, OTEL__W_BIRTH = 4, OTEL__W_STATE = 5 };
/* Word 3: bits 0-7 trace flags, bit 8 remote, bits 32-63 the record's slot. */
#define OTEL__META_FLAGS 0xffu
#define OTEL__META_REMOTE 0x100u
/*
 * Words of otel_context: 0-5 the span; 6 what else travels with it (values.h), a counted pointer or 0; 7 is 0 exactly
 * when the context holds no reference at all: bit 0 says that it holds the tracestate, the rest is derived from word 6.
 */
enum { OTEL__W_VALUES = 6, OTEL__W_HOLDS = 7 };
#define OTEL__HOLDS_STATE UINT64_C(1)

/*
 * A copy of the context without its span, as it is the parent's of a root span, whatever span is in it. It borrows what
 * the context holds.
 */
static inline void otel__context_without_span(const otel_context *context, otel_context *copy) {
    *copy = *context;
    memset(copy, 0, sizeof(otel_span));
    copy->opaque_[OTEL__W_HOLDS] &= ~OTEL__HOLDS_STATE;
}

struct otel__thread; /* thread.h; the SDK sees only the functions below */

/* What the API noticed and cannot report by itself. */
typedef enum otel__misuse {
    OTEL__MISUSE_SCOPE_ORDER,     /* a scope was closed while younger ones were open */
    OTEL__MISUSE_SCOPE_FOREIGN,   /* a scope was closed on another thread */
    OTEL__MISUSE_SCOPE_DEPTH,     /* 65,536 nested scopes, or no memory for more: not attached */
    OTEL__MISUSE_TRACESTATE_FULL, /* every tracestate of the table is in use: dropped */
    OTEL__MISUSE_NO_MEMORY,       /* a context value or baggage was dropped */
    OTEL__MISUSE_BAGGAGE_NAME,    /* an entry without a name was dropped */
    OTEL__MISUSE_PARENT_READ,     /* a received span context is not valid, or its tracestate */
    OTEL__MISUSE_BAGGAGE_READ,    /* of a received header something was dropped */
    OTEL__MISUSE_BAGGAGE_SENT,    /* an entry cannot be sent */
    OTEL__MISUSE_COUNT
} otel__misuse;

/*
 * All functions run inside enter/leave, on the thread given, which is shared by several when its index is 0. They
 * preserve errno. No pointer argument is NULL; option structs have their full size whatever the caller was compiled
 * against; enums are in range; an otel_str argument without bytes has length 0. What is inside of values, links and
 * options is unchecked. Word 4 of `span` is not zero.
 */
struct otel__backend {
    uint32_t version; /* OTEL__BACKEND_VERSION */
    uint32_t size;    /* sizeof(struct otel__backend) */
    /*
     * `parent` is the context to take the parent from, also where `options->parent` is NULL; `options->root` is the
     * SDK's to see. Fills `out` whatever happens.
     */
    void (*span_start)(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options,
                       const otel_context *parent, otel_span *out);
    bool (*enabled)(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options);
    bool (*span_recording)(const otel_span *span);
    /* Of `span` only words 3 and 4 are set when a scope ends it. */
    void (*span_end)(struct otel__thread *thread, const otel_span *span, uint64_t time);
    void (*span_set)(struct otel__thread *thread, const otel_span *span, otel_str key, const otel_value *value);
    void (*span_event)(struct otel__thread *thread, const otel_span *span, const otel_event_options *options);
    void (*span_exception)(struct otel__thread *thread, const otel_span *span, const otel_exception_options *options);
    void (*span_link)(struct otel__thread *thread, const otel_span *span, const otel_link *link);
    void (*span_name)(struct otel__thread *thread, const otel_span *span, otel_str name);
    void (*span_status)(struct otel__thread *thread, const otel_span *span, otel_code code, otel_str text);
    void (*span_fail)(struct otel__thread *thread, const otel_span *span, otel_str type, otel_str text);
    /* The thread ends; its scopes are closed already. */
    void (*thread_exit)(struct otel__thread *thread);
    /* `span` is the one of the scope that it is about, if there is one, or NULL. */
    void (*misuse)(struct otel__thread *thread, otel__misuse what, const otel_span *span);
    /* Metrics. `context` is that of the measurement; attributes are unchecked, as are the members of instruments. */
    bool (*instrument_enabled)(struct otel__thread *thread, otel_instrument *instrument);
    void (*measure_int)(struct otel__thread *thread, otel_instrument *instrument, int64_t value, otel_attrs attributes,
                        const otel_context *context);
    void (*measure_double)(struct otel__thread *thread, otel_instrument *instrument, double value,
                           otel_attrs attributes, const otel_context *context);
    void (*bound_int)(struct otel__thread *thread, otel_bound *bound, int64_t value, const otel_context *context);
    void (*bound_double)(struct otel__thread *thread, otel_bound *bound, double value, const otel_context *context);
    /* A callback was registered: somebody has to read now. */
    void (*observed)(struct otel__thread *thread);
};

/* Whoever reads metrics makes one for the time of its callbacks. `instrument` is not NULL. */
struct otel_observer {
    void (*observe_int)(otel_observer *observer, otel_instrument *instrument, int64_t value, otel_attrs attributes);
    void (*observe_double)(otel_observer *observer, otel_instrument *instrument, double value, otel_attrs attributes);
};

#pragma GCC visibility push(default)

/*
 * Publishes the table, which must live for ever; false when another is published or the version differs. In a process
 * with a single thread it calls otel__threads_after_fork(), since the process may be a child whose fork no SDK saw.
 */
bool otel__backend_install(const struct otel__backend *backend);
/*
 * Unpublishes the table and waits until no call is inside it, at most until `deadline` (ns of CLOCK_MONOTONIC). False:
 * time was up and calls may still be running. Idempotent, and callable again to wait longer. A call by which the
 * calling thread itself is inside (a callback) does not count.
 */
bool otel__backend_remove(uint64_t deadline);

/* The calling thread's state, made on first use; never NULL (thread 0 when none can be had). */
struct otel__thread *otel__thread_self(void);
/* Small dense number, unique among living threads, reused after; 0 is the shared state. Below OTEL__MAX_THREADS. */
uint32_t otel__thread_index(const struct otel__thread *thread);
#define OTEL__MAX_THREADS 32768u
/* True while the calling thread is inside the library, in a callback or not. */
bool otel__thread_busy(void);
/* True while a call would be ignored: the calling thread is inside, and not in a callback. */
bool otel__thread_inside(void);
/*
 * From here to unmute, which gets what mute returned, the thread's calls are ignored, and a removal of the table does
 * not wait for it: for threads that run exporters, whose own spans would feed the exporters for ever.
 */
uint32_t otel__thread_mute(struct otel__thread *thread);
void otel__thread_unmute(struct otel__thread *thread, uint32_t saved);
/*
 * Bracket a call of user code made from inside, so that it may call the API; `begin` returns what `end` needs. Made
 * from outside, they do the opposite: the code's calls are ignored.
 */
uint32_t otel__callback_begin(struct otel__thread *thread);
void otel__callback_end(struct otel__thread *thread, uint32_t saved);
/*
 * In a forked child: forgets every thread but the calling one, and drops the tracestates that their scopes held; the
 * values there are never released. Called by the SDK's fork handler. The calling thread keeps its scopes.
 */
void otel__threads_after_fork(void);
/* Calls ignored because a signal handler had interrupted the library, over all threads since the process began. */
uint64_t otel__interrupted_calls(void);

/*
 * Calls the registered callbacks one after the other, on the calling thread, which must be the only one that does this.
 * Between two of them it asks `go_on`, and ends when that is false.
 */
void otel__observers_run(otel_observer *observer, bool (*go_on)(void *data), void *data);
/* Whether any is registered. */
bool otel__observers_any(void);

/*
 * Tracestates are named by a 64-bit reference {generation, place}, 0 for the empty one. Strong references are counted;
 * a weak one is just the number and goes stale when its place is reused. All four are lock-free and allocate nothing.
 */
bool otel__tracestate_retain(uint64_t state);   /* false: stale; 0 is never stale */
void otel__tracestate_drop(uint64_t state);     /* gives back what retain took */
otel_str otel__tracestate_text(uint64_t state); /* valid while a strong reference is held */
/* A strong reference to a copy of checked header text; 0 when it is empty or too long, or when the table is full. */
uint64_t otel__tracestate_intern(otel_str text);

#pragma GCC visibility pop
#endif
