/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/trace.h - tracers and spans (specification: trace/api.md).
 *
 * All that an instrumented library needs: it links libotel-api, which depends on libc only. Until an application
 * starts an SDK (otel/sdk.h) a span records nothing and merely carries its parent's span context on.
 *
 * Every function may be called from any thread, with any argument, at any time, including after the span has ended and
 * after the SDK has stopped; none fails, blocks or changes errno. Text is copied, so arguments need to live for the
 * call only.
 *
 * Signal handlers may record too. Calls of a handler that interrupted this library are ignored, and counted by the SDK
 * (otel_ledger). But a handler may have interrupted malloc(), so it must leave to others what needs the heap: the first
 * use of a tracer, values over 4 KiB, the first span of all, which starts the SDK's thread (unless otel_sdk_start() was
 * told to), the first call of all that its thread makes, for which pthread_setspecific() may allocate, and ending spans
 * where a simple processor exports them on the ending thread, or where a processor of the application's own looks at
 * them (on_end).
 *
 * Advice: name spans with few distinct names ("GET /cart", not "GET /cart/17"); end every span; check
 * otel_span_recording() before computing costly attributes; leave the status alone except for errors.
 */
#ifndef OTEL_TRACE_H
#define OTEL_TRACE_H

#include <otel/context.h>
#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- tracer ------------------------------------------------------------------------------------------------------ */

/**
 * The instrumentation scope under which a library makes its spans. Define one with OTEL_TRACER(), or fill in the first
 * four members of a zeroed, writable static object; they must not change and must live as long as the tracer is used.
 * It binds to the SDK on first use and again whenever an SDK starts or stops, so it never has to be fetched anew.
 * Tracers with equal members stand for the same scope: each file of a library may define its own.
 */
typedef struct otel_tracer {
    const char *name; /**< of the instrumented library; NULL or "" is reported and becomes "" */
    const char *version;
    const char *schema_url;
    otel_attrs attributes;
    uint64_t opaque_[2];
} otel_tracer;

/* OTEL_TRACER(id, name[, version[, schema_url]]): a static tracer; `id` is an otel_tracer pointer. */
#ifdef __cplusplus
#define OTEL_TRACER(id, ...) OTEL__TRACER(id, __VA_ARGS__, nullptr, nullptr, 0)
#define OTEL__TRACER(id, n, v, u, ...) static otel_tracer id[1] __attribute__((unused)) = { { n, v, u, {}, { 0, 0 } } }
#else
#define OTEL_TRACER(id, ...) OTEL__TRACER(id, __VA_ARGS__, NULL, NULL, 0)
#define OTEL__TRACER(id, n, v, u, ...)                                                                                 \
    static otel_tracer id[1] __attribute__((unused)) = { { .name = n, .version = v, .schema_url = u } }
#endif

typedef enum otel_kind { OTEL_INTERNAL, OTEL_SERVER, OTEL_CLIENT, OTEL_PRODUCER, OTEL_CONSUMER } otel_kind;

/** A link to another span, with attributes of its own. */
typedef struct otel_link {
    otel_span span OTEL__INIT({});
    otel_attrs attributes OTEL__INIT({});
} otel_link;

typedef struct otel_links {
    const otel_link *items OTEL__INIT(nullptr);
    size_t count OTEL__INIT(0);
} otel_links;

/** What a span starts with; fill it through OTEL_START(). Zero members mean the default. */
typedef struct otel_span_options {
    size_t size OTEL__INIT(sizeof(otel_span_options));
    const char *place OTEL__INIT(nullptr); /**< of the start, "cart.c:12", which strict mode tells; by OTEL_START() */
    const char *name OTEL__INIT(nullptr);  /**< NULL: "" */
    size_t name_len OTEL__INIT(0);         /**< in bytes; 0: strlen(name) */
    otel_kind kind OTEL__INIT(OTEL_INTERNAL);
    bool root OTEL__INIT(false);                    /**< start a new trace whatever the context holds */
    const otel_context *parent OTEL__INIT(nullptr); /**< NULL: the thread's current context */
    otel_attrs attributes OTEL__INIT({});           /**< what samplers may decide by: give here all that is known */
    otel_links links OTEL__INIT({});                /**< likewise */
    uint64_t start_time OTEL__INIT(0);              /**< ns since 1970, for a start in the past only; 0: now */
} otel_span_options;

