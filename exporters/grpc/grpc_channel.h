/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_channel.h - one channel of gRPC core, and one unary call at a time on it.
 *
 * DESIGN. The channel is made by the first call (see grpc_core.h), and again when the files of TLS have changed. The
 * calling thread drives gRPC core: it is inside of it for some milliseconds at a time, and in between, when a fork or an
 * exit wants it to, stays outside (common/fork_gate.h). Of gRPC core's own threads, which look up names and shake hands,
 * nobody can say where they are.
 *
 * Calls and waits come from one thread at a time; cancel may come from any, and is final. The fork functions are for the
 * operations of the same name of otel_exporter_ops.
 */
#ifndef OTEL_GRPC_CHANNEL_H
#define OTEL_GRPC_CHANNEL_H

#include "grpc/grpc_library.h"

struct otel__grpc_channel;

struct otel__grpc_reply {
    int status;           /* a gRPC status */
    char message[512];    /* the server's or gRPC core's words, fit for a log line */
    bool from_server;     /* the status, rather than from gRPC core */
    bool too_large;       /* the reply, which was not taken, */
    bool found_large;     /* or, to the server, the request */
    bool distrusted;      /* a certificate, whereupon nothing was sent */
    bool retry_info;      /* the server says that another attempt makes sense, */
    uint64_t retry_delay; /* in so many ns */
    uint8_t *body;        /* of status OK; NULL when empty. To be freed. */
    size_t body_len;
};

/* `agent`: who calls. NULL when a setting is unusable or memory is short; `error` says why. Everything is copied. */
struct otel__grpc_channel *otel__grpc_create(const struct otel__grpc_settings *settings, const char *agent,
                                             otel_error *error);
void otel__grpc_destroy(struct otel__grpc_channel *channel);
/* False: this process was forked from one that had started gRPC core, and cannot use it. */
bool otel__grpc_usable(void);
/* `deadline` in ns of CLOCK_MONOTONIC. While otel__grpc_usable() only. */
void otel__grpc_call(struct otel__grpc_channel *channel, const char *method, const uint8_t *request, size_t len,
                     uint64_t deadline, struct otel__grpc_reply *reply);
/* Sleeps until then; false: cancelled. */
bool otel__grpc_wait(struct otel__grpc_channel *channel, uint64_t until);
void otel__grpc_cancel(struct otel__grpc_channel *channel);
bool otel__grpc_cancelled(const struct otel__grpc_channel *channel);
void otel__grpc_before_fork(struct otel__grpc_channel *channel);
bool otel__grpc_at_rest(const struct otel__grpc_channel *channel);
void otel__grpc_after_fork(struct otel__grpc_channel *channel, bool in_child);

#endif
