/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response_protobuf.c - see otlp_response_protobuf.h. */
#include "otlp/otlp_response_protobuf.h"

#include "base/escape.h"
#include "trace_response.pb-c.h"

#include <stdlib.h>

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

bool otel__otlp_read_protobuf_success(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    struct budget budget;
    ProtobufCAllocator *allocator = budget_begin(&budget);
    Otel__Rpc__ExportTraceServiceResponse *message =
        otel__rpc__export_trace_service_response__unpack(allocator, response->body_len, response->body);
    if (!message)
        return false;
    const Otel__Rpc__ExportTracePartialSuccess *partial = message->partial_success;
    if (partial) {
        answer->rejected = partial->rejected_spans > 0 ? (uint64_t)partial->rejected_spans : 0;
        otel_str text = otel_strn((const char *)partial->error_message.data, partial->error_message.len);
        otel__escape(text, answer->message, sizeof answer->message);
    }
    otel__rpc__export_trace_service_response__free_unpacked(message, allocator);
    return true;
}

void otel__otlp_read_protobuf_status(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    struct budget budget;
    ProtobufCAllocator *allocator = budget_begin(&budget);
    Otel__Rpc__Status *status = otel__rpc__status__unpack(allocator, response->body_len, response->body);
    if (!status)
        return;
    otel__escape(otel_strn((const char *)status->message.data, status->message.len), answer->message,
                 sizeof answer->message);
    otel__rpc__status__free_unpacked(status, allocator);
}
