/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/memory.h - keeps finished spans in memory, for the tests of instrumented code.
 *
 *     otel_memory *spans = otel_memory_create(0);
 *     otel_sdk_start(OTEL_SDK(.processors = OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(spans)))));
 *     handle_request();
 *     assert(otel_memory_count(spans) == 1);
 *     otel_memory_spans *list = otel_memory_snapshot(spans);
 *     assert(otel_memory_spans_at(list, 0)->kind == OTEL_SERVER);
 *     otel_memory_spans_release(list);
 */
#ifndef OTEL_MEMORY_H
#define OTEL_MEMORY_H

#include <otel/exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A store of finished spans. All functions are thread-safe, accept NULL, and work after the SDK has stopped. */
typedef struct otel_memory otel_memory;

/**
 * A store of at most `capacity` spans (0: 65536); spans beyond it are rejected and counted so. NULL when memory is
 * short.
 */
otel_memory *otel_memory_create(size_t capacity) OTEL__OWNED;
/** Gives the caller's reference back; an exporter of the store keeps it alive for itself. */
void otel_memory_release(otel_memory *memory);
/**
 * An exporter that copies spans into `memory`. Does not block: with a simple processor a span is there when its end
 * returns. A store may have several exporters, one after the other or at the same time. NULL when `memory` is NULL or
 * memory is short. Threads: as every exporter (otel/exporter.h); reading the store meanwhile is safe.
 */
otel_exporter *otel_memory_exporter(otel_memory *memory) OTEL__OWNED;

/** How many spans are kept; 0 for NULL. */
size_t otel_memory_count(otel_memory *memory);
/** Removes all spans. Snapshots taken before stay valid. */
void otel_memory_clear(otel_memory *memory);

/** An immutable list of spans, in the order of their export; independent of the store, the SDK and each other. */
typedef struct otel_memory_spans otel_memory_spans;
otel_memory_spans *otel_memory_snapshot(otel_memory *memory) OTEL__OWNED;
size_t otel_memory_spans_count(const otel_memory_spans *spans);
/**
 * The `index`-th span, valid until the list is released; NULL past the last. All text in it, keys and values included,
 * is NUL-terminated behind its length. Each span has scope and resource of its own: compare what they hold.
 */
const otel_span_data *otel_memory_spans_at(const otel_memory_spans *spans, size_t index);
void otel_memory_spans_release(otel_memory_spans *spans);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
