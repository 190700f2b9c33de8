/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.c - see buffer.h. */
#include "common/buffer.h"

#include <stdlib.h>

/* A batch of 512 spans takes some 300 KiB; more than KEEP was an exception. */
enum { FIRST = 64 * 1024, KEEP = 4 * 1024 * 1024 };

static void set_memory(struct otel__buffer *buffer, uint8_t *memory, size_t capacity, size_t length) {
    buffer->memory = memory;
    buffer->end = memory + capacity;
    buffer->cursor = buffer->end - length;
    buffer->floor = capacity > buffer->limit ? buffer->end - buffer->limit : memory;
}

void otel__buffer_reset(struct otel__buffer *buffer, size_t limit) {
    size_t capacity = (size_t)(buffer->end - buffer->memory);
    if (capacity > KEEP) {
        otel__buffer_free(buffer);
        capacity = 0;
    }
    buffer->status = OTEL_OK;
    buffer->limit = limit;
    if (capacity > 0)
        set_memory(buffer, buffer->memory, capacity, 0);
}

void otel__buffer_free(struct otel__buffer *buffer) {
    free(buffer->memory);
    *buffer = (struct otel__buffer){ 0 };
}

bool otel__buffer_fail(struct otel__buffer *buffer, otel_status status) {
    if (buffer->status == OTEL_OK)
        buffer->status = status;
    buffer->floor = buffer->cursor;
    return false;
}

bool otel__buffer_grow(struct otel__buffer *buffer, size_t size) {
    size_t length = otel__buffer_length(buffer);
    if (buffer->status != OTEL_OK || size > buffer->limit - length)
        return otel__buffer_fail(buffer, OTEL_ERR_EXPORT);
    size_t capacity = (size_t)(buffer->end - buffer->memory);
    size_t wanted = capacity > 0 ? capacity : FIRST;
    while (wanted < length + size)
        wanted *= 2;
    uint8_t *memory = malloc(wanted);
    if (!memory)
        return otel__buffer_fail(buffer, OTEL_ERR_MEMORY);
    if (length > 0)
        memcpy(memory + wanted - length, buffer->cursor, length);
    free(buffer->memory);
    set_memory(buffer, memory, wanted, length);
    return true;
}
