/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - see service.h.
 */
#include "service.h"

#include "ledger.h"

#include <errno.h>
#include <otel/sdk.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DRAIN_MS 5000
#define EXPORT_MS 5000

static sigset_t ending_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

void service_begin(const char *name) {
    /* Every later thread inherits the mask, so that only sigwait() below sees these signals. */
    sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    /* A service is worth more than its traces: when tracing cannot start, it runs on without. */
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = name, .error = &why)) != OTEL_OK)
        fprintf(stderr, "%s: tracing is off: %s\n", name, why.text);
}

bool service_serve(const char *name, unsigned short port, http_handler handler, void *data) {
    struct http_server *server = http_server_start(port, handler, data);
    if (!server) {
        fprintf(stderr, "%s: cannot listen on port %u: %s\n", name, port, strerror(errno));
        return false;
    }
    printf("%s: listening on http://127.0.0.1:%u\n", name, http_server_port(server));
    fflush(stdout);

    sigset_t signals = ending_signals();
    int signal_number;
    sigwait(&signals, &signal_number);
    http_server_stop(server, DRAIN_MS);
    return true;
}

bool service_end(const char *name, const char *ledger_file) {
    /* After the last request has ended, so that its spans are among those that are exported. */
    otel_status status = otel_sdk_stop(EXPORT_MS);
    if (status != OTEL_OK)
        fprintf(stderr, "%s: stopping the SDK: %s\n", name, otel_status_text(status));
    ledger_print(name);
    return !ledger_file || ledger_write(name, ledger_file);
}
