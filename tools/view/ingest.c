/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/traces, Zipkin's /api/v2/spans and Jaeger's /api/traces: a body on its way in, and what is answered to it. */
#include "ingest.h"

#include "decode.h"
#include "gunzip.h"
#include "jaeger.h"
#include "otlp_json.h"
#include "reply.h"
#include "zipkin.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_CAPACITY = 16 * 1024 };

static const struct view_refusal too_large = { 413, VIEW_RPC_RESOURCE_EXHAUSTED, "the body is larger than 64 MiB" };
static const struct view_refusal too_large_json = { 413, VIEW_RPC_RESOURCE_EXHAUSTED,
                                                    "the body is larger than 16 MiB" };
static const struct view_refusal overloaded = { 503, VIEW_RPC_UNAVAILABLE, "too many bodies are being received" };

/* With or without parameters. */
static bool is_type(const char *content_type, const char *expected) {
    size_t len = strlen(expected);
    if (!content_type || strncasecmp(content_type, expected, len) != 0) {
        return false;
    }
    const char *rest = content_type + len;
    return rest[strspn(rest, " \t")] == '\0' || rest[strspn(rest, " \t")] == ';';
}

static struct view_refusal check_headers(enum view_format format, const char *content_type,
                                         const char *content_encoding, const char *content_length) {
    if (format == VIEW_ZIPKIN && !is_type(content_type, "application/json")) {
        return (struct view_refusal){ 415, 0, "Content-Type must be application/json\n" };
    }
    if (format == VIEW_JAEGER && !is_type(content_type, "application/x-thrift") &&
        !is_type(content_type, "application/vnd.apache.thrift.binary")) {
        return (struct view_refusal){ 415, 0, "Content-Type must be application/x-thrift\n" };
    }
    if (format == VIEW_OTLP && !is_type(content_type, "application/x-protobuf")) {
        return (struct view_refusal){ 415, 0, "Content-Type must be application/x-protobuf or application/json\n" };
    }
    if (content_encoding && strcasecmp(content_encoding, "gzip") != 0 &&
        strcasecmp(content_encoding, "identity") != 0) {
        return (struct view_refusal){ 415, 0, "Content-Encoding must be gzip or identity\n" };
    }
    if (content_length && strtoull(content_length, NULL, 10) > VIEW_MAX_BODY) {
        return too_large;
    }
    return (struct view_refusal){ 0 };
}

struct view_upload *view_upload_begin(struct view_ingest *ingest, enum view_format format, const char *content_type,
                                      const char *content_encoding, const char *content_length) {
    struct view_upload *upload = calloc(1, sizeof *upload);
    if (format == VIEW_OTLP && is_type(content_type, "application/json")) {
        format = VIEW_OTLP_JSON;
    }
    if (upload) {
        upload->ingest = ingest;
        upload->format = format;
        upload->refusal = check_headers(format, content_type, content_encoding, content_length);
        upload->gzip = content_encoding && strcasecmp(content_encoding, "gzip") == 0;
    }
    return upload;
}

static void forget_body(struct view_upload *upload) {
    upload->ingest->in_flight -= upload->capacity;
    free(upload->bytes);
    upload->bytes = NULL;
    upload->len = upload->capacity = 0;
}

static void refuse(struct view_upload *upload, struct view_refusal refusal) {
    forget_body(upload);
    upload->refusal = refusal;
}

/* The new bytes and the old ones exist side by side while they are copied: both count. */
static bool reserve(struct view_upload *upload, size_t needed) {
    size_t capacity = upload->capacity > 0 ? upload->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity == upload->capacity) {
        return true;
    }
    if (capacity > VIEW_MAX_BODIES_IN_FLIGHT - upload->ingest->in_flight) {
        return false;
    }
    uint8_t *bytes = realloc(upload->bytes, capacity);
    if (!bytes) {
        return false;
    }
    upload->ingest->in_flight += capacity - upload->capacity;
    upload->bytes = bytes;
    upload->capacity = capacity;
    return true;
}

void view_upload_add(struct view_upload *upload, const void *bytes, size_t len) {
    if (upload->refusal.http_status != 0) {
        return;
    }
    if (len > VIEW_MAX_BODY - upload->len) {
        refuse(upload, too_large);
    } else if (!reserve(upload, upload->len + len)) {
        refuse(upload, overloaded);
    } else {
        memcpy(upload->bytes + upload->len, bytes, len);
        upload->len += len;
    }
}

void view_upload_free(struct view_upload *upload) {
    if (upload) {
        forget_body(upload);
        free(upload);
    }
}

