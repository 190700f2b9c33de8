/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_status.h - what a gRPC status means for a request (specification: OTLP/gRPC, Failures and Throttling). */
#ifndef OTEL_GRPC_STATUS_H
#define OTEL_GRPC_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Such as "UNAVAILABLE"; "status" for a number that is none. */
const char *otel__grpc_status_name(int status);
/* What is usually behind a failure, as sentences in terms of the format's settings. */
struct otel__grpc_hints {
    const char *distrusted;    /* a certificate was refused */
    const char *no_tls;        /* the server speaks without TLS, */
    const char *wants_tls;     /* or with it, or wants a certificate of ours */
    const char *credentials;   /* PERMISSION_DENIED, UNAUTHENTICATED */
    const char *unimplemented; /* the server has no such method */
    const char *unavailable;
};
/* NULL: nothing known. `words` are those of gRPC core, "" where the status is the server's. */
const char *otel__grpc_status_hint(const struct otel__grpc_hints *hints, int status, const char *words,
                                   bool distrusted);
/* Whether another attempt makes sense; `retry_info`: the server has said when. */
bool otel__grpc_status_retryable(int status, bool retry_info);
/* Whether grpc-status-details-bin holds a RetryInfo; `delay`, in ns, is 0 where it names none. */
bool otel__grpc_retry_info(const uint8_t *details, size_t len, uint64_t *delay);

#endif
