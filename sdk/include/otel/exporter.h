/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/exporter.h - writing an exporter (specification: trace/sdk.md, Span Exporter).
 *
 * An exporter is a const table of operations and a pointer. The SDK hands it batches of ended, sampled spans; the
 * exporter borrows them for the duration of `export_batch` only. A span is presented as a plain struct, otel_span_data,
 * whose pointers lead into the SDK's records: nothing is allocated to look at a batch.
 */
#ifndef OTEL_EXPORTER_H
#define OTEL_EXPORTER_H

#include <otel/status.h>
#include <otel/trace.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- the read-only view of a span -------------------------------------------------------------------------------- */
/*
 * otel_span_data grows at its end in later versions. The other structs, which stand in arrays or are pointed to, never
 * change: what comes new becomes a member of otel_span_data.
 */

/** What produces the spans (specification: resource/sdk.md). Attribute keys are unique. */
typedef struct otel_resource_data {
    otel_attrs attributes;
    otel_str schema_url;
    uint32_t dropped_attributes; /**< those without a key, and those beyond the bounds of a resource */
} otel_resource_data;

/** The instrumentation scope; within a batch two spans have the same scope exactly when the pointers are equal. */
typedef struct otel_scope_data {
    otel_str name, version, schema_url;
    otel_attrs attributes;
    uint32_t dropped_attributes; /**< those without a key */
} otel_scope_data;

typedef struct otel_event_data {
    otel_str name;
    uint64_t time; /**< ns since 1970 */
    otel_attrs attributes;
    uint32_t dropped_attributes;
} otel_event_data;

typedef struct otel_link_data {
    const otel_span *span; /**< read it with otel_span_trace_id(), otel_span_flags(), ... */
    otel_str tracestate;
    otel_attrs attributes;
    uint32_t dropped_attributes;
} otel_link_data;

/**
 * A span as recorded. All text is valid UTF-8, except that a string value which is not is presented as OTEL_TYPE_BYTES
 * (inside an array of strings each bad byte has become U+FFFD). OTEL_TYPE_UINT is presented as its decimal text.
 * Attribute keys are unique in each list; events, links and attributes stand in the order in which they were added.
 */
typedef struct otel_span_data {
    size_t size;              /**< sizeof(otel_span_data) in the SDK that fills it: later versions append members */
    const otel_span *span;    /**< its span context; also a usable handle */
    const otel_span *parent;  /**< the parent's span context, otel_span_remote() included; NULL for a root span */
    const uint8_t *trace_id;  /**< 16 bytes, most significant first */
    const uint8_t *span_id;   /**< 8 bytes */
    const uint8_t *parent_id; /**< 8 bytes; NULL for a root span */
    otel_str tracestate;      /**< W3C header text; empty when there is none */
    otel_str name;
    uint64_t start_time, end_time; /**< ns since 1970, end >= start; end is 0 while the span has not ended */
    bool ended;
    uint8_t flags; /**< W3C trace flags */
    otel_kind kind;
    otel_code status;
    otel_str status_text;
    otel_attrs attributes;
    const otel_event_data *events;
    size_t event_count;
    const otel_link_data *links;
    size_t link_count;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    const otel_scope_data *scope;
    const otel_resource_data *resource;
} otel_span_data;

/** A batch of spans, in the order in which they ended. */
typedef struct otel_batch otel_batch;

/** How many spans it has; 0 for NULL. */
size_t otel_batch_count(const otel_batch *batch);
/**
 * The `index`-th span, from 0. The struct and its arrays are reused by the next call with the same batch; the text and
 * bytes that they point to stay valid until `export_batch` returns. NULL for an index past the last, or when memory is
 * short.
 */
const otel_span_data *otel_batch_span(otel_batch *batch, size_t index);
/** The scope of the `index`-th span, without the cost of looking at the whole; valid until `export_batch` returns. */
const otel_scope_data *otel_batch_scope(const otel_batch *batch, size_t index);
/** The resource of all spans of the batch. */
const otel_resource_data *otel_batch_resource(const otel_batch *batch);

/** In options: no bound on the time, where 0 stands for the default (INT_MAX milliseconds). */
#define OTEL_NO_TIMEOUT 0x7fffffff

/* ---- the operations ---------------------------------------------------------------------------------------------- */

typedef enum otel_answer_kind { OTEL_ANSWER_NONE, OTEL_ANSWER_HTTP, OTEL_ANSWER_GRPC } otel_answer_kind;

