/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_main.c - kalki-query: searches the documents.
 */
#include "query/documents_handler.h"
#include "service/options.h"
#include "query/query_health.h"
#include "service/server_tracing.h"
#include "service/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

OTEL_TRACER(tracer, "kalki.query", "1.0.0");

static bool serve(const struct service *service, struct query_service *query) {
    const struct health_check checks[] = {
        { .name = "database", .run = query_health_database, .data = query },
        { .name = "index", .critical = true, .run = query_health_index, .data = query },
        { .name = "file_system", .run = health_check_file_system, .data = (void *)service_data_folder(service) },
    };
    struct health *health = health_open(service->name, checks, sizeof checks / sizeof *checks);
    if (!health)
        return false;
    const struct traced_route items[] = {
        { .method = "GET", .path = "/query", .handler = query_handle, .service = query },
        { .method = "POST", .path = "/documents", .handler = documents_handle_post, .service = query },
        { .method = "GET", .path = "/documents/{id}", .handler = documents_handle_get, .service = query },
        HEALTH_ROUTES(health),
    };
    struct traced_routes routes = { .tracer = tracer, .items = items, .count = sizeof items / sizeof *items };
    bool served = service_serve(service, &routes, health);
    health_close(health);
    return served;
}

static bool run(const struct service *service, const char *database_url, const char *password_file,
                unsigned long fail_every) {
    char why[256];
    /* Static, as a check of the database that hangs may outlive us. */
    static struct query_service query;
    query = (struct query_service){ .database = database_open(database_url, password_file, why, sizeof why),
                                    .fail_every = fail_every };
    if (!query.database) {
        options_refuse(service->name, "database-url", database_url, why);
        return false;
    }
    query.collection = collection_open(query.database);
    bool served = query.collection && serve(service, &query);
    if (query.collection)
        collection_close(query.collection);
    if (database_pool_state(query.database).used == 0)
        database_close(query.database);
    return served;
}

int main(int argc, char **argv) {
    struct service service = SERVICE("kalki-query", 8081);
    long fail_every = 0;
    const char *database_url = "sqlite::memory:", *password_file = NULL;
    const struct option_entry options[] = {
        SERVICE_OPTIONS(service),
        { .name = "database-url",
          .help = "postgresql://user@host:port/name or sqlite:FILE; default sqlite::memory:",
          .text = &database_url },
        { .name = "database-password-file", .help = "holds the password, in one line", .text = &password_file },
        { .name = "fail-every",
          .help = "let every N-th search fail; 0: none",
          .number = &fail_every,
          .number_max = INT_MAX },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    if (!service_begin(&service))
        return EXIT_FAILURE;
    bool served = run(&service, database_url, password_file, (unsigned long)fail_every);
    bool ended = service_end(&service);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
