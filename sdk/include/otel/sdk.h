/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/sdk.h - what an application adds to turn tracing on (specification: trace/sdk.md).
 *
 *     int main(void) {
 *         otel_error why;
 *         if (otel_sdk_start(OTEL_SDK(.service_name = "cart", .error = &why)) != OTEL_OK)
 *             fprintf(stderr, "tracing is off: %s\n", why.text);
 *         serve();
 *         otel_sdk_stop(1000);
 *     }
 *
 * Configuration is read once, at start: options in code beat environment variables (docs/configuration.md lists them),
 * which beat defaults. One SDK runs in a process at a time; it may be stopped and started again.
 *
 * Threads: the first recorded span, or a stop before it, starts one background thread per processor that needs one
 * ("otel-batch"); it blocks every signal. fork(): the child keeps the parent's context but none of its spans, and
 * exports its own from its own thread. exit(): what is queued is flushed for at most 1 s, then recording is off.
 * A sampler that asks Jaeger (otel/jaeger_remote.h) starts one with the SDK, and if no processor needs one its own
 * ("otel-sampling"). Nothing runs before otel_sdk_start().
 */
#ifndef OTEL_SDK_H
#define OTEL_SDK_H

#include <otel/extend.h>
#include <otel/metrics_sdk.h>
#include <otel/propagation.h>
#include <otel/resource.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Receives one line of diagnostics, without a newline. Called on any thread, under no lock of the library, also from
 * within a call of the API. Calls of the API that it makes itself are ignored. It must return (no longjmp, no
 * exception). Replaces the default, which writes to stderr.
 */
typedef void (*otel_diagnostic)(void *data, otel_log_level level, const char *text);

/**
 * An otel_diagnostic that writes lines of otel/log.h. `logger`: the otel_logger that writes them, as
 * otel_sdk_options.diagnostic_data; NULL: one called "otel". Its level is one of two: OTEL_LOG_LEVEL, too, must let a line
 * through.
 */
void otel_diagnostic_log(void *logger, otel_log_level level, const char *text);

/**
 * How much a span may hold; what is more is dropped, counted, and reported once a span as a debug message
 * (specification: trace/sdk.md, Span Limits). 0: the environment's value, or the default. OTEL_LIMIT_NOTHING: none at
 * all. Of a span as a whole 4 MiB are the bound, whatever the limits are. Resources and scopes have none.
 */
typedef struct otel_limits {
    int attribute_count OTEL__INIT(0);             /**< default 128 */
    int attribute_value_length OTEL__INIT(0);      /**< characters of a string, bytes of an array; default unlimited */
    int attribute_value_depth OTEL__INIT(0);       /**< of arrays and maps in each other; default and most 64 */
    int span_attribute_count OTEL__INIT(0);        /**< of spans alone; beats attribute_count */
    int span_attribute_value_length OTEL__INIT(0); /**< likewise; also of events and links */
    int event_count OTEL__INIT(0);                 /**< default 128, as all that follow */
    int link_count OTEL__INIT(0);
    int event_attribute_count OTEL__INIT(0); /**< of each event */
    int link_attribute_count OTEL__INIT(0);  /**< of each link */
    int reserved_[7] OTEL__INIT({});         /**< for limits to come, since otel_sdk_options goes on behind; 0 */
} otel_limits;
#define OTEL_LIMIT_NOTHING (-1)         /**< in otel_limits: zero are allowed */
#define OTEL_LIMIT_UNLIMITED 2147483647 /**< in otel_limits */

/** How a tracer works. Zero members are the default. */
typedef struct otel_tracer_config {
    /** Its spans are as without an SDK: not recorded, their parent's context goes on; otel_tracer_enabled() is false. */
    bool disabled OTEL__INIT(false);
    uint64_t reserved_[7] OTEL__INIT({});
} otel_tracer_config;

