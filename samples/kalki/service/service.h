/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - what all services do between the start of the program and its end: logs and tracing on, serve, tracing off.
 *
 *     struct service service = SERVICE("kalki-query", 8081);
 *     const struct option_entry options[] = { SERVICE_OPTIONS(service), ... };
 *     if (!options_parse(...)) ...
 *     if (!service_begin(&service)) ...
 *     bool served = service_serve(&service, &routes, health);
 *     service_end(&service);
 */
#ifndef KALKI_SERVICE_H
#define KALKI_SERVICE_H

#include "service/health.h"
#include "service/options.h"
#include "service/server_tracing.h"

/** Which service this is, and what all of them may be told. */
struct service {
    const char *name;
    const char *listen;
    long port;
    long stop_delay_ms;      /* goes on serving for so long after the signal to end, with /health/ready saying 503 */
    const char *data_folder; /* the folder whose file system is watched; NULL: the working directory */
    const char *ledger_file; /* may be NULL */
    const char *log_level;   /* NULL: what OTEL_C_LOG_LEVEL says, or warning */
};

#define SERVICE(service_name, default_port)                                                                            \
    { .name = (service_name), .listen = "127.0.0.1", .port = (default_port) }

/** Rows of a table of options. */
#define SERVICE_OPTIONS(service)                                                                                       \
    { .name = "port", .help = "to listen on; 0: any free one", .number = &(service).port, .number_max = 65535 },       \
        { .name = "listen", .help = "address to listen on; default 127.0.0.1", .text = &(service).listen },            \
        { .name = "stop-delay-ms",                                                                                     \
          .help = "how long to serve on, not ready, after SIGTERM; default 0",                                         \
          .number = &(service).stop_delay_ms,                                                                          \
          .number_max = 600000 },                                                                                      \
        { .name = "data-dir",                                                                                          \
          .help = "a folder to write to; default: the one it is started in",                                           \
          .text = &(service).data_folder },                                                                            \
        { .name = "log-level",                                                                                         \
          .help = "debug, info, warning (the default), error, critical or none",                                       \
          .text = &(service).log_level },                                                                              \
    {                                                                                                                  \
        .name = "ledger-file", .help = "where to write what became of the spans", .text = &(service).ledger_file       \
    }

/**
 * Holds back the signals that end the service, and starts the log and the SDK. Call it before any thread is started. False,
 * with a message, for a log level that there is not.
 */
bool service_begin(const struct service *service);

/** The folder whose file system is watched. */
const char *service_data_folder(const struct service *service);

/**
 * Serves until SIGTERM or SIGINT and lets the running requests finish; false when it cannot listen. `health`, which may be
 * NULL, is told when the end begins.
 */
bool service_serve(const struct service *service, struct traced_routes *routes, struct health *health);

/** Exports what has been recorded, stops the SDK and tells what became of the spans. */
bool service_end(const struct service *service);

#endif
