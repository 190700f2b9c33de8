/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - what the API keeps for each thread that used it, and the bracket around each call (backend.h, DESIGN).
 *
 * DESIGN. A state is a block of 1 KiB in a reserved range. It is taken when its thread first calls in, given back by
 * the destructor of a pthread key, and used again by a later thread. Only its thread writes it; the stop of an SDK
 * reads `busy`. No lock is involved anywhere, so that a fork finds nothing half done: a block that another thread was
 * just taking is found again by otel__threads_after_fork().
 *
 * Two blocks stand outside of the range. `unborn` is where every thread's pointer points at first, `shared` is for
 * threads whose state is gone or couldn't be had. Both have an odd `busy` for ever, so that the one test on the fast
 * path sends their threads to the slow path too.
 */
#ifndef OTEL_API_THREAD_H
#define OTEL_API_THREAD_H

#include "backend.h"

/* An open scope. `serial` tells it from every other scope that this block ever held. */
struct otel__scope_entry {
    otel_context context;
    uint64_t serial;
    uint64_t owns_span; /* the span in `context` ends with the scope */
};

enum { OTEL__SCOPES_INLINE = 12, OTEL__THREAD_BLOCK = 1024 };
/* In `busy`, with the lowest bit: the thread's calls are ignored, and nobody waits for it. */
#define OTEL__MUTED 0x80000000u

struct otel__thread {
    _Atomic uint32_t busy;
    _Atomic uint32_t
        depth;         /* open scopes; stored with release after the entry, since a fork may copy us at any moment */
    uint32_t capacity; /* entries that there is room for */
    uint32_t index;
    struct otel__scope_entry *entries; /* `first`, or mapped memory once that is full */
    size_t mapped;                     /* bytes of mapped memory in use by `entries` */
    uint64_t serial;                   /* of the scope opened last; goes on when the block is used again */
    _Atomic uint32_t next_free;        /* index of the next block in the list of free ones */
    uint32_t valued;                   /* open scopes whose contexts hold values; nearly always 0 */
    struct otel__scope_entry first[OTEL__SCOPES_INLINE];
};
_Static_assert(sizeof(struct otel__thread) <= OTEL__THREAD_BLOCK, "a thread's state outgrew its block");

/* What is published, and whether threads must fence by themselves because membarrier() is missing. */
struct otel__published {
    _Atomic(const struct otel__backend *) backend;
    _Atomic bool fence; /* written before `backend` is */
};

#pragma GCC visibility push(hidden)

/* Initial-exec costs two instructions, but only glibc has room for it in libraries that are loaded later. */
#ifdef __GLIBC__
#define OTEL__TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define OTEL__TLS_MODEL
#endif
extern _Thread_local struct otel__thread *otel__self OTEL__TLS_MODEL;
extern struct otel__published otel__published;

struct otel__call {
    struct otel__thread *thread;
    const struct otel__backend *backend; /* NULL: none */
    uint32_t busy;                       /* what leave puts back */
};

/* Enters for a thread without a state, which may get one here; NULL: a signal handler, to be ignored. */
struct otel__thread *otel__enter_slowly(void);
void otel__leave_shared(void);
const struct otel__backend *otel__backend_fenced(struct otel__thread *thread);

/* Blocks in use or free: states exist for the indices 1 to this. */
uint32_t otel__threads_made(void);
struct otel__thread *otel__thread_at(uint32_t index);
/* Calls inside the library by threads that share a state, those of the calling thread apart. */
uint32_t otel__shared_calls_of_others(void);

/* scope.c: closes all scopes of the calling thread and ends the spans that they own. */
void otel__scopes_close_all(void);
/* scope.c: forgets the scopes of a thread that no longer exists, whose values are left as they are. */
void otel__scopes_forget(struct otel__thread *thread);

/* observe.c: in a forked child, where only the calling thread may be running a callback. */
void otel__observers_after_fork(void);

/* Tells the SDK from outside of the bracket. Where the SDK itself or an interrupted thread called, nobody is told. */
void otel__tell(otel__misuse what);

#pragma GCC visibility pop

/*
 * Marks the thread as inside. The compiler keeps the order; membarrier() on the other side makes the processor keep
 * it.
 */
static inline void otel__mark_inside(struct otel__thread *thread, uint32_t busy) {
    atomic_store_explicit(&thread->busy, busy + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Begins a call. False: a signal handler interrupted the library on this thread, so that the call must do nothing. */
static inline bool otel__enter(struct otel__call *call) {
    struct otel__thread *thread = otel__self;
    uint32_t busy = atomic_load_explicit(&thread->busy, memory_order_relaxed);
    if (__builtin_expect((busy & 1u) != 0, 0)) {
        thread = otel__enter_slowly();
        if (thread == NULL) {
            return false;
        }
        busy = thread->index == 0; /* odd for the shared state, to be noticed by leave */
    } else {
        otel__mark_inside(thread, busy);
    }
    call->thread = thread;
    call->busy = busy;
    call->backend = atomic_load_explicit(&otel__published.backend, memory_order_acquire);
    if (call->backend != NULL &&
        __builtin_expect(atomic_load_explicit(&otel__published.fence, memory_order_relaxed), 0)) {
        call->backend = otel__backend_fenced(thread);
    }
    return true;
}

/* Ends a call that otel__enter() began. */
static inline void otel__leave(const struct otel__call *call) {
    if (__builtin_expect((call->busy & 1u) != 0, 0)) {
        otel__leave_shared();
        return;
    }
    atomic_store_explicit(&call->thread->busy, call->busy, memory_order_release);
}

/* Tells the SDK, if one is there to be told; `span` may be NULL. */
static inline void otel__report_span(const struct otel__call *call, otel__misuse what, const otel_span *span) {
    if (call->backend != NULL) {
        call->backend->misuse(call->thread, what, span);
    }
}
static inline void otel__report(const struct otel__call *call, otel__misuse what) {
    otel__report_span(call, what, NULL);
}

#endif
