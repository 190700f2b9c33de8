/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - see service.h.
 */
#include "service.h"

#include "ledger.h"
#include "measures.h"

#include <errno.h>
#include <otel/sdk.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DRAIN_MS 5000
#define EXPORT_MS 5000

static sigset_t ending_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

void service_begin(const struct service *service) {
    /* Every later thread inherits the mask, so that only sigwait() below sees these signals. */
    sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    /* A service is worth more than its traces: when tracing cannot start, it runs on without. */
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = service->name, .error = &why)) != OTEL_OK)
        fprintf(stderr, "%s: tracing is off: %s\n", service->name, why.text);
    measures_begin(service_data_folder(service));
}

const char *service_data_folder(const struct service *service) {
    return service->data_folder ? service->data_folder : ".";
}

static void wait_for_the_end(const struct service *service, struct health *health) {
    sigset_t signals = ending_signals();
    int signal_number;
    sigwait(&signals, &signal_number);
    if (health)
        health_stopping(health);
    /* A second signal cuts the delay short. */
    struct timespec delay = { .tv_sec = service->stop_delay_ms / 1000,
                              .tv_nsec = service->stop_delay_ms % 1000 * 1000000L };
    if (service->stop_delay_ms > 0)
        sigtimedwait(&signals, NULL, &delay);
}

bool service_serve(const struct service *service, struct traced_routes *routes, struct health *health) {
    const char *name = service->name, *listen = service->listen;
    struct http_server *server = http_server_start(listen, (unsigned short)service->port, traced_routes_answer, routes);
    if (!server) {
        fprintf(stderr, "%s: cannot listen on %s, port %ld: %s\n", name, listen, service->port, strerror(errno));
        return false;
    }
    bool v6 = strchr(listen, ':') != NULL;
    printf("%s: listening on http://%s%s%s:%u\n", name, v6 ? "[" : "", listen, v6 ? "]" : "", http_server_port(server));
    fflush(stdout);
    wait_for_the_end(service, health);
    http_server_stop(server, DRAIN_MS);
    return true;
}

bool service_end(const struct service *service) {
    measures_end();
    /* After the last request has ended, so that its spans are among those that are exported. */
    otel_status status = otel_sdk_stop(EXPORT_MS);
    if (status != OTEL_OK)
        fprintf(stderr, "%s: stopping the SDK: %s\n", service->name, otel_status_text(status));
    ledger_print(service->name);
    return !service->ledger_file || ledger_write(service->name, service->ledger_file);
}
