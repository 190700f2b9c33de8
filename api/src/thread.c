/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - the table of thread states: birth on first use, death by a pthread key, use after that; see thread.h. */
#include "thread.h"
#include "reserve.h"

#include <errno.h>
#include <pthread.h>

static struct otel__thread unborn = { .busy = 1 };
static struct otel__thread shared = { .busy = 1 };
_Thread_local struct otel__thread *otel__self OTEL__TLS_MODEL = &unborn;

/* What `busy` is to a block of its own, and its sum over the threads that have none. */
static _Thread_local uint32_t shared_busy OTEL__TLS_MODEL;
static _Atomic uint32_t shared_calls;

static _Atomic uint64_t interrupted_calls;

static struct otel__reserve blocks = { .size = (size_t)OTEL__MAX_THREADS * OTEL__THREAD_BLOCK };
static _Atomic uint32_t made;      /* blocks 1 to this exist */
static _Atomic uint64_t free_list; /* {tag, index of the first free block}; the tag makes a stale exchange fail */

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

uint32_t otel__threads_made(void) { return atomic_load(&made); }

struct otel__thread *otel__thread_at(uint32_t index) {
    return (struct otel__thread *)(void *)(otel__reserve_base(&blocks) + (size_t)index * OTEL__THREAD_BLOCK);
}

static uint64_t list_head(uint64_t former, uint32_t index) { return ((former >> 32) + 1) << 32 | index; }

static void block_give(struct otel__thread *thread) {
    uint64_t head = atomic_load_explicit(&free_list, memory_order_relaxed);
    do {
        atomic_store_explicit(&thread->next_free, (uint32_t)head, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&free_list, &head, list_head(head, thread->index),
                                                    memory_order_release, memory_order_relaxed));
}

static struct otel__thread *block_reuse(void) {
    uint64_t head = atomic_load_explicit(&free_list, memory_order_acquire);
    while ((uint32_t)head != 0) {
        struct otel__thread *thread = otel__thread_at((uint32_t)head);
        uint32_t next = atomic_load_explicit(&thread->next_free, memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&free_list, &head, list_head(head, next), memory_order_acquire,
                                                  memory_order_acquire)) {
            return thread;
        }
    }
    return NULL;
}

static struct otel__thread *block_new(void) {
    uint32_t last = atomic_load(&made);
    do {
        if (last + 1 >= OTEL__MAX_THREADS || !otel__reserve_grow(&blocks, ((size_t)last + 2) * OTEL__THREAD_BLOCK)) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&made, &last, last + 1));
    struct otel__thread *thread = otel__thread_at(last + 1);
    thread->index = last + 1;
    return thread;
}

/* ---- birth and death --------------------------------------------------------------------------------------------- */

/* The thread ends. Destructors that run after this one find the shared state. */
static void thread_died(void *value) {
    struct otel__thread *thread = value;
    struct otel__call call;
    /* A thread that ended inside the library or a callback has left it with its frames. */
    atomic_store_explicit(&thread->busy, 0, memory_order_relaxed);
    otel__scopes_close_all();
    if (otel__enter(&call)) {
        if (call.backend != NULL) {
            call.backend->thread_exit(thread);
        }
        otel__leave(&call);
    }
    otel__self = &shared;
    atomic_signal_fence(memory_order_seq_cst);
    otel__scopes_forget(thread);
    block_give(thread);
}

/* The key whose destructor notices the ends of threads; made once, whichever thread comes first. */
static bool exit_key(pthread_key_t *key) {
    static _Atomic uint32_t made_key; /* the key + 1 */
    uint32_t known = atomic_load(&made_key);
    if (known == 0) {
        pthread_key_t mine;
        if (pthread_key_create(&mine, thread_died) != 0) {
            return false;
        }
        if (atomic_compare_exchange_strong(&made_key, &known, (uint32_t)mine + 1)) {
            known = (uint32_t)mine + 1;
        } else {
            pthread_key_delete(mine);
        }
    }
    *key = (pthread_key_t)(known - 1);
    return true;
}

static struct otel__thread *block_take(void) {
    struct otel__thread *thread = block_reuse();
    if (thread == NULL) {
        thread = block_new();
    }
    if (thread != NULL && thread->entries == NULL) {
        thread->entries = thread->first;
        thread->capacity = OTEL__SCOPES_INLINE;
    }
    return thread;
}

