/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_main.c - kalki-query: searches the documents.
 */
#include "options.h"
#include "query_handler.h"
#include "server_tracing.h"
#include "service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

OTEL_TRACER(tracer, "kalki.query", "1.0.0");

static bool serve(const struct service *service, struct query_service *query) {
    const struct health_check checks[] = {
        { .name = "file_system", .run = health_check_file_system, .data = (void *)service_data_folder(service) },
    };
    struct health *health = health_open(service->name, checks, sizeof checks / sizeof *checks);
    if (!health) {
        fprintf(stderr, "%s: out of memory\n", service->name);
        return false;
    }
    const struct traced_route items[] = {
        { .method = "GET", .path = "/query", .handler = query_handle, .service = query },
        HEALTH_ROUTES(health),
    };
    struct traced_routes routes = { .tracer = tracer, .items = items, .count = sizeof items / sizeof *items };
    bool served = service_serve(service, &routes, health);
    health_close(health);
    return served;
}

static bool run(const struct service *service, unsigned long fail_every) {
    struct query_service query;
    if (!query_service_open(&query, fail_every)) {
        fprintf(stderr, "kalki-query: out of memory\n");
        return false;
    }
    bool served = serve(service, &query);
    query_service_close(&query);
    return served;
}

int main(int argc, char **argv) {
    struct service service = SERVICE("kalki-query", 8081);
    long fail_every = 0;
    const struct option_entry options[] = {
        SERVICE_OPTIONS(service),
        { .name = "fail-every",
          .help = "let every N-th search fail; 0: none",
          .number = &fail_every,
          .number_max = INT_MAX },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    service_begin(&service);
    bool served = run(&service, (unsigned long)fail_every);
    bool ended = service_end(&service);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
