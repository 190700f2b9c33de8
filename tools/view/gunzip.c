/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies sent with Content-Encoding: gzip. A body may consist of several gzip members, one after the other. */
#include "gunzip.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

enum { FIRST_SIZE = 64 * 1024, GZIP_WINDOW = 15 + 16 };

struct output {
    uint8_t *bytes;
    size_t len;
    size_t capacity;
    size_t limit;
};

static enum view_gunzip_status grow(struct output *output) {
    if (output->capacity == output->limit) {
        return VIEW_GUNZIP_TOO_LARGE;
    }
    size_t capacity = output->capacity == 0 ? FIRST_SIZE : 2 * output->capacity;
    capacity = capacity < output->limit ? capacity : output->limit;
    uint8_t *bytes = realloc(output->bytes, capacity);
    if (!bytes) {
        return VIEW_GUNZIP_NO_MEMORY;
    }
    output->bytes = bytes;
    output->capacity = capacity;
    return VIEW_GUNZIP_OK;
}

/* One step into the free room of the output. */
static int inflate_some(z_stream *stream, struct output *output) {
    size_t room = output->capacity - output->len;
    stream->next_out = output->bytes + output->len;
    stream->avail_out = (uInt)(room < UINT_MAX ? room : UINT_MAX);
    int result = inflate(stream, Z_NO_FLUSH);
    output->len = (size_t)(stream->next_out - output->bytes);
    return result;
}

static enum view_gunzip_status inflate_all(z_stream *stream, struct output *output) {
    for (;;) {
        if (output->len == output->capacity) {
            enum view_gunzip_status grown = grow(output);
            if (grown != VIEW_GUNZIP_OK) {
                return grown;
            }
        }
        int result = inflate_some(stream, output);
        if (result == Z_STREAM_END) {
            if (stream->avail_in == 0) {
                return VIEW_GUNZIP_OK;
            }
            result = inflateReset(stream);
        }
        bool stalled = result == Z_BUF_ERROR || (stream->avail_in == 0 && output->len < output->capacity);
        if (stalled || result != Z_OK) {
            return result == Z_MEM_ERROR ? VIEW_GUNZIP_NO_MEMORY : VIEW_GUNZIP_MALFORMED;
        }
    }
}

enum view_gunzip_status view_gunzip(const uint8_t *bytes, size_t len, size_t limit, uint8_t **plain,
                                    size_t *plain_len) {
    *plain = NULL;
    *plain_len = 0;
    if (len > UINT_MAX) {
        return VIEW_GUNZIP_TOO_LARGE;
    }
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len };
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return VIEW_GUNZIP_NO_MEMORY;
    }
    struct output output = { .limit = limit };
    enum view_gunzip_status status = inflate_all(&stream, &output);
    inflateEnd(&stream);
    if (status != VIEW_GUNZIP_OK) {
        free(output.bytes);
        return status;
    }
    *plain = output.bytes;
    *plain_len = output.len;
    return VIEW_GUNZIP_OK;
}