static void thread_born(void) {
    int saved = errno;
    pthread_key_t key;
    otel__self = &shared; /* what a signal handler finds meanwhile, and what stays when the rest fails */
    atomic_signal_fence(memory_order_seq_cst);
    struct otel__thread *thread = exit_key(&key) ? block_take() : NULL;
    if (thread != NULL && pthread_setspecific(key, thread) == 0) {
        otel__self = thread;
    } else if (thread != NULL) {
        block_give(thread);
    }
    errno = saved;
}

struct otel__thread *otel__thread_self(void) {
    if (otel__self == &unborn) {
        thread_born();
    }
    return otel__self;
}

uint32_t otel__thread_index(const struct otel__thread *thread) { return thread->index; }

void otel__threads_after_fork(void) {
    atomic_store(&free_list, 0);
    for (uint32_t index = 1; index <= otel__threads_made(); index++) {
        struct otel__thread *thread = otel__thread_at(index);
        if (thread != otel__self) {
            otel__scopes_forget(thread);
            thread->index = index; /* its maker may have been about to write it */
            atomic_store(&thread->busy, 0);
            block_give(thread);
        }
    }
    atomic_store(&shared_calls, (shared_busy + 1) / 2);
    otel__observers_after_fork();
}

/* ---- the bracket, off its fast path ------------------------------------------------------------------------------ */

/* Sequentially consistent like the load of the table that follows: membarrier() isn't relied on here. */
static struct otel__thread *enter_shared(void) {
    shared_busy++;
    atomic_fetch_add(&shared_calls, 1);
    return &shared;
}

struct otel__thread *otel__enter_slowly(void) {
    struct otel__thread *thread = otel__thread_self();
    if (thread == &shared && (shared_busy & 1u) == 0) {
        return enter_shared();
    }
    if ((atomic_load_explicit(&thread->busy, memory_order_relaxed) & 1u) == 0) { /* born just now */
        otel__mark_inside(thread, 0);
        return thread;
    }
    atomic_fetch_add_explicit(&interrupted_calls, 1, memory_order_relaxed);
    return NULL;
}

void otel__tell(otel__misuse what) {
    struct otel__call call;
    if (!otel__thread_inside() && otel__enter(&call)) {
        otel__report(&call, what);
        otel__leave(&call);
    }
}

void otel__leave_shared(void) {
    shared_busy--;
    atomic_fetch_sub(&shared_calls, 1);
}

uint32_t otel__shared_calls_of_others(void) { return atomic_load(&shared_calls) - (shared_busy + 1) / 2; }

uint64_t otel__interrupted_calls(void) { return atomic_load(&interrupted_calls); }

/* `busy` of the calling thread, wherever it is kept. */
static uint32_t own_busy(void) {
    const struct otel__thread *thread = otel__self;
    return thread == &unborn || thread == &shared ? shared_busy
                                                  : atomic_load_explicit(&thread->busy, memory_order_relaxed);
}

bool otel__thread_busy(void) { return own_busy() != 0; }

bool otel__thread_inside(void) { return (own_busy() & 1u) != 0; }

uint32_t otel__callback_begin(struct otel__thread *thread) {
    if (thread == &shared) {
        return shared_busy++;
    }
    uint32_t saved = atomic_load_explicit(&thread->busy, memory_order_relaxed);
    atomic_store_explicit(&thread->busy, saved + 1, memory_order_relaxed);
    return saved;
}

void otel__callback_end(struct otel__thread *thread, uint32_t saved) {
    if (thread == &shared) {
        shared_busy = saved;
        return;
    }
    atomic_store_explicit(&thread->busy, saved, memory_order_relaxed);
}

uint32_t otel__thread_mute(struct otel__thread *thread) {
    if (thread == &shared) {
        return otel__callback_begin(thread);
    }
    uint32_t saved = atomic_load_explicit(&thread->busy, memory_order_relaxed);
    /* A call that the thread is inside of already is still one to wait for. */
    uint32_t muted = saved == 0 ? OTEL__MUTED | 1u : saved | 1u;
    atomic_store_explicit(&thread->busy, muted, memory_order_relaxed);
    return saved;
}

void otel__thread_unmute(struct otel__thread *thread, uint32_t saved) { otel__callback_end(thread, saved); }
