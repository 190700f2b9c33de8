/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_server_process.h - a grpc_double in a process of its own, so that the test's own has not started gRPC core. To be
 * started before any other thread.
 */
#ifndef GRPC_SERVER_PROCESS_H
#define GRPC_SERVER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct grpc_server_plan {
    bool silent;                   /* never answers */
    const char *certificate, *key; /* PEM; NULL: plaintext */
};

struct grpc_server_process {
    pid_t pid;
    int port;
    int control, result;
};

/* A port of 0: it could not be started. */
struct grpc_server_process grpc_server_process_start(const struct grpc_server_plan *plan);
/* How many requests came. */
int grpc_server_process_stop(struct grpc_server_process *server);

#endif
