/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - the stack of attached contexts that each thread owns.
 *
 * A token names its entry by thread, depth and serial, and holds no pointer to a caller's frame: frames that longjmp()
 * or the end of a thread skipped leave entries behind, which the next outer scope closes. Words of the token: 0 is
 * {index of the thread, depth}, 1 the serial.
 *
 * A span that was to end with its scope but couldn't be attached (no state of its own, stack full) still ends with it:
 * the token is then DETACHED and carries what ends a span, words 3 and 4 of it.
 */
#include "context.h"

#include <errno.h>
#include <sys/mman.h>

#define DETACHED UINT64_MAX
enum { DEPTH_MOST = 65536, FIRST_MAPPING = 4096 };

/* ---- the stack --------------------------------------------------------------------------------------------------- */

/*
 * Doubles the room. The new memory is whole before `entries` names it, and the old is unmapped only after that: the
 * child of a fork that another thread makes meanwhile looks at the stack too (otel__scopes_forget).
 */
static bool stack_grow(struct otel__thread *thread) {
    if (thread->capacity == 0 || thread->capacity >= DEPTH_MOST) {
        return false;
    }
    int saved = errno;
    size_t old_bytes = thread->mapped;
    size_t bytes = old_bytes != 0 ? old_bytes * 2 : FIRST_MAPPING;
    struct otel__scope_entry *old = thread->entries;
    struct otel__scope_entry *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        memcpy(memory, old, thread->capacity * sizeof *old);
        size_t capacity = bytes / sizeof *old;
        atomic_signal_fence(memory_order_release);
        thread->entries = memory;
        thread->mapped = bytes;
        thread->capacity = capacity < DEPTH_MOST ? (uint32_t)capacity : DEPTH_MOST;
        atomic_signal_fence(memory_order_release);
        if (old_bytes != 0) {
            munmap(old, old_bytes);
        }
    }
    errno = saved;
    return memory != MAP_FAILED;
}

static inline uint32_t depth_now(const struct otel__thread *thread) {
    return atomic_load_explicit(&thread->depth, memory_order_relaxed);
}

/* The entry above the top, still unused; NULL when there is no room. */
static struct otel__scope_entry *stack_room(const struct otel__call *call) {
    struct otel__thread *thread = call->thread;
    if (depth_now(thread) == thread->capacity && !stack_grow(thread)) {
        if (thread->capacity != 0) {
            otel__report(call, OTEL__MISUSE_SCOPE_DEPTH);
        }
        return NULL;
    }
    return &thread->entries[depth_now(thread)];
}

/* Makes the entry above the top, which the caller has filled with a context, the new top. */
static inline otel_scope stack_push(struct otel__thread *thread, struct otel__scope_entry *entry, bool owns) {
    uint32_t depth = depth_now(thread) + 1;
    uint64_t serial = ++thread->serial;
    entry->serial = serial;
    entry->owns_span = owns;
    atomic_store_explicit(&thread->depth, depth, memory_order_release);
    return (otel_scope){ { (uint64_t)thread->index << 32 | depth, serial, 0 } };
}

/*
 * Takes the top away, and gives what ends the span that it owned: words 3 and 4 of it, zeros if there is none. The
 * caller gives the context's references back, which keeps its place until the next scope opens.
 */
static inline otel_span stack_pop(struct otel__thread *thread, const struct otel__scope_entry *top) {
    const volatile uint64_t *words = top->context.opaque_; /* as in otel__span_copy() */
    otel_span ended = { { 0 } };
    if (top->owns_span != 0 && words[OTEL__W_BIRTH] != 0) {
        ended.opaque_[OTEL__W_META] = words[OTEL__W_META];
        ended.opaque_[OTEL__W_BIRTH] = words[OTEL__W_BIRTH];
    }
    atomic_store_explicit(&thread->depth, depth_now(thread) - 1, memory_order_release);
    return ended;
}

static const otel_span invalid_span;

/* ---- attaching --------------------------------------------------------------------------------------------------- */

