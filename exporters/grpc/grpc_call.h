/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_call.h - what one unary call sends and receives, in gRPC core's terms. Private to grpc_channel.c. */
#ifndef OTEL_GRPC_CALL_H
#define OTEL_GRPC_CALL_H

#include "grpc/grpc_channel.h"

#include <grpc/grpc.h>

/* It must stay where it is until the batch of operations has ended. */
struct otel__grpc_unary {
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *response;
    grpc_status_code status;
    grpc_slice details;
    const char *error; /* what gRPC core knows of a failure; to be freed by it */
};

void otel__grpc_unary_init(struct otel__grpc_unary *call, const uint8_t *request, size_t len);
/* Begins the whole exchange; its end comes to the queue of `under_way` with the tag `call`. False: gRPC core refuses. */
bool otel__grpc_unary_start(struct otel__grpc_unary *call, grpc_call *under_way, grpc_metadata *metadata, size_t count);
/* `max`: what the reply may take. */
void otel__grpc_unary_read(struct otel__grpc_unary *call, int max, struct otel__grpc_reply *reply);
void otel__grpc_unary_free(struct otel__grpc_unary *call);

#endif
