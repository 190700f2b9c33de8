/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/extend.h - samplers (otel/sampler.h), id generators and processors: the parts that a pipeline is put together from
 * (specification: trace/sdk.md).
 *
 * Constructors return an owned pointer, or NULL when memory is short or an argument is unusable (reported through the
 * diagnostics). A constructor always consumes the parts given to it, and otel_sdk_start() consumes what its options
 * hold, whether they succeed or not; NULL parts are safe everywhere and make otel_sdk_start() fail with the reason.
 */
#ifndef OTEL_EXTEND_H
#define OTEL_EXTEND_H

#include <otel/exporter.h>
#include <otel/sampler.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- id generators (specification: trace/sdk.md, Id Generators) --------------------------------------------------- */

/**
 * Where ids come from, instead of random numbers. Called by whichever thread starts a span, of several threads at the same
 * time; must not block, and must return. Calls of the API are ignored. An id of zeros is reported once and replaced by a
 * random one.
 */
typedef struct otel_id_generator_ops {
    size_t size; /**< sizeof(otel_id_generator_ops) */
    /**
     * Says that at least the last 7 bytes of each trace id are random, evenly distributed: only then do new traces carry
     * the W3C flag OTEL_FLAG_RANDOM, by which samplers know that they may decide by the id.
     */
    bool random;
    /** For a root span: fills 16 bytes, most significant first. NULL: random trace ids, with the flag. */
    void (*trace_id)(void *self, uint8_t out[16]);
    /** Fills 8 bytes. NULL: random span ids. */
    void (*span_id)(void *self, uint8_t out[8]);
    /** Frees everything. May be NULL. */
    void (*destroy)(void *self);
} otel_id_generator_ops;

typedef struct otel_id_generator otel_id_generator;

/**
 * Makes an id generator from a table, which is copied, and `self`, which may be NULL. It owns `self` from here on: when
 * this fails, `self` has been destroyed and the result is NULL.
 */
otel_id_generator *otel_id_generator_create(const otel_id_generator_ops *ops, void *self) OTEL__OWNED;
/** Destroys an id generator that was never given away; NULL is ignored. */
void otel_id_generator_destroy(otel_id_generator *generator);

/* ---- processors (specification: trace/sdk.md, Built-in span processors) ------------------------------------------ */

typedef struct otel_processor otel_processor;

/** otel_batch_options.schedule_delay_ms: spans are exported without delay. */
#define OTEL_NO_DELAY (-0x7fffffff - 1)

/**
 * Zero members take the environment's OTEL_BSP_* values, then the defaults. Negative ones are reported and ignored.
 */
typedef struct otel_batch_options {
    size_t size OTEL__INIT(sizeof(otel_batch_options));
    int max_queue_size OTEL__INIT(0); /**< spans waiting or being exported; default 2048 */
    int max_batch_size OTEL__INIT(0); /**< spans per export; default 512, at most max_queue_size */
    int schedule_delay_ms
        OTEL__INIT(0); /**< from the first queued span to its export; default 5000; or OTEL_NO_DELAY */
    /** Bound of one export; default 30000. OTEL_NO_TIMEOUT: no limit from the processor. */
    int export_timeout_ms OTEL__INIT(0);
} otel_batch_options;

/** Collects ended sampled spans and exports them in batches from a background thread. Consumes `exporter`. */
otel_processor *otel_batch_processor(const otel_batch_options *options, otel_exporter *exporter) OTEL__OWNED;
/**
 * Exports each ended sampled span at once: on the ending thread if the exporter does not block, else on a background
 * thread that is woken for each span. When several threads end spans at once, one of them may export the others' as
 * well. OTEL_BSP_MAX_QUEUE_SIZE and OTEL_BSP_EXPORT_TIMEOUT hold here too. Consumes `exporter`.
 */
otel_processor *otel_simple_processor(otel_exporter *exporter) OTEL__OWNED;

