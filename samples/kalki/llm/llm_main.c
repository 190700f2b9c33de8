/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm_main.c - kalki-llm: stands in for an external API.
 */
#include "llm/llm_handler.h"
#include "service/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

OTEL_TRACER(tracer, "kalki.llm", "1.0.0");

static bool serve(const struct service *service, struct llm *llm) {
    const struct health_check checks[] = {
        { .name = "file_system", .run = health_check_file_system, .data = (void *)service_data_folder(service) },
    };
    struct health *health = health_open(service->name, checks, sizeof checks / sizeof *checks);
    if (!health)
        return false;
    const struct traced_route items[] = {
        { .method = "POST", .path = "/v1/summary", .handler = llm_summarise, .service = llm },
        HEALTH_ROUTES(health),
    };
    struct traced_routes routes = { .tracer = tracer, .items = items, .count = sizeof items / sizeof *items };
    bool served = service_serve(service, &routes, health);
    health_close(health);
    return served;
}

int main(int argc, char **argv) {
    struct service service = SERVICE("kalki-llm", 8082);
    long latency_ms = 0, fail_every = 0, hang_every = 0;
    const struct option_entry options[] = {
        SERVICE_OPTIONS(service),
        { .name = "latency-ms", .help = "of every answer; default 0", .number = &latency_ms, .number_max = 60000 },
        { .name = "fail-every", .help = "let every N-th answer be 500", .number = &fail_every, .number_max = INT_MAX },
        { .name = "hang-every",
          .help = "let every N-th request wait for 5 s",
          .number = &hang_every,
          .number_max = INT_MAX },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    struct llm llm = { .latency_ms = latency_ms,
                       .fail_every = (unsigned long)fail_every,
                       .hang_every = (unsigned long)hang_every };
    if (!service_begin(&service))
        return EXIT_FAILURE;
    bool served = serve(&service, &llm);
    bool ended = service_end(&service);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
