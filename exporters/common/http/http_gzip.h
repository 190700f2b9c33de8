/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_gzip.h - a request's body as a gzip stream (RFC 1952).
 *
 * What compresses takes some 270 KiB, which are kept from one body to the next, as is the room for the result, unless
 * that was unusually much. One thread at a time. Zero-initialised: empty.
 */
#ifndef OTEL_EXPORTERS_HTTP_GZIP_H
#define OTEL_EXPORTERS_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

struct otel__gzip {
    z_stream stream;
    bool ready;    /* the stream is */
    uint8_t *data; /* the result so far */
    size_t len, capacity;
};

/* Begins a new stream. False here and below: memory is short. */
bool otel__gzip_begin(struct otel__gzip *gzip);
/* Compresses `len` bytes more, and with `last` ends the stream. */
bool otel__gzip_add(struct otel__gzip *gzip, const void *data, size_t len, bool last);
void otel__gzip_free(struct otel__gzip *gzip);

#endif
