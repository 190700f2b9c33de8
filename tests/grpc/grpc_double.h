/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_double.h - a gRPC server that answers as it is told, and keeps the last request. */
#ifndef GRPC_DOUBLE_H
#define GRPC_DOUBLE_H

#include <grpc/grpc_security.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grpc_step {
    int status;
    const char *words, *body, *details; /* NULL: none */
    size_t body_len, details_len;
    bool silent; /* never answers */
};

typedef struct grpc_double grpc_double;

struct grpc_double_options {
    int port;                             /* 0: any */
    grpc_server_credentials *credentials; /* the server's from now on; NULL: plaintext */
    bool no_compression;                  /* refuses compressed requests */
    /* How to answer a request, instead of by steps; on the server's thread. */
    const struct grpc_step *(*judge)(void *data, const uint8_t *body, size_t len);
    void *data;
};

/* The last step is repeated. */
grpc_double *grpc_double_start_with(const struct grpc_double_options *options, const struct grpc_step *steps,
                                    size_t count);
/* Plaintext, on a port of its own choice (0) or the given one. */
grpc_double *grpc_double_start(int port, const struct grpc_step *steps, size_t count);
void grpc_double_stop(grpc_double *server);
int grpc_double_port(const grpc_double *server);
size_t grpc_double_requests(grpc_double *server);
/* Of the last request; valid until the next of these. */
const uint8_t *grpc_double_body(grpc_double *server, size_t *len);
const char *grpc_double_method(grpc_double *server);
/* "name: value" in lines. */
const char *grpc_double_metadata(grpc_double *server);
/* The common name of the client's certificate; "" if it has shown none. */
const char *grpc_double_client(grpc_double *server);

#endif