/** What became of a batch beyond success and failure; zeroed by the SDK before each export. */
typedef struct otel_export_outcome {
    size_t size;
    uint64_t rejected; /**< spans that the receiver took over and refused (partial success) */
    /** When the export as a whole fails: spans that reached the receiver all the same, rejected ones included. */
    uint64_t delivered;
    /**
     * Spans that were not sent since no message of the format holds one that large; the others count as if they had
     * been the whole batch. Neither delivered nor rejected.
     */
    uint64_t too_large;
    /** The status of the last answer, and of which protocol it is. */
    otel_answer_kind answered_by;
    int answer_status;
    /**
     * When something failed: what, as one of few words, such as "UNAVAILABLE", for the SDK's own metrics; a static string.
     * NULL: the status says enough.
     */
    const char *error_type;
} otel_export_outcome;

/** What an exporter says of itself, for the SDK's own metrics; zeroed by the SDK before. */
typedef struct otel_exporter_description {
    size_t size;
    const char
        *type; /**< as the semantic conventions name it, "otlp_http_span_exporter"; lives as long as the exporter */
    char address[256]; /**< of the server; "": none */
    int port;          /**< 0: none */
} otel_exporter_description;

/**
 * The SDK serialises export_batch, force_flush, shutdown and destroy on one exporter: they never overlap each other,
 * and all come from one thread at a time (normally the processor's worker). What that thread traces meanwhile is
 * ignored: it would have to be exported in turn. Where there is no worker (behind a simple processor when the exporter
 * is not blocking; before the first span; when no thread can be had) force_flush and shutdown come from the thread that
 * flushes, stops or exits, which has to wait for them, whatever time it had: a stop starts a worker first if it can,
 * and returns OTEL_ERR_TIMEOUT if it was late. cancel may come from any thread, at any time before destroy, and overlap
 * any of them. The fork operations come from the thread that calls fork(), or exit().
 */
typedef struct otel_exporter_ops {
    size_t size;      /**< sizeof(otel_exporter_ops) */
    const char *name; /**< for diagnostics and the ledger, such as "otlp" */
    /**
     * Whether export_batch may wait for something (network, disk). A simple processor calls an exporter that does not
     * on the thread that ends the span, and any other on its worker.
     */
    bool blocking;
    /**
     * Sends the batch: OTEL_OK, or another status when it is lost (the SDK never offers a batch twice: retrying is up
     * to the exporter). Must return within `timeout_ms` (0: no limit from the processor; the exporter's own bound
     * holds), and at once after cancel.
     */
    otel_status (*export_batch)(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome);
    /** Completes what earlier exports left under way, within `timeout_ms`. May be NULL. */
    otel_status (*force_flush)(void *self, int timeout_ms);
    /** Last call before destroy; exports after it fail. Must return within `timeout_ms`. May be NULL. */
    otel_status (*shutdown)(void *self, int timeout_ms);
    /** Makes a running export, force_flush or shutdown return at once, and later exports fail. May be NULL. */
    void (*cancel)(void *self);
    /**
     * From now on no thread enters foreign code that cannot bear a fork; does not wait for one that is inside. Also
     * called at exit, by the thread that exits, when an export has not come back in time; no after_fork follows then.
     * May be NULL.
     */
    void (*before_fork)(void *self);
    /**
     * Whether no thread is inside such code any more. Asked after all exporters' before_fork, again and again, until
     * all say so, but for at most 50 ms, and a second at exit. NULL: none ever is.
     */
    bool (*at_rest)(void *self);
    /** Ends what before_fork began. In the child, abandons inherited handles without closing them. May be NULL. */
    void (*after_fork)(void *self, bool in_child);
    /** Frees everything. May be NULL. */
    void (*destroy)(void *self);
    /** Fills in what it can say; asked once, when the SDK starts, for its own metrics. May be NULL. */
    void (*describe)(void *self, otel_exporter_description *out);
} otel_exporter_ops;

typedef struct otel_exporter otel_exporter;

/**
 * Makes an exporter from a table, which is copied but for its name, and `self`, which may be NULL. It owns `self` from here
 * on: when this fails, `self` has been destroyed and the result is NULL (passing that on to a processor is safe, and
 * reported by otel_sdk_start()).
 */
otel_exporter *otel_exporter_create(const otel_exporter_ops *ops, void *self) OTEL__OWNED;
/** Destroys an exporter that was never given to a processor; NULL is ignored. */
void otel_exporter_destroy(otel_exporter *exporter);

/**
 * Reports a problem through the SDK's diagnostics, at most one line per `kind` (a static string, compared by content)
 * in 10 s. printf-like; from any thread. For exporters and other extensions.
 */
void otel_report(otel_log_level level, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
