/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_exporter.h - an exporter that sends batches by unary calls of one method, whatever the format.
 *
 * Spans are borrowed only while they are written; attempts send the same bytes. A batch that takes more than the byte
 * bound is sent in halves, and halves of halves, so that only a single span can make a larger request. What may pass is
 * tried again within the export's time (retry.h, throttle.h); the first loss is reported with its cause, then at most
 * one line in 10 s, and that it works again.
 */
#ifndef OTEL_GRPC_EXPORTER_H
#define OTEL_GRPC_EXPORTER_H

#include "common/buffer.h"
#include "common/export_report.h"
#include "grpc/grpc_channel.h"
#include "grpc/grpc_status.h"

/* What is the same for all exporters of a format; must live for ever. */
struct otel__grpc_format {
    const char *name;      /* of the exporter */
    const char *component; /* its type in the SDK's own metrics */
    struct otel__export_kinds kinds;
    const char *unusable; /* another kind of report: this process cannot use gRPC, */
    const char *instead;  /* and what is to be used instead */
    struct otel__grpc_hints hints;
    const char *method;
    const char *agent;         /* the name in the user agent, in front of the version */
    bool exhausted_is_passing; /* RESOURCE_EXHAUSTED is tried again also where the server does not say when */
    size_t encoder_size;       /* of what is kept from one encoding to the next, zero at first */
    /*
     * Writes the spans [first, first + count) of `batch` into `out`, which is empty. OTEL_ERR_EXPORT: they take more
     * than its limit; OTEL_ERR_MEMORY.
     */
    otel_status (*encode)(void *encoder, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);
    /* Frees what the encoder points to. */
    void (*free_encoder)(void *encoder);
    /* How many of `count` spans that were taken the server refuses in its reply. NULL: its replies say nothing. */
    uint64_t (*rejected)(const struct otel__export_reporter *reporter, const struct otel__grpc_reply *reply,
                         size_t count);
};

/* NULL when a setting is unusable or memory is short; `error` says why. Everything is copied but the format. */
otel_exporter *otel__grpc_exporter_create(const struct otel__grpc_format *format,
                                          const struct otel__grpc_settings *settings, otel_error *error);

otel__grpc_create_exporter otel__otlp_grpc_create, otel__jaeger_grpc_create;

#endif
