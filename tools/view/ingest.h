/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/traces, Zipkin's /api/v2/spans and Jaeger's /api/traces: a body on its way in, and what is answered to it. */
#ifndef VIEW_INGEST_H
#define VIEW_INGEST_H

#include "json_api.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VIEW_MAX_BODY = 64 * 1024 * 1024,             /* OTLP's bound, before and after decompression */
    VIEW_MAX_JSON_BODY = 16 * 1024 * 1024,        /* jansson takes some 20 bytes for one, and clients send far less */
    VIEW_MAX_BODIES_IN_FLIGHT = 4 * VIEW_MAX_BODY /* of all connections together */
};

/* What a refused request is told; a zero status means that it is fine. */
struct view_refusal {
    unsigned http_status;
    int rpc_code; /* 0: the reason goes as plain text */
    const char *reason;
};

/* Where bodies end up. */
struct view_ingest {
    struct view_store *store;
    struct view_requests requests;
    size_t in_flight; /* bytes of bodies being received */
};

enum view_format { VIEW_OTLP, VIEW_OTLP_JSON, VIEW_ZIPKIN, VIEW_JAEGER };

struct view_upload {
    enum view_format format;
    struct view_ingest *ingest;
    struct view_refusal refusal;
    bool gzip;
    uint8_t *bytes;
    size_t len;
    size_t capacity;
};

struct view_answer {
    unsigned http_status;
    const char *content_type;
    void *bytes; /* malloc'd; NULL when out of memory */
    size_t len;
};

/* NULL when out of memory. Headers that the client didn't send are NULL; the type makes JSON of VIEW_OTLP. */
struct view_upload *view_upload_begin(struct view_ingest *ingest, enum view_format format, const char *content_type,
                                      const char *content_encoding, const char *content_length);

/* Keeps the bytes, or forgets the body and remembers why; a refused body is read on and thrown away. */
void view_upload_add(struct view_upload *upload, const void *bytes, size_t len);

/* Decodes the body and counts the request. The upload still has to be freed. */
struct view_answer view_upload_finish(struct view_upload *upload, int64_t now);

void view_upload_free(struct view_upload *upload);

#endif
