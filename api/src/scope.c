/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - the stack of attached contexts that each thread owns.
 *
 * A token names its entry by thread, depth and serial, and holds no pointer to a caller's frame: frames that longjmp() or the
 * end of a thread skipped leave entries behind, which the next outer scope closes. Words of the token: 0 is {index of the
 * thread, depth}, 1 the serial.
 *
 * A span that was to end with its scope but couldn't be attached (no state of its own, stack full) still ends with it: the
 * token is then DETACHED and carries what ends a span, words 3 and 4 of it.
 */
#include "context.h"

#include <errno.h>
#include <sys/mman.h>

#define DETACHED UINT64_MAX
enum { DEPTH_MOST = 65536, FIRST_MAPPING = 4096 };

/* ---- the stack ---------------------------------------------------------------------------------------------------------- */

static void *map_entries(struct otel__thread *thread, size_t bytes) {
    if (thread->mapped != 0) {
        return mremap(thread->entries, thread->mapped, bytes, MREMAP_MAYMOVE);
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        memcpy(memory, thread->first, sizeof thread->first);
    }
    return memory;
}

static bool stack_grow(struct otel__thread *thread) {
    if (thread->capacity == 0 || thread->capacity >= DEPTH_MOST) {
        return false;
    }
    int saved = errno;
    size_t bytes = thread->mapped != 0 ? thread->mapped * 2 : FIRST_MAPPING;
    void *memory = map_entries(thread, bytes);
    errno = saved;
    if (memory == MAP_FAILED) {
        return false;
    }
    size_t capacity = bytes / sizeof *thread->entries;
    thread->entries = memory;
    thread->mapped = bytes;
    thread->capacity = capacity < DEPTH_MOST ? (uint32_t)capacity : DEPTH_MOST;
    return true;
}

/* The entry above the top, still unused; NULL when there is no room. */
static inline struct otel__scope_entry *stack_room(const struct otel__call *call) {
    struct otel__thread *thread = call->thread;
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    if (__builtin_expect(depth == thread->capacity, 0) && !stack_grow(thread)) {
        if (thread->capacity != 0) {
            otel__report(call, OTEL__MISUSE_SCOPE_DEPTH);
        }
        return NULL;
    }
    return &thread->entries[depth];
}

/* Makes the entry that stack_room() gave the top. */
static inline void stack_push(struct otel__thread *thread, struct otel__scope_entry *entry, bool owns,
                              otel_scope *scope) {
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed) + 1;
    entry->serial = ++thread->serial;
    entry->owns_span = owns;
    atomic_store_explicit(&thread->depth, depth, memory_order_release);
    scope->opaque_[0] = (uint64_t)thread->index << 32 | depth;
    scope->opaque_[1] = entry->serial;
}

/*
 * Takes the top away. `ended` is the span to end once the bracket is left. Scopes younger than `newest` were left open by
 * callbacks of this very closing, and ending their spans might go on for ever.
 */
static inline void stack_pop(struct otel__thread *thread, uint64_t newest, otel_span *ended) {
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed) - 1;
    const struct otel__scope_entry *entry = &thread->entries[depth];
    if (entry->owns_span != 0 && entry->serial <= newest) {
        otel__context_get_span(&entry->context, ended);
    } else {
        ended->opaque_[OTEL__W_BIRTH] = 0;
    }
    atomic_store_explicit(&thread->depth, depth, memory_order_release);
    otel__context_drop(&entry->context);
}

/* ---- attaching ---------------------------------------------------------------------------------------------------------- */

otel_scope otel_context_attach(const otel_context *context) {
    otel_scope scope = { { 0 } };
    struct otel__call call;
    if (!otel__enter(&call)) {
        return scope;
    }
    struct otel__scope_entry *entry = stack_room(&call);
    if (entry != NULL) {
        otel__context_share(&entry->context, context != NULL ? context : &otel__context_empty);
        stack_push(call.thread, entry, false, &scope);
    }
    otel__leave(&call);
    return scope;
}

