/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - what both services do between the start of the program and its end: tracing on, serve, tracing off.
 *
 *     service_begin("kalki-query");
 *     bool served = service_serve("kalki-query", port, handler, data);
 *     service_end("kalki-query", ledger_file);
 */
#ifndef KALKI_SERVICE_H
#define KALKI_SERVICE_H

#include "http_server.h"

/** Holds back the signals that end the service, and starts the SDK. Call it before any thread is started. */
void service_begin(const char *name);

/** Serves until SIGTERM or SIGINT and lets the running requests finish; false when it cannot listen. */
bool service_serve(const char *name, unsigned short port, http_handler handler, void *data);

/** Exports what has been recorded, stops the SDK and tells what became of the spans; `ledger_file` may be NULL. */
bool service_end(const char *name, const char *ledger_file);

#endif