/** A pointer to span options: OTEL_START("name", .kind = OTEL_SERVER). */
#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_START(...) OTEL__REF(otel_span_options, sizeof(otel_span_options), OTEL__PLACE, __VA_ARGS__)
#else
#define OTEL_START(...)                                                                                                \
    OTEL__REF(otel_span_options, .size = sizeof(otel_span_options), .place = OTEL__PLACE, .name = __VA_ARGS__)
#endif
#define OTEL__PLACE __FILE__ ":" OTEL__TEXT(__LINE__)
#define OTEL__TEXT(x) OTEL__TEXT_(x)
#define OTEL__TEXT_(x) #x

/**
 * Starts a span. Its parent is the span in the parent context, if that has one; the sampler then decides whether it
 * records. Attributes and links known now belong into `options`, since samplers never see later ones. The current
 * context stays as it is: see otel_span_attach() and OTEL_SPAN(). `options` NULL: all defaults. (specification:
 * trace/api.md, Span creation)
 */
otel_span otel_span_start(otel_tracer *tracer, const otel_span_options *options);

/**
 * Whether a span started now with `options` (may be NULL) would be worth preparing costly data for. Ask before each
 * span: the answer changes as SDKs come and go. (specification: trace/api.md, Enabled)
 */
bool otel_tracer_enabled(otel_tracer *tracer, const otel_span_options *options);

/* ---- recording --------------------------------------------------------------------------------------------------- */

bool otel_span_recording_(const otel_span *span);
/* The only inline knowledge of the layout, fixed for ABI 1: word 4 is zero in a span that never recorded. */
static inline bool otel__may_record(const otel_span *span) { return span && span->opaque_[4] != 0; }

/** True from the start of a recording span to its end; false for an unsampled, remote or ended span. */
static inline bool otel_span_recording(const otel_span *span) {
    return otel__may_record(span) && otel_span_recording_(span);
}

/**
 * Ends the span at `time` (ns since 1970; 0: now). Only the first end counts; children are not touched. Never blocks.
 */
void otel_span_end_at(const otel_span *span, uint64_t time);
static inline void otel_span_end(const otel_span *span) {
    if (otel__may_record(span))
        otel_span_end_at(span, 0);
}

/** Sets an attribute; a value set before under the same key is replaced. An empty key is ignored and counted. */
void otel_span_set_value(const otel_span *span, otel_str key, const otel_value *value);
static inline void otel__set(const otel_span *span, const char *key, otel_value value) {
    if (otel__may_record(span))
        otel_span_set_value(span, otel_cstr(key), &value);
}
/**
 * otel_set(&span, "key", value): the type is picked from the C type of `value`. Arguments are evaluated once, always.
 */
#define otel_set(span, key, value) otel__set((span), (key), OTEL_VALUE(value))

/** What an event carries; fill it through OTEL_EVENT(). */
typedef struct otel_event_options {
    size_t size OTEL__INIT(sizeof(otel_event_options));
    const char *name OTEL__INIT(nullptr);
    otel_attrs attributes OTEL__INIT({});
    uint64_t time OTEL__INIT(0); /**< ns since 1970; 0: now */
} otel_event_options;

#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_EVENT(...) OTEL__REF(otel_event_options, sizeof(otel_event_options), __VA_ARGS__)
#else
#define OTEL_EVENT(...) OTEL__REF(otel_event_options, .size = sizeof(otel_event_options), .name = __VA_ARGS__)
#endif

/** Adds an event. Events keep the order in which they were added, whatever their times. */
void otel_span_add_event(const otel_span *span, const otel_event_options *options);
static inline void otel__event(const otel_span *span, const otel_event_options *options) {
    if (otel__may_record(span))
        otel_span_add_event(span, options);
}
/** otel_event(&span, "name", .attributes = OTEL_ATTRS(...)) */
#define otel_event(span, ...) otel__event((span), OTEL_EVENT(__VA_ARGS__))

/** Adds a link. Links known at the start belong into the start options: samplers never see later ones. */
void otel_span_add_link(const otel_span *span, const otel_link *link);

/** Replaces the name; the sampling decision stays. */
void otel_span_set_name_str(const otel_span *span, otel_str name);
static inline void otel_span_set_name(const otel_span *span, const char *name) {
    if (otel__may_record(span))
        otel_span_set_name_str(span, otel_cstr(name));
}

