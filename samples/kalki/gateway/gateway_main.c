/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_main.c - kalki-gateway: what callers talk to.
 */
#include "gateway/gateway_handler.h"
#include "gateway/gateway_health.h"
#include "gateway/gateway_upkeep.h"
#include "service/ticker.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>

OTEL_TRACER(tracer, "kalki.gateway", "1.0.0");

#define NO_URL "it is no URL with http or https and without a user"

struct settings {
    const char *query_url, *cache_url, *llm_url;
    long cache_seconds;
};

/* ---- what the gateway consists of ---- */

static bool open_clients(struct gateway *gateway, const struct settings *settings, const char *name) {
    if (!http_client_open(&gateway->query, "query", settings->query_url)) {
        options_refuse(name, "query-url", settings->query_url, NO_URL);
        return false;
    }
    if (settings->llm_url && !http_client_open(&gateway->llm, "llm", settings->llm_url)) {
        options_refuse(name, "llm-url", settings->llm_url, NO_URL);
        return false;
    }
    return true;
}

static bool open_cache(struct gateway *gateway, const struct settings *settings, const char *name) {
    struct text why = { 0 };
    gateway->cache = cache_open(settings->cache_url, &why);
    gateway->cache_seconds = (unsigned)settings->cache_seconds;
    if (!gateway->cache)
        options_refuse(name, "cache-url", settings->cache_url, why.bytes ? why.bytes : "out of memory");
    text_free(&why);
    return gateway->cache;
}

static void close_all(struct gateway *gateway) {
    cache_close(gateway->cache);
    http_client_close(&gateway->llm);
    http_client_close(&gateway->query);
    http_clients_end();
}

/* ---- serving ---- */

static struct health *open_health(const struct service *service, struct gateway *gateway) {
    const struct health_check checks[] = {
        { .name = "query_service", .critical = true, .run = gateway_check_query, .data = gateway },
        { .name = "database", .run = gateway_check_database, .data = gateway },
        { .name = "cache", .run = gateway_check_cache, .data = gateway },
        { .name = "file_system", .run = health_check_file_system, .data = (void *)service_data_folder(service) },
        { .name = "llm", .run = gateway_check_llm, .data = gateway },
    };
    size_t count = sizeof checks / sizeof *checks;
    return health_open(service->name, checks, gateway->llm.base_url ? count : count - 1);
}

static bool serve(const struct service *service, struct gateway *gateway) {
    struct health *health = open_health(service, gateway);
    if (!health)
        return false;
    const struct traced_route items[] = {
        { .method = "GET", .path = "/search", .handler = gateway_search, .service = gateway },
        { .method = "POST", .path = "/documents", .handler = gateway_ingest, .service = gateway },
        { .method = "GET", .path = "/documents/{id}", .handler = gateway_document, .service = gateway },
        { .method = "GET", .path = "/sessions", .handler = gateway_sessions, .service = gateway },
        HEALTH_ROUTES(health),
    };
    struct traced_routes routes = { .tracer = tracer, .items = items, .count = sizeof items / sizeof *items };
    struct ticker *upkeep = ticker_start(UPKEEP_MS, gateway_upkeep, gateway->cache);
    bool served = service_serve(service, &routes, health);
    ticker_stop(upkeep);
    health_close(health);
    return served;
}

static bool run(const struct service *service, const struct settings *settings) {
    struct gateway gateway = { .cache = NULL };
    if (!http_clients_begin())
        return false;
    bool served = open_clients(&gateway, settings, service->name) && open_cache(&gateway, settings, service->name) &&
                  serve(service, &gateway);
    close_all(&gateway);
    return served;
}

int main(int argc, char **argv) {
    struct service service = SERVICE("kalki-gateway", 8080);
    struct settings settings = { .query_url = "http://127.0.0.1:8081", .cache_url = "memory:" };
    const struct option_entry options[] = {
        SERVICE_OPTIONS(service),
        { .name = "query-url", .help = "of kalki-query; default http://127.0.0.1:8081", .text = &settings.query_url },
        { .name = "llm-url", .help = "of kalki-llm; default none: no summaries", .text = &settings.llm_url },
        { .name = "cache-url", .help = "memory: (the default) or redis://host:port", .text = &settings.cache_url },
        { .name = "cache-seconds",
          .help = "how long answers are kept; default 0: not at all",
          .number = &settings.cache_seconds,
          .number_max = 86400 },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    if (!service_begin(&service))
        return EXIT_FAILURE;
    bool served = run(&service, &settings);
    bool ended = service_end(&service);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
