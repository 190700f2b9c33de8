/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_channel.h - one channel of gRPC core, and one unary call at a time on it.
 *
 * DESIGN. gRPC core is first touched by the first call, so that a process that never exported may fork. Its threads stay
 * behind in a parent: a process that finds gRPC core started by another one never touches it again. Calls and waits come
 * from one thread at a time; cancel may come from any, and is final.
 */
#ifndef OTEL_GRPC_CHANNEL_H
#define OTEL_GRPC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otel__grpc_channel;

struct otel__grpc_reply {
    int status;           /* a gRPC status */
    char message[512];    /* the server's or gRPC core's words, fit for a log line */
    bool retry_info;      /* the server says that another attempt makes sense, */
    uint64_t retry_delay; /* in so many ns */
    uint8_t *body;        /* of status OK; NULL when empty. To be freed. */
    size_t body_len;
};

/* NULL: out of memory. Both texts are copied. */
struct otel__grpc_channel *otel__grpc_create(const char *target, bool tls, const char *user_agent);
/* False: this process cannot use gRPC core, because it was forked from one that did, or memory is short. */
bool otel__grpc_usable(struct otel__grpc_channel *channel);
/* `deadline` in ns of CLOCK_MONOTONIC. After otel__grpc_usable() only. */
void otel__grpc_call(struct otel__grpc_channel *channel, const char *method, const uint8_t *request, size_t len,
                     uint64_t deadline, struct otel__grpc_reply *reply);
/* Sleeps until then; false: cancelled. */
bool otel__grpc_wait(struct otel__grpc_channel *channel, uint64_t until);
void otel__grpc_cancel(struct otel__grpc_channel *channel);
bool otel__grpc_cancelled(struct otel__grpc_channel *channel);
/* In a forked child: what a thread of the parent held locked is free again. */
void otel__grpc_in_child(struct otel__grpc_channel *channel);
void otel__grpc_destroy(struct otel__grpc_channel *channel);

#endif