/** Fill through OTEL_SDK(). Zero members mean: the environment's value, or the default. */
typedef struct otel_sdk_options {
    size_t size OTEL__INIT(sizeof(otel_sdk_options));
    const char *service_name OTEL__INIT(nullptr);                  /**< beats OTEL_SERVICE_NAME */
    otel_attrs resource OTEL__INIT({});                            /**< beats OTEL_RESOURCE_ATTRIBUTES key by key */
    const char *resource_schema_url OTEL__INIT(nullptr);           /**< of `resource` */
    otel_sampler *sampler OTEL__INIT(nullptr);                     /**< consumed; else OTEL_TRACES_SAMPLER */
    otel_processors processors OTEL__INIT({});                     /**< consumed; no items: by OTEL_TRACES_EXPORTER */
    const otel_propagator *const *propagators OTEL__INIT(nullptr); /**< else OTEL_PROPAGATORS */
    size_t propagator_count OTEL__INIT(0);
    otel_log_level log_level OTEL__INIT(OTEL_LOG_DEFAULT);
    otel_diagnostic diagnostic OTEL__INIT(nullptr); /**< where diagnostics go; NULL: stderr */
    void *diagnostic_data OTEL__INIT(nullptr);
    bool start_worker OTEL__INIT(false);   /**< start background threads now: before chroot, seccomp, setuid */
    bool disabled OTEL__INIT(false);       /**< as OTEL_SDK_DISABLED=true: only propagators are set up */
    otel_error *error OTEL__INIT(nullptr); /**< receives the reason when start fails; "" otherwise */
    otel_limits limits OTEL__INIT({});     /**< of spans */
    /**
     * Not consumed; instead of what the SDK itself would put together: neither defaults nor detectors add to it.
     * OTEL_RESOURCE_ATTRIBUTES and the like go under it, `resource` and `service_name` over it.
     */
    const otel_resource *whole_resource OTEL__INIT(nullptr);
    const char *detectors OTEL__INIT(nullptr); /**< see otel_resource_detect(); else OTEL_C_RESOURCE_DETECTORS */
    otel_id_generator *id_generator OTEL__INIT(nullptr); /**< consumed; NULL: random ids */
    /**
     * Asked once for each instrumentation scope, when a tracer of it is used first (or more often, if that is on several
     * threads at once); the first answer holds until the SDK stops. On any thread, under no lock; it must not block, and
     * its calls of the API are ignored. A library that is too noisy: return { .disabled = true } for its name.
     */
    otel_tracer_config (*tracer_config)(void *data, const otel_scope_data *scope) OTEL__INIT(nullptr);
    void *tracer_config_data OTEL__INIT(nullptr);
    bool strict OTEL__INIT(false);               /**< as OTEL_C_STRICT=true: see below */
    otel_metrics_options metrics OTEL__INIT({}); /**< fill through OTEL_METRICS() */
} otel_sdk_options;

#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_SDK(...) OTEL__REF(otel_sdk_options, sizeof(otel_sdk_options), __VA_ARGS__)
#else
/** A pointer to SDK options: OTEL_SDK(.service_name = "cart"). */
#define OTEL_SDK(...) OTEL__REF(otel_sdk_options, .size = sizeof(otel_sdk_options), __VA_ARGS__)
#endif

/**
 * Starts recording. `options` may be NULL. Returns OTEL_OK also when the environment disables the SDK; a bad
 * environment value is reported and replaced by its default, and never makes this fail. OTEL_ERR_STATE: an SDK runs
 * already. OTEL_ERR_CONFIG: options are unusable. OTEL_ERR_MEMORY. On failure nothing records and the program runs on
 * as without an SDK. Not async-signal-safe.
 */
otel_status otel_sdk_start(const otel_sdk_options *options);

/**
 * Exports all spans that had ended before the call and waits for it, at most `timeout_ms` (negative: 30 s). OTEL_OK:
 * all exports succeeded; OTEL_ERR_EXPORT: at least one failed; OTEL_ERR_TIMEOUT: not done yet, and what is left goes out
 * later, with the next span, flush or stop where no worker does it; OTEL_ERR_STATE: called from an exporter or sampler.
 * From any thread.
 */
otel_status otel_sdk_flush(int timeout_ms);

