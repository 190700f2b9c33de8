/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/baggage.h - names and values that travel with a context through all services of a request (specification:
 * baggage/api.md).
 *
 *     OTEL_BAGGAGE(scope, "tenant", tenant);            until the block is left, everything called from here carries it
 *     otel_str tenant = otel_context_baggage_value(NULL, "tenant");           here, or in any service further down
 *
 * Baggage is sent as it is to every service that a request reaches, and what arrives may come from anybody: put no
 * secrets in, and don't trust what you read. Spans don't record it by themselves.
 *
 * Names and values are UTF-8 of any content and length, names not empty; case counts. Other bytes are kept as they
 * are. All functions work without an SDK, on any thread, and none fails: where memory is short the result equals what
 * was there before, and an SDK that is running is told. Functions that make baggage or contexts allocate, and those
 * that release them free: not for signal handlers.
 */
#ifndef OTEL_BAGGAGE_H
#define OTEL_BAGGAGE_H

#include <otel/context.h>
#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- in contexts ------------------------------------------------------------------------------------------------- */

/**
 * The value of `name` in the baggage of `context` (NULL: the current context), NUL-terminated as well; `ptr` is NULL
 * when there is none. Valid as long as the context is held, or the current scope is open.
 */
otel_str otel_context_baggage_value(const otel_context *context, const char *name);

/**
 * `base` (NULL: the current context) with `name` set in its baggage, without metadata; a value whose `ptr` is NULL
 * takes the entry away. The caller owns the result.
 */
otel_context otel_context_with_baggage_value(const otel_context *base, const char *name, otel_str value) OTEL__OWNED;

/** The baggage of `context` (NULL: the current context); empty when there is none. The caller owns the result. */
otel_baggage otel_context_baggage(const otel_context *context) OTEL__OWNED;

/**
 * `base` (NULL: the current context) with this baggage in place of its own. Empty baggage, or NULL, takes away what is
 * there, so that nothing is sent to a peer who is not trusted. The caller owns the result.
 */
otel_context otel_context_with_baggage(const otel_context *base, const otel_baggage *baggage) OTEL__OWNED;

/* ---- baggage ----------------------------------------------------------------------------------------------------- */

/** An entry. The text is NUL-terminated as well, and `ptr` is never NULL in what otel_baggage_at() finds. */
typedef struct otel_baggage_entry {
    otel_str name;
    otel_str value;
    otel_str metadata; /**< what the format of the header allows behind `;`, without meaning to this library */
} otel_baggage_entry;

/**
 * `baggage` (NULL: empty) with `name` set, in place of an entry of that name and its metadata. An empty name: the
 * result equals `baggage`. The caller owns the result; `baggage` is unchanged.
 */
otel_baggage otel_baggage_set(const otel_baggage *baggage, otel_str name, otel_str value,
                              otel_str metadata) OTEL__OWNED;
/** `baggage` without `name`; equal to it when there is no such entry. The caller owns the result. */
otel_baggage otel_baggage_remove(const otel_baggage *baggage, otel_str name) OTEL__OWNED;
/** The value of `name`; `ptr` is NULL when there is none. Valid until `baggage` is released. */
otel_str otel_baggage_get(const otel_baggage *baggage, otel_str name);
/** How many entries there are. */
size_t otel_baggage_count(const otel_baggage *baggage);
/** The `index`-th entry, in no particular order; zeros past the last. Valid until `baggage` is released. */
otel_baggage_entry otel_baggage_at(const otel_baggage *baggage, size_t index);
/** Another owned reference; NULL gives the empty baggage. */
otel_baggage otel_baggage_retain(const otel_baggage *baggage) OTEL__OWNED;
/** Gives the reference back and empties `baggage`; NULL is ignored. */
void otel_baggage_release(otel_baggage *baggage);

/* ---- sugar ------------------------------------------------------------------------------------------------------- */

static inline otel_scope otel__baggage_attach(const char *name, otel_str value) {
    otel_context context = otel_context_with_baggage_value(NULL, name, value);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    return scope;
}
static inline otel_str otel__same_str(otel_str text) { return text; }

#ifndef __cplusplus
#define OTEL__STR(text) _Generic((text), char * : otel_cstr, const char * : otel_cstr, otel_str : otel__same_str)(text)
#else
#define OTEL__STR(text) ::otel::str(text)
#endif
/* NOLINTBEGIN(bugprone-macro-parentheses): the first parameter is a name to declare */
/**
 * OTEL_BAGGAGE(id, "name", value): sets one entry in the baggage of the current context until the block is left.
 * `value` is a string or an otel_str; NULL: until then there is no such entry. One declaration, of the scope `id`:
 * needs a block, not a label or a bare if.
 */
#define OTEL_BAGGAGE(id, name, value)                                                                                  \
    otel_scope id __attribute__((cleanup(otel_scope_close), unused)) = otel__baggage_attach((name), OTEL__STR(value))
/* NOLINTEND(bugprone-macro-parentheses) */

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
inline otel_str str(const char *s) { return otel_cstr(s); }
inline otel_str str(otel_str s) { return s; }
template <class T> auto str(const T &s) -> decltype(otel_strn(s.data(), s.size())) {
    return otel_strn(s.data(), s.size());
}
} // namespace otel
#endif
#endif
