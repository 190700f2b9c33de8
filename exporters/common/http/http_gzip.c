/* SPDX-License-Identifier: Apache-2.0 */
/* http_gzip.c - see http_gzip.h. */
#include "common/http/http_gzip.h"

#include <limits.h>
#include <stdlib.h>

enum { FIRST = 16 * 1024, KEEP = 1024 * 1024 };
/* The largest window, and 16 for gzip's frame rather than zlib's; how much memory finds repetitions, zlib's default. */
enum { WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8 };

bool otel__gzip_begin(struct otel__gzip *gzip) {
    if (gzip->capacity > KEEP) {
        free(gzip->data);
        gzip->data = NULL;
        gzip->capacity = 0;
    }
    gzip->len = 0;
    if (gzip->ready)
        return deflateReset(&gzip->stream) == Z_OK;
    gzip->stream = (z_stream){ 0 };
    gzip->ready = deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                               Z_DEFAULT_STRATEGY) == Z_OK;
    return gzip->ready;
}

static bool more_room(struct otel__gzip *gzip) {
    size_t capacity = gzip->capacity > 0 ? 2 * gzip->capacity : FIRST;
    uint8_t *data = realloc(gzip->data, capacity);
    if (!data)
        return false;
    gzip->data = data;
    gzip->capacity = capacity;
    return true;
}

/* Compresses what the stream was given. zlib has taken all of it once it leaves some of the room unused. */
static bool drain(struct otel__gzip *gzip, int flush) {
    z_stream *stream = &gzip->stream;
    do {
        if (gzip->len == gzip->capacity && !more_room(gzip))
            return false;
        const size_t room = gzip->capacity - gzip->len;
        const uInt piece = room < UINT_MAX ? (uInt)room : UINT_MAX;
        stream->next_out = gzip->data + gzip->len;
        stream->avail_out = piece;
        if (deflate(stream, flush) == Z_STREAM_ERROR)
            return false;
        gzip->len += piece - stream->avail_out;
    } while (stream->avail_out == 0);
    return true;
}

bool otel__gzip_add(struct otel__gzip *gzip, const void *data, size_t len, bool last) {
    const uint8_t *from = data;
    for (; len > UINT_MAX; from += UINT_MAX, len -= UINT_MAX)
        if (!otel__gzip_add(gzip, from, UINT_MAX, false))
            return false;
    gzip->stream.next_in = (Bytef *)(uintptr_t)from; /* not written to: older zlib has no const there */
    gzip->stream.avail_in = (uInt)len;
    return drain(gzip, last ? Z_FINISH : Z_NO_FLUSH);
}

void otel__gzip_free(struct otel__gzip *gzip) {
    if (gzip->ready)
        deflateEnd(&gzip->stream);
    free(gzip->data);
    *gzip = (struct otel__gzip){ .ready = false };
}