static bool is_json(enum view_format format) { return format == VIEW_OTLP_JSON || format == VIEW_ZIPKIN; }

static bool is_otlp(enum view_format format) { return format == VIEW_OTLP || format == VIEW_OTLP_JSON; }

/* Puts the plain body in the place of the compressed one. */
static void decompress(struct view_upload *upload) {
    uint8_t *plain;
    size_t plain_len;
    switch (view_gunzip(upload->bytes, upload->len, VIEW_MAX_BODY, &plain, &plain_len)) {
    case VIEW_GUNZIP_OK:
        forget_body(upload);
        upload->ingest->in_flight += plain_len;
        upload->bytes = plain;
        upload->len = upload->capacity = plain_len;
        break;
    case VIEW_GUNZIP_MALFORMED:
        refuse(upload, (struct view_refusal){ 400, VIEW_RPC_INVALID_ARGUMENT, "the body is not gzip" });
        break;
    case VIEW_GUNZIP_TOO_LARGE:
        refuse(upload, too_large);
        break;
    default:
        refuse(upload, overloaded);
    }
}

static struct view_decode_result decode(struct view_upload *upload, int64_t now) {
    typedef struct view_decode_result decoder(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now);
    static decoder *const decoders[] = {
        [VIEW_OTLP] = view_decode,
        [VIEW_OTLP_JSON] = view_decode_otlp_json,
        [VIEW_ZIPKIN] = view_decode_zipkin,
        [VIEW_JAEGER] = view_decode_jaeger,
    };
    struct view_ingest *ingest = upload->ingest;
    struct view_decode_result result = { .status = VIEW_DECODE_OK };
    if (is_json(upload->format) && upload->len > VIEW_MAX_JSON_BODY) {
        refuse(upload, too_large_json);
    } else {
        result = decoders[upload->format](upload->bytes, upload->len, ingest->store, now);
    }
    if (result.status == VIEW_DECODE_MALFORMED) {
        refuse(upload, (struct view_refusal){ 400, VIEW_RPC_INVALID_ARGUMENT, result.reason });
    } else if (result.status == VIEW_DECODE_TOO_LARGE) {
        refuse(upload, (struct view_refusal){ 413, VIEW_RPC_RESOURCE_EXHAUSTED, result.reason });
    } else {
        ingest->requests.spans_received += result.spans;
        ingest->requests.spans_rejected += result.rejected;
    }
    return result;
}

/* OTLP answers in the form that was asked in. */
static const char *const otlp_types[] = {
    [VIEW_OTLP] = "application/x-protobuf",
    [VIEW_OTLP_JSON] = "application/json",
};
static uint8_t *(*const reply_status[])(enum view_rpc_code code, const char *message, size_t *len) = {
    [VIEW_OTLP] = view_reply_status,
    [VIEW_OTLP_JSON] = view_reply_status_json,
};
static uint8_t *(*const reply_response[])(uint64_t rejected_spans, const char *reason, size_t *len) = {
    [VIEW_OTLP] = view_reply_response,
    [VIEW_OTLP_JSON] = view_reply_response_json,
};

static struct view_answer answer_refusal(enum view_format format, const struct view_refusal *refusal) {
    struct view_answer answer = { .http_status = refusal->http_status };
    if (refusal->rpc_code != 0 && is_otlp(format)) {
        answer.content_type = otlp_types[format];
        answer.bytes = reply_status[format]((enum view_rpc_code)refusal->rpc_code, refusal->reason, &answer.len);
    } else {
        answer.content_type = "text/plain; charset=utf-8";
        answer.bytes = strdup(refusal->reason);
        answer.len = strlen(refusal->reason);
    }
    return answer;
}

struct view_answer view_upload_finish(struct view_upload *upload, int64_t now) {
    struct view_requests *requests = &upload->ingest->requests;
    struct view_decode_result result = { .status = VIEW_DECODE_OK };
    requests->received++;
    if (upload->refusal.http_status == 0 && upload->gzip) {
        decompress(upload);
    }
    if (upload->refusal.http_status == 0) {
        result = decode(upload, now);
    }
    if (upload->refusal.http_status != 0) {
        requests->rejected++;
        return answer_refusal(upload->format, &upload->refusal);
    }
    requests->accepted++;
    if (!is_otlp(upload->format)) {
        return (struct view_answer){ .http_status = 202, .content_type = "text/plain", .bytes = strdup("") };
    }
    struct view_answer answer = { .http_status = 200, .content_type = otlp_types[upload->format] };
    answer.bytes = reply_response[upload->format](result.rejected, result.reason, &answer.len);
    return answer;
}