otel_scope otel_context_attach(const otel_context *context) {
    otel_scope scope = { { 0 } };
    struct otel__call call;
    if (!otel__enter(&call)) {
        return scope;
    }
    struct otel__scope_entry *entry = stack_room(&call);
    if (entry != NULL) {
        otel__context_share(&entry->context, context != NULL ? context : &otel__context_empty);
        call.thread->valued += entry->context.opaque_[OTEL__W_VALUES] != 0;
        scope = stack_push(call.thread, entry, false);
    }
    otel__leave(&call);
    return scope;
}

/* `base` is NULL for the current context. */
static __attribute__((noinline)) otel_scope attach(const otel_span *span, bool owns, const otel_context *base) {
    otel_scope scope = { { 0 } };
    struct otel__call call;
    if (otel__enter(&call)) {
        struct otel__scope_entry *entry = stack_room(&call);
        if (entry != NULL) {
            otel__context_set_span(&entry->context, span);
            otel__context_take_values(&entry->context, base != NULL ? base : otel__context_top(call.thread));
            call.thread->valued += entry->context.opaque_[OTEL__W_VALUES] != 0;
            scope = stack_push(call.thread, entry, owns);
        }
        otel__leave(&call);
    }
    if (scope.opaque_[0] == 0 && owns && otel__may_record(span)) {
        scope = (otel_scope){ { DETACHED, span->opaque_[OTEL__W_META], span->opaque_[OTEL__W_BIRTH] } };
    }
    return scope;
}

/* What attach() does, without any call and so twice as fast, where nothing is to be held. */
otel_scope otel_span_attach(const otel_span *span, bool end_with_scope) {
    struct otel__thread *thread = otel__self;
    uint32_t busy = atomic_load_explicit(&thread->busy, memory_order_relaxed);
    if (span == NULL) {
        span = &invalid_span;
    }
    if ((busy & 1u) != 0 || depth_now(thread) == thread->capacity || thread->valued != 0 ||
        span->opaque_[OTEL__W_STATE] != 0) {
        return attach(span, end_with_scope, NULL);
    }
    otel__mark_inside(thread, busy);
    struct otel__scope_entry *entry = &thread->entries[depth_now(thread)];
    otel__span_copy(entry->context.opaque_, span);
    entry->context.opaque_[OTEL__W_VALUES] = 0;
    entry->context.opaque_[OTEL__W_HOLDS] = 0;
    otel_scope scope = stack_push(thread, entry, end_with_scope);
    atomic_store_explicit(&thread->busy, busy, memory_order_release);
    return scope;
}

