/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_library.h - what libotel-sdk and libotel-grpc agree on.
 *
 * DESIGN. libotel-sdk settles what is to be sent where, as for HTTP, and knows nothing of gRPC core; libotel-grpc sends.
 * The SDK finds `otel__grpc_exporters` in the program, if that is linked with libotel-grpc, or loads the library by its
 * name (sdk/src/autoconfigure_grpc.c). The two may come from different builds: a change of anything below goes with
 * another OTEL__GRPC_ABI, except that `abi` stays the first member for ever.
 */
#ifndef OTEL_GRPC_LIBRARY_H
#define OTEL_GRPC_LIBRARY_H

#include "common/http/http_client.h"
#include "common/retry.h"
#include "base/grpc_target.h"
#include "base/strategy.h"

#include <otel/exporter.h>

enum { OTEL__GRPC_ABI = 4 };

/* Options, environment and defaults have been merged already. Everything is copied. */
struct otel__grpc_settings {
    const char *endpoint; /* as the user wrote it, for messages */
    struct otel__grpc_target target;
    bool gzip;                               /* compresses requests */
    size_t request_max, response_max;        /* bytes, uncompressed; 0: OTLP's limits */
    const struct otel__http_header *headers; /* usable for otel__grpc_metadata_problem() */
    size_t header_count;
    int timeout_ms;                /* of one export; 0: no limit but the exporter's own 60 s */
    const char *user_agent_prefix; /* NULL: none */
    struct otel__retry_policy retry;
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
};

/* NULL when a setting is unusable or memory is short; `error` receives the reason. */
typedef otel_exporter *otel__grpc_create_exporter(const struct otel__grpc_settings *settings, otel_error *error);

/* Of which libotel-grpc exports one, by the name otel__grpc_exporters. */
struct otel__grpc_exporters {
    unsigned abi; /* OTEL__GRPC_ABI when it was compiled; nothing else may be read when that differs */
    /* otel_exporter_create(): a program that has the SDK in it twice would find another one here. */
    otel_exporter *(*sdk)(const otel_exporter_ops *ops, void *self);
    otel__grpc_create_exporter *otlp, *jaeger;
    /* What fetches Jaeger's sampling strategies; the settings for exporting alone don't count. False: as above. */
    bool (*strategies)(const struct otel__grpc_settings *settings, struct otel__strategy_source *source,
                       otel_error *error);
};

#endif
