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

static bool run(unsigned short port, const char *query_url) {
    struct query_client client;
    if (!query_client_open(&client, query_url)) {
        fprintf(stderr, "kalki-gateway: cannot use --query-url %s\n", query_url);
        return false;
    }
    struct traced_route route = { .tracer = tracer, .path = "/search", .handler = gateway_handle, .service = &client };
    bool served = service_serve("kalki-gateway", port, traced_route_answer, &route);
    query_client_close(&client);
    return served;
}

int main(int argc, char **argv) {
    long port = 8080;
    const char *query_url = "http://127.0.0.1:8081", *ledger_file = NULL;
    const struct option_entry options[] = {
        { .name = "port", .help = "to listen on; 0: any free one; default 8080", .number = &port, .number_max = 65535 },
        { .name = "query-url", .help = "of kalki-query; default http://127.0.0.1:8081", .text = &query_url },
        { .name = "ledger-file", .help = "where to write what became of the spans", .text = &ledger_file },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    service_begin("kalki-gateway");
    bool served = run((unsigned short)port, query_url);
    bool ended = service_end("kalki-gateway", ledger_file);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