otel_scope otel_span_attach_to(const otel_context *base, const otel_span *span, bool end_with_scope) {
    if (base == NULL || (base->opaque_[OTEL__W_VALUES] | otel__self->valued) == 0) {
        return otel_span_attach(span, end_with_scope);
    }
    return attach(span != NULL ? span : &invalid_span, end_with_scope, base);
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

/* The depth of the scope on the calling thread's stack; 0 when it isn't open there. */
static uint32_t depth_of(const struct otel__call *call, const otel_scope *scope) {
    const struct otel__thread *thread = call->thread;
    uint32_t depth = (uint32_t)scope->opaque_[0];
    bool open = scope->opaque_[0] >> 32 == thread->index && depth - 1 < depth_now(thread) &&
                thread->entries[depth - 1].serial == scope->opaque_[1];
    return open ? depth : 0;
}

static bool is_foreign(const struct otel__call *call, const otel_scope *scope) {
    /* The shared state tells its threads' own scopes, which were closed, from nobody's. */
    return call->thread->index != 0 && scope->opaque_[0] >> 32 != call->thread->index;
}

/* What a closed scope leaves to do outside of the bracket, when the stack is whole: code of the user's may use it. */
struct closed {
    otel_span ended;
    struct otel__values *values;
};

static void finish(const struct closed *closed) {
    otel_span_end(&closed->ended);
    otel__values_drop(closed->values);
}

static struct closed close_youngest(struct otel__thread *thread) {
    struct otel__scope_entry *top = &thread->entries[depth_now(thread) - 1];
    struct closed closed = { stack_pop(thread, top), otel__context_values(&top->context) };
    thread->valued -= closed.values != NULL;
    otel__context_drop_state(&top->context);
    return closed;
}

/*
 * Closes the youngest scope, if `scope` is still open. `newest` is the newest scope there was when the closing began,
 * 0 at first: younger ones were left open by callbacks of this very closing, and ending their spans might go on for
 * ever.
 */
static bool close_next(const otel_scope *scope, uint64_t *newest, struct closed *closed) {
    struct otel__call call;
    if (!otel__enter(&call)) {
        return false;
    }
    struct otel__thread *thread = call.thread;
    uint32_t depth = depth_of(&call, scope);
    uint32_t top = depth_now(thread);
    bool first = *newest == 0;
    otel_span span = { { 0 } }; /* of `scope` */
    if (depth != 0) {
        otel__span_copy(span.opaque_, (const otel_span *)&thread->entries[depth - 1].context);
        *newest = first ? thread->serial : *newest;
        uint64_t serial = thread->entries[top - 1].serial;
        *closed = close_youngest(thread);
        if (serial > *newest) {
            closed->ended.opaque_[OTEL__W_BIRTH] = 0;
        }
    }
    if (depth != 0 && depth < top && first) {
        otel__report_span(&call, OTEL__MISUSE_SCOPE_ORDER, &span);
    } else if (depth == 0 && is_foreign(&call, scope)) {
        otel__report(&call, OTEL__MISUSE_SCOPE_FOREIGN);
    }
    otel__leave(&call);
    return depth != 0;
}

static __attribute__((noinline)) void close_down_to(const otel_scope *scope) {
    uint64_t newest = 0;
    struct closed closed = { { { 0 } }, NULL };
    if (scope->opaque_[0] == DETACHED) {
        closed.ended.opaque_[OTEL__W_META] = scope->opaque_[1];
        closed.ended.opaque_[OTEL__W_BIRTH] = scope->opaque_[2];
        finish(&closed);
    } else if (scope->opaque_[0] != 0) {
        while (close_next(scope, &newest, &closed)) {
            finish(&closed);
        }
    }
}

/*
 * What close_down_to() does, at half its cost, where `scope` is the youngest and its context holds nothing. The token
 * stays as it is: its serial never comes again, so closing it twice does nothing.
 */
void otel_scope_close(otel_scope *scope) {
    struct otel__thread *thread = otel__self;
    uint32_t busy = atomic_load_explicit(&thread->busy, memory_order_relaxed);
    uint32_t depth = depth_now(thread);
    if (scope == NULL) {
        return;
    }
    bool youngest = depth != 0 && scope->opaque_[0] == ((uint64_t)thread->index << 32 | depth) &&
                    scope->opaque_[1] == thread->entries[depth - 1].serial;
    if (!youngest || (busy & 1u) != 0 || thread->entries[depth - 1].context.opaque_[OTEL__W_HOLDS] != 0) {
        close_down_to(scope);
        return;
    }
    otel__mark_inside(thread, busy);
    otel_span ended = stack_pop(thread, &thread->entries[depth - 1]);
    atomic_store_explicit(&thread->busy, busy, memory_order_release);
    otel_span_end(&ended);
}

void otel__scopes_close_all(void) {
    struct otel__thread *thread = otel__self;
    const otel_scope outermost = { { (uint64_t)thread->index << 32 | 1, thread->entries[0].serial, 0 } };
    uint64_t newest = thread->serial;
    struct closed closed;
    while (close_next(&outermost, &newest, &closed)) {
        finish(&closed);
    }
}

void otel__scopes_forget(struct otel__thread *thread) {
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_acquire);
    atomic_store_explicit(&thread->depth, 0, memory_order_relaxed);
    while (depth > 0) {
        otel__context_drop_state(&thread->entries[--depth].context);
    }
    thread->valued = 0;
    if (thread->mapped != 0) {
        int saved = errno;
        munmap(thread->entries, thread->mapped);
        errno = saved;
    }
    thread->mapped = 0;
    thread->entries = thread->first;
    thread->capacity = OTEL__SCOPES_INLINE;
}