/**
 * A processor of your own: what the SDK calls when spans start, end and have ended. Everything but the name may be NULL.
 *
 * Threads: on_start, on_ending and on_end run on the thread that starts or ends the span, as part of that call, so they
 * must not block; of several threads they run at the same time. force_flush and shutdown run on the thread that calls
 * otel_sdk_flush() or otel_sdk_stop(), or exits, and may overlap the others. Several processors are called in the order
 * in which they were given.
 *
 * All of them may use the API, under no lock of the SDK; otel_sdk_flush() and otel_sdk_stop() answer OTEL_ERR_STATE.
 * A processor is not told of spans that its own on_start, on_ending and on_end start (other processors are, and exporters
 * get them), but it is told when they end a span that started elsewhere: then its function is entered again. They must
 * return (no longjmp, no exception); whatever they do to errno is undone.
 *
 * After a fork the child goes on with its own copy of `self`, and is told of its own spans. Spans that were live are not
 * ended there. What other threads of the parent were changing in `self` stays half done unless you guard it with
 * pthread_atfork().
 */
typedef struct otel_processor_ops {
    size_t size;      /**< sizeof(otel_processor_ops) */
    const char *name; /**< for diagnostics and the ledger, such as "redact" */
    /**
     * A span that is recorded, sampled or not, has started. `span` is as the caller will get it: it may be changed, and
     * copied for later use. `parent` is the context that the parent came from, given or current, without the span in it
     * when a root span was asked for; valid until the function returns.
     */
    void (*on_start)(void *self, const otel_span *span, const otel_context *parent);
    /**
     * The span is ending, and its end time is fixed. It may still be changed through `span`, until this returns; to every
     * other handle, and with it to every other thread, it has ended.
     */
    void (*on_ending)(void *self, const otel_span *span);
    /** The span has ended, with all that it has recorded. Valid until the function returns; nothing can be changed. */
    void (*on_end)(void *self, const otel_span_data *span);
    /** Completes what is under way, within `timeout_ms` (at least 1). A status other than OTEL_OK fails the flush. */
    otel_status (*force_flush)(void *self, int timeout_ms);
    /**
     * The last call before destroy, once, though it may overlap functions that have not come back in time: completes what
     * is under way, within `timeout_ms`. NULL: force_flush is called instead.
     */
    otel_status (*shutdown)(void *self, int timeout_ms);
    /** Frees everything. Not called when the process exits without a stop. */
    void (*destroy)(void *self);
} otel_processor_ops;

/**
 * Makes a processor from a table, which is copied, and `self`, which may be NULL. It owns `self` from here on: when this
 * fails, `self` has been destroyed and the result is NULL.
 */
otel_processor *otel_processor_create(const otel_processor_ops *ops, void *self) OTEL__OWNED;

/**
 * Copies entries of the baggage that a span's parent context carries to attributes of the same name, as the span starts; an
 * attribute that the start options set is replaced. `keys` lists their names, with a `*` at the end of a name for all that
 * begin so: "user.id,tenant.*"; "*" stands for all. Baggage arrives from whoever sends requests: choose what you need. Put it
 * beside a processor that exports. NULL when `keys` names nothing.
 */
otel_processor *otel_baggage_processor(const char *keys) OTEL__OWNED;

/** Destroys a processor that was never given away, with its exporter; NULL is ignored. */
void otel_processor_destroy(otel_processor *processor);

/** At most this many processors take part in one SDK. */
#define OTEL_MAX_PROCESSORS 8

typedef struct otel_processors {
    otel_processor *const *items OTEL__INIT(nullptr);
    size_t count OTEL__INIT(0);
} otel_processors;

#ifndef __cplusplus
#define OTEL_PROCESSORS(...)                                                                                           \
    ((otel_processors){ (otel_processor *const[]){ __VA_ARGS__ },                                                      \
                        sizeof((otel_processor *const[]){ __VA_ARGS__ }) / sizeof(otel_processor *) })
/** For otel_sdk_options.processors: spans are recorded and counted, and exported nowhere. */
#define OTEL_NO_PROCESSORS ((otel_processors){ (otel_processor *const[]){ NULL }, 0 })
#else
#define OTEL_PROCESSORS(...) ::otel::processors({ __VA_ARGS__ })
#define OTEL_NO_PROCESSORS ::otel::no_processors()
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
} /* extern "C" */

namespace otel {
template <size_t N> inline otel_processors processors(otel_processor *const (&a)[N]) { return otel_processors{ a, N }; }
inline otel_processors no_processors() {
    static otel_processor *const none[] = { nullptr };
    return otel_processors{ none, 0 };
}
} // namespace otel
#endif
#endif
