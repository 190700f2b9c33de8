/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to OTLP clients: the response of a success and the RPC status of a failure, as protobuf or as JSON. */
#ifndef VIEW_REPLY_H
#define VIEW_REPLY_H

#include <stddef.h>
#include <stdint.h>

enum view_rpc_code {
    VIEW_RPC_INVALID_ARGUMENT = 3,
    VIEW_RPC_RESOURCE_EXHAUSTED = 8,
    VIEW_RPC_UNAVAILABLE = 14,
};

/* Each returns malloc'd bytes and their number; NULL when out of memory. */

/* ExportTraceServiceResponse; with a partial success when spans were rejected. */
uint8_t *view_reply_response(uint64_t rejected_spans, const char *reason, size_t *len);
uint8_t *view_reply_response_json(uint64_t rejected_spans, const char *reason, size_t *len);

/* google.rpc.Status. */
uint8_t *view_reply_status(enum view_rpc_code code, const char *message, size_t *len);
uint8_t *view_reply_status_json(enum view_rpc_code code, const char *message, size_t *len);

#endif
