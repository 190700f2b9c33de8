/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_main.c - kalki-gateway: what callers talk to.
 */
#include "gateway_handler.h"
#include "options.h"
#include "query_client.h"
#include "server_tracing.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>

OTEL_TRACER(tracer, "kalki.gateway", "1.0.0");

static bool serve(const struct service *service, struct http_client *client) {
    const struct health_check checks[] = {
        { .name = "file_system", .run = health_check_file_system, .data = (void *)service_data_folder(service) },
    };
    struct health *health = health_open(service->name, checks, sizeof checks / sizeof *checks);
    if (!health) {
        fprintf(stderr, "%s: out of memory\n", service->name);
        return false;
    }
    const struct traced_route items[] = {
        { .method = "GET", .path = "/search", .handler = gateway_handle, .service = client },
        HEALTH_ROUTES(health),
    };
    struct traced_routes routes = { .tracer = tracer, .items = items, .count = sizeof items / sizeof *items };
    bool served = service_serve(service, &routes, health);
    health_close(health);
    return served;
}

static bool run(const struct service *service, const char *query_url) {
    struct http_client client;
    if (!http_clients_begin())
        return false;
    if (!http_client_open(&client, "query", query_url)) {
        fprintf(stderr, "%s: cannot use --query-url %s\n", service->name, query_url);
        http_clients_end();
        return false;
    }
    bool served = serve(service, &client);
    http_client_close(&client);
    http_clients_end();
    return served;
}

int main(int argc, char **argv) {
    struct service service = SERVICE("kalki-gateway", 8080);
    const char *query_url = "http://127.0.0.1:8081";
    const struct option_entry options[] = {
        SERVICE_OPTIONS(service),
        { .name = "query-url", .help = "of kalki-query; default http://127.0.0.1:8081", .text = &query_url },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    service_begin(&service);
    bool served = run(&service, query_url);
    bool ended = service_end(&service);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