typedef enum otel_code { OTEL_CODE_UNSET, OTEL_CODE_OK, OTEL_CODE_ERROR } otel_code;

/** Sets the status. UNSET is ignored; OK is final; the last ERROR wins. The text is kept with ERROR only. */
void otel_span_set_status_str(const otel_span *span, otel_code code, otel_str text);
static inline void otel_span_set_status(const otel_span *span, otel_code code, const char *text) {
    if (otel__may_record(span))
        otel_span_set_status_str(span, code, otel_cstr(text));
}

/**
 * Marks the operation as failed: status ERROR with `text`, and the attribute `error.type` with `type` (of few distinct
 * values, such as "timeout" or "500"; NULL or "" becomes "_OTHER"). (semantic conventions: recording errors)
 */
void otel_span_fail_str(const otel_span *span, otel_str type, otel_str text);
static inline void otel_span_fail(const otel_span *span, const char *type, const char *text) {
    if (otel__may_record(span))
        otel_span_fail_str(span, otel_cstr(type), otel_cstr(text));
}

/** An error worth an event of its own; fill it through otel_exception(). */
typedef struct otel_exception_options {
    size_t size OTEL__INIT(sizeof(otel_exception_options));
    const char *type OTEL__INIT(nullptr);
    const char *message OTEL__INIT(nullptr);
    const char *stacktrace OTEL__INIT(nullptr);
    otel_attrs attributes OTEL__INIT({}); /**< beside the above; under the same key these win */
} otel_exception_options;

/**
 * Adds the event `exception` with exception.type, exception.message and exception.stacktrace as far as they are given;
 * with neither type nor message the type is "_OTHER". Does not touch the status: see otel_span_fail(). Prefer
 * otel_span_fail() alone; the specification is moving exceptions to logs.
 */
void otel_span_record_exception(const otel_span *span, const otel_exception_options *options);
static inline void otel__exception(const otel_span *span, const otel_exception_options *options) {
    if (otel__may_record(span))
        otel_span_record_exception(span, options);
}
#if defined(__cplusplus) && __cplusplus < 202002L
#define otel_exception(span, ...)                                                                                      \
    otel__exception((span), OTEL__REF(otel_exception_options, sizeof(otel_exception_options), __VA_ARGS__))
#else
/** otel_exception(&span, "IOError", .message = "disk full") */
#define otel_exception(span, ...)                                                                                      \
    otel__exception((span),                                                                                            \
                    OTEL__REF(otel_exception_options, .size = sizeof(otel_exception_options), .type = __VA_ARGS__))
#endif

/**
 * otel_exception() with the stack trace of the calling thread up to the caller of this function, where the C library
 * can take one (glibc): a line per frame, "function+0x1f (program+0x2b4c)", whose last part addr2line can read. Costs
 * nothing unless the span records. NULL texts are left out. Not from signal handlers.
 */
void otel_span_record_error(const otel_span *span, const char *type, const char *message);

/* ---- span context (specification: trace/api.md, SpanContext) ----------------------------------------------------- */

#define OTEL_FLAG_SAMPLED 0x01u /**< W3C trace flag */
#define OTEL_FLAG_RANDOM 0x02u  /**< W3C trace flag of level 2: the trace id's low 7 bytes are random */

/** Neither the trace id nor the span id is all zero. */
bool otel_span_valid(const otel_span *span);
/** The context came out of a propagator. */
bool otel_span_remote(const otel_span *span);
/** The W3C trace flags. */
uint8_t otel_span_flags(const otel_span *span);
static inline bool otel_span_sampled(const otel_span *span) { return (otel_span_flags(span) & OTEL_FLAG_SAMPLED) != 0; }
/** The ids in binary, most significant byte first; zeros when there are none. */
void otel_span_trace_id(const otel_span *span, uint8_t out[16]);
void otel_span_id(const otel_span *span, uint8_t out[8]);
/**
 * The ids as lowercase hexadecimal text, NUL-terminated; zeros when there are none. Either pointer may be NULL. Returns
 * otel_span_valid().
 */
bool otel_span_hex(const otel_span *span, char trace_id[33], char span_id[17]);

