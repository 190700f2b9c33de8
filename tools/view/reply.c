/* SPDX-License-Identifier: Apache-2.0 */
/* See reply.h. */
#include "reply.h"

#include "trace_response.pb-c.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static ProtobufCBinaryData text_of(const char *text) {
    return (ProtobufCBinaryData){ .len = strlen(text), .data = (uint8_t *)(uintptr_t)text };
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *len) {
    *len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(*len > 0 ? *len : 1);
    if (bytes) {
        protobuf_c_message_pack(message, bytes);
    }
    return bytes;
}

uint8_t *view_reply_response(uint64_t rejected_spans, const char *reason, size_t *len) {
    Otel__Rpc__ExportTracePartialSuccess partial = OTEL__RPC__EXPORT_TRACE_PARTIAL_SUCCESS__INIT;
    Otel__Rpc__ExportTraceServiceResponse response = OTEL__RPC__EXPORT_TRACE_SERVICE_RESPONSE__INIT;
    if (rejected_spans > 0) {
        partial.rejected_spans = (int64_t)rejected_spans;
        partial.error_message = text_of(reason);
        response.partial_success = &partial;
    }
    return pack(&response.base, len);
}

uint8_t *view_reply_status(enum view_rpc_code code, const char *message, size_t *len) {
    Otel__Rpc__Status status = OTEL__RPC__STATUS__INIT;
    status.code = (int32_t)code;
    status.message = text_of(message);
    return pack(&status.base, len);
}

/* Takes the object over. */
static uint8_t *text_of_json(json_t *object, size_t *len) {
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    *len = text ? strlen(text) : 0;
    return (uint8_t *)text;
}

uint8_t *view_reply_response_json(uint64_t rejected_spans, const char *reason, size_t *len) {
    json_t *response = json_object();
    if (rejected_spans > 0) {
        json_t *rejected = json_sprintf("%" PRIu64, rejected_spans); /* 64 bits are text */
        json_t *partial = json_pack("{so ss}", "rejectedSpans", rejected, "errorMessage", reason);
        if (json_object_set_new(response, "partialSuccess", partial) != 0) {
            json_decref(response);
            response = NULL;
        }
    }
    return text_of_json(response, len);
}

uint8_t *view_reply_status_json(enum view_rpc_code code, const char *message, size_t *len) {
    return text_of_json(json_pack("{si ss}", "code", (int)code, "message", message), len);
}
