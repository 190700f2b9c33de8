/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - see service.h.
 */
#include "service/service.h"

#include "service/ledger.h"
#include "service/measures.h"
#include "service/options.h"
#include "service/say.h"

#include <errno.h>
#include <otel/log.h>
#include <otel/sdk.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAIN_MS 5000
#define EXPORT_MS 5000

OTEL_LOGGER(logger, "kalki.service");

static sigset_t ending_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

/* DEFAULT: no such level. */
static otel_severity severity_named(const char *name) {
    static const struct {
        const char *name;
        otel_severity severity;
    } levels[] = {
        { "debug", OTEL_SEVERITY_DEBUG }, { "info", OTEL_SEVERITY_INFO },         { "warning", OTEL_SEVERITY_WARNING },
        { "error", OTEL_SEVERITY_ERROR }, { "critical", OTEL_SEVERITY_CRITICAL }, { "none", OTEL_SEVERITY_NONE },
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(levels[i].name, name) == 0)
            return levels[i].severity;
    }
    return OTEL_SEVERITY_DEFAULT;
}

/* Lines go to stderr. A service that nobody told anything is quiet as long as all is well. */
static bool begin_log(const struct service *service) {
    otel_severity severity = OTEL_SEVERITY_DEFAULT;
    const char *of_all = getenv("OTEL_C_LOG_LEVEL");
    if (service->log_level) {
        severity = severity_named(service->log_level);
        if (severity == OTEL_SEVERITY_DEFAULT) {
            options_refuse(service->name, "log-level", service->log_level,
                           "it is none of debug, info, warning, error, critical, none");
            return false;
        }
    } else if (!of_all || !of_all[0]) {
        severity = OTEL_SEVERITY_WARNING;
    }
    otel_log_configure(OTEL_LOG_OPTIONS(.severity = severity));
    return true;
}

bool service_begin(const struct service *service) {
    if (!begin_log(service))
        return false;
    /* Every later thread inherits the mask, so that only sigwait() below sees these signals. */
    sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* nobody reads what we write any more: no reason to end */

    /* A service is worth more than its traces: when tracing cannot start, it runs on without. */
    otel_error why;
    /* Who asks for a level reads the log by a program: what the SDK has to say belongs there too. */
    otel_diagnostic diagnostic = service->log_level ? otel_diagnostic_log : NULL;
    if (otel_sdk_start(OTEL_SDK(.service_name = service->name, .diagnostic = diagnostic, .error = &why)) != OTEL_OK)
        say(stderr, "%s: tracing is off: %s", service->name, why.text);
    measures_begin(service_data_folder(service));
    return true;
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
        say(stderr, "%s: cannot listen on %s, port %ld: %s", name, listen, service->port, strerror(errno));
        return false;
    }
    bool v6 = strchr(listen, ':') != NULL;
    say(stdout, "%s: listening on http://%s%s%s:%u", name, v6 ? "[" : "", listen, v6 ? "]" : "",
        http_server_port(server));
    otel_log_info(logger, "listening", OTEL_ATTR("service", name), OTEL_ATTR("address", listen),
                  OTEL_ATTR("port", http_server_port(server)));
    wait_for_the_end(service, health);
    otel_log_info(logger, "stopping", OTEL_ATTR("service", name));
    http_server_stop(server, DRAIN_MS);
    otel_log_info(logger, "stopped", OTEL_ATTR("service", name));
    return true;
}

bool service_end(const struct service *service) {
    measures_end();
    /* After the last request has ended, so that its spans are among those that are exported. */
    otel_status status = otel_sdk_stop(EXPORT_MS);
    if (status != OTEL_OK)
        say(stderr, "%s: stopping the SDK: %s", service->name, otel_status_text(status));
    /* The file first: the line may have to wait for a reader. */
    bool written = !service->ledger_file || ledger_write(service->name, service->ledger_file);
    ledger_print(service->name);
    return written;
}
