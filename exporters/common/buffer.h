/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.h - a growable byte buffer that is written from its end towards its beginning.
 *
 * DESIGN. A length-prefixed format written from its end needs no size pass: when a message's length is due, its
 * content lies there already. Positions are therefore remembered as lengths (otel__buffer_length()), which stay true
 * when the buffer grows. It is kept between exports, so that in steady state nothing is allocated.
 *
 * A write that finds no room, because memory is short or the limit is reached, sets `status` and moves the floor up
 * to the cursor: from then on nothing fits, every write does nothing, and the writer looks at `status` once, at its
 * end.
 *
 * One thread at a time. Zero-initialised: empty, with a limit of 0: call otel__buffer_reset() first.
 */
#ifndef OTEL_EXPORTERS_BUFFER_H
#define OTEL_EXPORTERS_BUFFER_H

#include <otel/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct otel__buffer {
    uint8_t *cursor; /* what has been written lies in [cursor, end) */
    uint8_t *floor;  /* nothing may be written below */
    uint8_t *end;
    uint8_t *memory;
    size_t limit;       /* of the length */
    otel_status status; /* OTEL_ERR_EXPORT: past the limit; OTEL_ERR_MEMORY */
};

/* Empties the buffer for at most `limit` bytes; keeps its memory unless that is unusually much. */
void otel__buffer_reset(struct otel__buffer *buffer, size_t limit);
void otel__buffer_free(struct otel__buffer *buffer);
/* Makes room for `size` more bytes, or fails for good. */
bool otel__buffer_grow(struct otel__buffer *buffer, size_t size);
/* Fails for good, for a reason of the writer's; false. */
bool otel__buffer_fail(struct otel__buffer *buffer, otel_status status);

static inline size_t otel__buffer_length(const struct otel__buffer *buffer) {
    return (size_t)(buffer->end - buffer->cursor);
}

/* False: `size` bytes do not fit, and the buffer has failed. */
static inline bool otel__buffer_reserve(struct otel__buffer *buffer, size_t size) {
    return (size_t)(buffer->cursor - buffer->floor) >= size || otel__buffer_grow(buffer, size);
}

#endif