otel_scope otel_span_attach(const otel_span *span, bool end_with_scope) {
    static const otel_span invalid;
    otel_scope scope = { { 0 } };
    struct otel__call call;
    if (span == NULL) {
        span = &invalid;
    }
    if (otel__enter(&call)) {
        struct otel__scope_entry *entry = stack_room(&call);
        if (entry != NULL) {
            otel__context_set_span(&entry->context, span);
            stack_push(call.thread, entry, end_with_scope, &scope);
        }
        otel__leave(&call);
    }
    if (scope.opaque_[0] == 0 && end_with_scope && otel__may_record(span)) {
        scope.opaque_[0] = DETACHED;
        scope.opaque_[1] = span->opaque_[OTEL__W_META];
        scope.opaque_[2] = span->opaque_[OTEL__W_BIRTH];
    }
    return scope;
}

/* ---- closing ------------------------------------------------------------------------------------------------------------ */

/* The depth of the scope on this thread's stack; 0 when it isn't there. */
static inline uint32_t depth_of(const struct otel__call *call, const otel_scope *scope) {
    struct otel__thread *thread = call->thread;
    uint32_t depth = (uint32_t)scope->opaque_[0];
    if (scope->opaque_[0] >> 32 != thread->index) {
        otel__report(call, OTEL__MISUSE_SCOPE_FOREIGN);
        return 0;
    }
    bool open = depth != 0 && depth <= atomic_load_explicit(&thread->depth, memory_order_relaxed) &&
                thread->entries[depth - 1].serial == scope->opaque_[1];
    return open ? depth : 0;
}

/* Closes the youngest scope, if that is `scope` or above it, and empties `scope` when there is nothing left to close. */
static bool close_one(otel_scope *scope, uint64_t *newest, otel_span *ended) {
    struct otel__call call;
    if (!otel__enter(&call)) {
        return false;
    }
    uint32_t depth = depth_of(&call, scope);
    uint32_t top = atomic_load_explicit(&call.thread->depth, memory_order_relaxed);
    if (*newest == 0) {
        *newest = call.thread->serial;
        if (depth != 0 && depth < top) {
            otel__report(&call, OTEL__MISUSE_SCOPE_ORDER);
        }
    }
    if (depth != 0) {
        stack_pop(call.thread, *newest, ended);
    }
    if (depth == 0 || depth == top) {
        scope->opaque_[0] = 0;
    }
    otel__leave(&call);
    return depth != 0;
}

void otel_scope_close(otel_scope *scope) {
    otel_span ended;
    uint64_t newest = 0;
    if (scope == NULL) {
        return;
    }
    if (scope->opaque_[0] == DETACHED) {
        ended = (otel_span){ .opaque_ = { [OTEL__W_META] = scope->opaque_[1], [OTEL__W_BIRTH] = scope->opaque_[2] } };
        scope->opaque_[0] = 0;
        otel_span_end(&ended);
    }
    /* The span ends outside of the bracket, when the stack is whole again: its processors may use contexts. */
    while (scope->opaque_[0] != 0 && close_one(scope, &newest, &ended)) {
        otel_span_end(&ended);
    }
}

void otel__scopes_close_all(void) {
    const struct otel__thread *thread = otel__self;
    uint64_t newest = thread->serial;
    for (;;) {
        struct otel__call call;
        otel_span ended;
        if (!otel__enter(&call)) {
            return;
        }
        bool open = atomic_load_explicit(&call.thread->depth, memory_order_relaxed) != 0;
        if (open) {
            stack_pop(call.thread, newest, &ended);
        }
        otel__leave(&call);
        if (!open) {
            return;
        }
        otel_span_end(&ended);
    }
}

void otel__scopes_forget(struct otel__thread *thread) {
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_acquire);
    atomic_store_explicit(&thread->depth, 0, memory_order_relaxed);
    while (depth > 0) {
        otel__context_drop(&thread->entries[--depth].context);
    }
    if (thread->mapped != 0) {
        int saved = errno;
        munmap(thread->entries, thread->mapped);
        errno = saved;
    }
    thread->mapped = 0;
    thread->entries = thread->first;
    thread->capacity = OTEL__SCOPES_INLINE;
}
