/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_call.c - see grpc_call.h. */
#include "grpc/grpc_call.h"

#include "base/escape.h"
#include "grpc/grpc_status.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void otel__grpc_unary_init(struct otel__grpc_unary *call, const uint8_t *request, size_t len) {
    *call = (struct otel__grpc_unary){ .status = GRPC_STATUS_UNKNOWN, .details = grpc_empty_slice() };
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    grpc_slice bytes = grpc_slice_from_copied_buffer((const char *)request, len);
    call->request = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
}

bool otel__grpc_unary_start(struct otel__grpc_unary *call, grpc_call *under_way, grpc_metadata *metadata,
                            size_t count) {
    const grpc_op ops[] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA, .data.send_initial_metadata = { .count = count, .metadata = metadata } },
        { .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->request },
        { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
        { .op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &call->initial },
        { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->response },
        { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
          .data.recv_status_on_client = { .trailing_metadata = &call->trailing,
                                          .status = &call->status,
                                          .status_details = &call->details,
                                          .error_string = &call->error } },
    };
    return grpc_call_start_batch(under_way, ops, sizeof ops / sizeof *ops, call, NULL) == GRPC_CALL_OK;
}

static void read_body(struct otel__grpc_unary *call, struct otel__grpc_reply *reply) {
    grpc_byte_buffer_reader reader;
    if (!call->response || !grpc_byte_buffer_reader_init(&reader, call->response))
        return;
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    size_t len = GRPC_SLICE_LENGTH(all);
    reply->body = len > 0 ? malloc(len) : NULL;
    if (reply->body) {
        memcpy(reply->body, GRPC_SLICE_START_PTR(all), len);
        reply->body_len = len;
    }
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
}

static void read_details(const struct otel__grpc_unary *call, struct otel__grpc_reply *reply) {
    for (size_t i = 0; i < call->trailing.count; i++) {
        const grpc_metadata *entry = &call->trailing.metadata[i];
        if (grpc_slice_str_cmp(entry->key, "grpc-status-details-bin") == 0)
            reply->retry_info = otel__grpc_retry_info(GRPC_SLICE_START_PTR(entry->value),
                                                      GRPC_SLICE_LENGTH(entry->value), &reply->retry_delay);
    }
}

/* In gRPC core's words: the certificate is nobody's whom we trust, or somebody else's. */
static bool is_distrust(const char *message) {
    return strstr(message, "certificate verify failed") || strstr(message, "is not in peer certificate");
}

/* Which of the two was too large: ours has our limit in its words. */
static void read_sizes(int max, struct otel__grpc_reply *reply) {
    char limit[32];
    snprintf(limit, sizeof limit, " vs. %d)", max);
    const bool large = reply->status == GRPC_STATUS_RESOURCE_EXHAUSTED && strstr(reply->message, "larger than max");
    reply->too_large = large && strstr(reply->message, limit);
    reply->found_large = large && !reply->too_large;
}

/* What gRPC core found wrong by itself has a server's status too: only words tell them apart. */
static void read_words(const struct otel__grpc_unary *call, struct otel__grpc_reply *reply) {
    otel_str words = otel_strn((const char *)GRPC_SLICE_START_PTR(call->details), GRPC_SLICE_LENGTH(call->details));
    otel__escape(words, reply->message, sizeof reply->message);
    reply->from_server = call->error && strstr(call->error, "Error received from peer");
    reply->distrusted = !reply->from_server && is_distrust(reply->message);
}

void otel__grpc_unary_read(struct otel__grpc_unary *call, int max, struct otel__grpc_reply *reply) {
    reply->status = (int)call->status;
    read_words(call, reply);
    read_sizes(max, reply);
    if (call->status == GRPC_STATUS_OK)
        read_body(call, reply);
    else
        read_details(call, reply);
}

void otel__grpc_unary_free(struct otel__grpc_unary *call) {
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_byte_buffer_destroy(call->request);
    if (call->response)
        grpc_byte_buffer_destroy(call->response);
    grpc_slice_unref(call->details);
    gpr_free((void *)(uintptr_t)call->error);
}
