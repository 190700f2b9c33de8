/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response.c - see otlp_response.h. */
#include "otlp/otlp_response.h"

#include "base/escape.h"
#include "otlp/otlp_response_json.h"
#include "trace_response.pb-c.h"

#include <stdlib.h>
#include <strings.h>

/*
 * What unpacking one body may allocate. Two bytes on the wire can become a structure of 40 bytes, so 4 MiB of
 * well-chosen bytes would take more than 100 MiB; an honest answer is a number and a sentence, and finds room in here,
 * since collectors answer so after each export.
 */
enum { UNPACK_MAX = 256 * 1024, ROOM = 2048 };

struct budget {
    ProtobufCAllocator allocator;
    size_t left; /* of what may come from the heap */
    size_t used; /* of the room */
    _Alignas(16) char room[ROOM];
};

static void *budget_alloc(void *data, size_t size) {
    struct budget *budget = data;
    const size_t rounded = (size + 15) & ~(size_t)15;
    if (size <= ROOM && rounded <= ROOM - budget->used) {
        budget->used += rounded;
        return budget->room + budget->used - rounded;
    }
    if (size > budget->left)
        return NULL;
    budget->left -= size;
    return malloc(size);
}

static void budget_free(void *data, void *pointer) {
    const struct budget *budget = data;
    if ((uintptr_t)pointer - (uintptr_t)budget->room >= ROOM)
        free(pointer);
}

static ProtobufCAllocator *budget_begin(struct budget *budget) {
    budget->allocator = (ProtobufCAllocator){ budget_alloc, budget_free, budget };
    budget->left = UNPACK_MAX;
    budget->used = 0;
    return &budget->allocator;
}

static void read_success(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    struct budget budget;
    ProtobufCAllocator *allocator = budget_begin(&budget);
    Otel__Rpc__ExportTraceServiceResponse *message =
        otel__rpc__export_trace_service_response__unpack(allocator, response->body_len, response->body);
    if (!message) {
        answer->foreign = true;
        return;
    }
    const Otel__Rpc__ExportTracePartialSuccess *partial = message->partial_success;
    if (partial) {
        answer->rejected = partial->rejected_spans > 0 ? (uint64_t)partial->rejected_spans : 0;
        otel_str text = otel_strn((const char *)partial->error_message.data, partial->error_message.len);
        otel__escape(text, answer->message, sizeof answer->message);
    }
    otel__rpc__export_trace_service_response__free_unpacked(message, allocator);
}

static void read_status(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    struct budget budget;
    ProtobufCAllocator *allocator = budget_begin(&budget);
    Otel__Rpc__Status *status = otel__rpc__status__unpack(allocator, response->body_len, response->body);
    if (!status)
        return;
    otel__escape(otel_strn((const char *)status->message.data, status->message.len), answer->message,
                 sizeof answer->message);
    otel__rpc__status__free_unpacked(status, allocator);
}

static void read_text(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    otel_str text = otel_strn((const char *)response->body, response->body_len);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    otel__escape(text, answer->message, sizeof answer->message);
}

/* Whether the media type, without parameters, is `type`, or begins with it if it ends in a slash. */
static bool is_type(const char *content_type, const char *type) {
    size_t len = strlen(type);
    if (strncasecmp(content_type, type, len) != 0)
        return false;
    return type[len - 1] == '/' || content_type[len] == '\0' || strchr("; \t", content_type[len]);
}

void otel__otlp_read_answer(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    *answer = (struct otel__otlp_answer){ 0 };
    bool success = response->status >= 200 && response->status < 300;
    bool protobuf = is_type(response->content_type, "application/x-protobuf");
    bool json = is_type(response->content_type, "application/json");
    if (response->body_len == 0)
        return;
    if (success && protobuf)
        read_success(response, answer);
    else if (success) /* there are servers that answer in OTLP's other encoding */
        answer->foreign = !json || !otel__otlp_read_json_success(response, answer);
    else if (protobuf)
        read_status(response, answer);
    else if ((json && !otel__otlp_read_json_status(response, answer)) || is_type(response->content_type, "text/"))
        read_text(response, answer);
}