/**
 * Stops recording, flushes for at most `timeout_ms` (negative: 30 s), and frees everything. OTEL_ERR_TIMEOUT: time was
 * up; what could not be freed safely is left in place and reports nothing any more, and spans not exported are counted
 * as dropped (those that an exporter still holds when it has come back). OTEL_ERR_EXPORT and OTEL_ERR_STATE: as with
 * flush; the latter also from what a start or stop calls, such as a `destroy`. Without a running SDK: OTEL_OK. A span
 * that has not ended is reported and counted as abandoned. Spans and tracers may be used afterwards: no-ops.
 */
otel_status otel_sdk_stop(int timeout_ms);

/*
 * Strict mode, for staging: misuse that is otherwise put right in silence is reported as an error, with the place in the
 * program that started the span ("strict: span 'GET /cart' of tracer 'cart', started at cart.c:88, was never ended"):
 * ending a span twice, changing it after its end (of the last 16,384 that ended), closing a scope while younger ones are
 * open or on another thread, and spans that are not ended when the SDK stops or the process exits. What happens to the
 * spans stays the same. To fail a test on misuse, let otel_sdk_options.diagnostic count. A span that OTEL_SPAN() made may
 * be ended by hand.
 */

/* ---- the ledger: every span is accounted for --------------------------------------------------------------------- */

/**
 * ended = exported + rejected + the dropped_* + queued + in_flight + not_sampled; what was lost is rejected + the
 * dropped_*. Each processor counts all spans for itself: take the processor that matters, do not add them up. Of one made
 * by otel_processor_create(), `exported` are the spans whose end it was told of, `not_sampled` those of its own making,
 * and dropped_failed those that memory was too short to show.
 */
typedef struct otel_ledger_processor {
    const char *name; /**< such as "batch/otlp"; valid while the SDK runs and until the next start */
    uint64_t ended;   /**< recorded spans that ended while the processor was there */
    uint64_t exported;
    uint64_t rejected;           /**< taken over and refused by the receiver */
    uint64_t dropped_queue_full; /**< ended while max_queue_size spans were waiting */
    uint64_t dropped_failed;     /**< in a batch whose export failed */
    uint64_t dropped_stopped;    /**< still queued when the time for stopping was up */
    uint64_t queued;
    uint64_t in_flight;         /**< handed to the exporter, outcome open */
    uint64_t not_sampled;       /**< recorded for processors only, withheld from the exporter */
    uint64_t exports;           /**< calls of the exporter */
    uint64_t dropped_too_large; /**< left out by the exporter: no message of its format holds a span that large */
    uint64_t reserved[3];       /**< for reasons to come; 0 */
} otel_ledger_processor;

/**
 * Counts since the last start. started = ended + live + abandoned; the spans that the program made are started +
 * unsampled + refused.
 */
typedef struct otel_ledger {
    size_t size;      /**< set to sizeof(otel_ledger) before the call */
    uint64_t started; /**< recording spans */
    uint64_t ended;
    uint64_t live;               /**< started, not ended */
    uint64_t abandoned;          /**< not ended when the SDK stopped */
    uint64_t unsampled;          /**< never recorded, because the sampler said so, or the tracer is disabled */
    uint64_t refused;            /**< never recorded, because too many spans were live or queued */
    uint64_t dropped_attributes; /**< for limits or bad keys; also those of events and links */
    uint64_t dropped_events;
    uint64_t dropped_links;
    uint64_t interrupted_calls; /**< ignored: of signal handlers that interrupted this library, and of exporters */
    size_t processor_count;
    otel_ledger_processor processors[OTEL_MAX_PROCESSORS];
} otel_ledger;

/**
 * Reads the ledger: of the running SDK, or the final one of the last. Both identities are exact when no call is
 * running; while spans are being made the numbers are each true but taken one after the other. From any thread.
 */
void otel_sdk_ledger(otel_ledger *ledger);

/** The SDK's version, "MAJOR.MINOR.PATCH". */
const char *otel_sdk_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