/** What otel_span_wrap() makes a span from. */
typedef struct otel_span_context {
    size_t size OTEL__INIT(sizeof(otel_span_context));
    uint8_t trace_id[16] OTEL__INIT({});
    uint8_t span_id[8] OTEL__INIT({});
    uint8_t flags OTEL__INIT(0);
    bool remote OTEL__INIT(false);
    const otel_tracestate *tracestate OTEL__INIT(nullptr); /**< NULL: empty; borrowed, see otel_span_wrap() */
} otel_span_context;

/**
 * A non-recording span with the given span context; needs no end. The span holds its tracestate weakly: keep the
 * tracestate, or a context that holds the span, for as long as it is needed. A trace that begins below a span without
 * ids starts with its tracestate: thus `ot=rv:...` gives samplers a randomness to decide by.
 */
otel_span otel_span_wrap(const otel_span_context *context);

/* ---- tracestate (W3C Trace Context level 2) ---------------------------------------------------------------------- */

/**
 * The span's tracestate; empty when it has none or when it ended so long ago that its place was reused. Caller owns.
 */
otel_tracestate otel_span_tracestate(const otel_span *span) OTEL__OWNED;
/** Parses the text of a tracestate header. One bad member or more than 32 give the empty tracestate. Caller owns. */
otel_tracestate otel_tracestate_parse(otel_str text) OTEL__OWNED;
/**
 * `state` with `key` set to `value`, left-most; a full list loses its right-most member. An invalid key or value:
 * `*ok` (may be NULL) becomes false and the result equals `state`. The caller owns the result; `state` is unchanged.
 * Leave the key `ot`, which says how a trace was sampled, to the SDK, and use one of your own.
 */
otel_tracestate otel_tracestate_set(const otel_tracestate *state, otel_str key, otel_str value, bool *ok) OTEL__OWNED;
/** `state` without `key`; equal to it when there is no such member. The caller owns the result. */
otel_tracestate otel_tracestate_remove(const otel_tracestate *state, otel_str key) OTEL__OWNED;
/** The value of `key`; `ptr` is NULL when there is none. Valid until `state` is released. */
otel_str otel_tracestate_get(const otel_tracestate *state, otel_str key);
/** The header text, without spaces around members. Valid until `state` is released. */
otel_str otel_tracestate_text(const otel_tracestate *state);
/** Gives the reference back and empties `state`. */
void otel_tracestate_release(otel_tracestate *state);

/* ---- sugar ------------------------------------------------------------------------------------------------------- */

/**
 * OTEL_SPAN(id, tracer, "name", .kind = ...): starts the span `id`, makes it current with what else its parent context
 * holds, and when the block is left, by whatever way but longjmp(), detaches it and ends it with otel_span_end().
 * (After a longjmp() the next outer scope to close ends it.) Three declarations: needs a block, not a label or a bare
 * if; never jump forward over it.
 */
#define OTEL_SPAN(id, tracer, ...) OTEL_SPAN_WITH(id, tracer, OTEL_START(__VA_ARGS__))
/* The parent is read first: where the options are visible the compiler knows it. */
static inline otel_span otel__span_start(otel_tracer *tracer, const otel_span_options *options,
                                         const otel_context **parent) {
    *parent = options ? options->parent : NULL;
    return otel_span_start(tracer, options);
}
static inline otel_scope otel__span_attach(const otel_span *span, const otel_context *parent) {
    return parent ? otel_span_attach_to(parent, span, true) : otel_span_attach(span, true);
}
/* NOLINTBEGIN(bugprone-macro-parentheses): the first parameter is a name to declare */
/** OTEL_SPAN() with a pointer to options made elsewhere. */
#define OTEL_SPAN_WITH(id, tracer, options)                                                                            \
    const otel_context *id##_parent;                                                                                   \
    const otel_span id = otel__span_start((tracer), (options), &id##_parent);                                          \
    otel_scope id##_scope __attribute__((cleanup(otel_scope_close), unused)) = otel__span_attach(&id, id##_parent)
/** OTEL_ATTACH(id, &context): makes a context current until the block is left. One declaration, of the scope `id`. */
#define OTEL_ATTACH(id, context)                                                                                       \
    otel_scope id __attribute__((cleanup(otel_scope_close), unused)) = otel_context_attach(context)
/* NOLINTEND(bugprone-macro-parentheses) */

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
template <size_t N> inline otel_links links(const otel_link (&a)[N]) { return otel_links{ a, N }; }
} // namespace otel
#endif
#endif
