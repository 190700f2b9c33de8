/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/context.h - contexts, and the thread's current one (specification: context/README.md).
 *
 * A context can be passed explicitly (event loops store it in their request) or made current for a thread with
 * otel_context_attach(). Nothing in this library requires the implicit form. All functions are safe to call from any
 * thread, with or without an SDK, and none fails: misuse leaves things as they are.
 *
 * Besides a span a context carries values under keys, baggage (otel/baggage.h) among them. In a signal handler leave
 * values alone: otel_context_with_value() allocates, and whoever gives back the last context that holds a value, be it
 * by otel_context_release() or by closing a scope, frees it.
 */
#ifndef OTEL_CONTEXT_H
#define OTEL_CONTEXT_H

#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** The calling thread's current context; empty when nothing is attached. The caller owns the result. */
otel_context otel_context_current(void) OTEL__OWNED;

/** Another owned copy of `context`; NULL gives the current context. */
otel_context otel_context_retain(const otel_context *context) OTEL__OWNED;

/** `base` (NULL: the current context) with `span` as its span. The caller owns the result; `base` is unchanged. */
otel_context otel_context_with_span(const otel_context *base, const otel_span *span) OTEL__OWNED;

/**
 * Names a value in contexts: two keys differ, even if made with the same name. A value without ownership.
 * Zero-initialised: no key.
 */
typedef struct otel_context_key {
    uint64_t opaque_[1];
    const char *name; /**< for debugging only */
} otel_context_key;

/**
 * A new key. `name` must live as long as the key does. Make each key once, such as when your library is initialised,
 * and keep it. (specification: context/README.md, Create a key)
 */
otel_context_key otel_context_key_create(const char *name);

/**
 * `base` (NULL: the current context) with `value` under `key`, in place of an earlier one; `value` NULL takes the key
 * away. `release` (may be NULL) is called once with `value`, on whatever thread gives back the last context that holds
 * it, under no lock; it must return. The caller owns the result; `base` is unchanged.
 *
 * The value is consumed whatever happens: with no key, or when memory is short, the result equals `base` and `value`
 * is released at once. In the child of a fork, values that were current on other threads are never released. Not for
 * signal handlers. (specification: context/README.md, Set value)
 */
otel_context otel_context_with_value(const otel_context *base, otel_context_key key, void *value,
                                     void (*release)(void *value)) OTEL__OWNED;

/**
 * The value under `key` in `context` (NULL: the current context); NULL when there is none. Valid as long as the context
 * is held, or the current scope is open. (specification: context/README.md, Get value)
 */
void *otel_context_value(const otel_context *context, otel_context_key key);

/** Gives an owned context back and empties it; releasing twice, an empty context or NULL does nothing. */
void otel_context_release(otel_context *context);

/** The span in `context` (NULL: the current context); the invalid span when there is none. */
otel_span otel_context_span(const otel_context *context);

/**
 * Makes `context` (NULL: the empty context) current for the calling thread until the scope is closed. The library
 * takes its own reference: the caller may release `context` at once.
 */
otel_scope otel_context_attach(const otel_context *context) OTEL__OWNED;

/**
 * Makes the current context with `span` in it current; what else it holds stays. With `end_with_scope` the span is
 * ended by otel_span_end() when the scope is closed, whichever way that happens.
 */
otel_scope otel_span_attach(const otel_span *span, bool end_with_scope) OTEL__OWNED;

/** otel_span_attach() that makes `base` (NULL: the current context) with `span` in it current. */
otel_scope otel_span_attach_to(const otel_context *base, const otel_span *span, bool end_with_scope) OTEL__OWNED;

/**
 * Reinstates the context that was current before `scope` was opened. Scopes opened later on this thread are closed
 * first, and the spans they own are ended; the end of the thread closes what is open. Idempotent; a scope of another
 * thread, one that was closed already, a zero scope and NULL are ignored.
 */
void otel_scope_close(otel_scope *scope);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
