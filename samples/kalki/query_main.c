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

static bool run(unsigned short port, unsigned long fail_every) {
    struct query_service query;
    if (!query_service_open(&query, fail_every)) {
        fprintf(stderr, "kalki-query: out of memory\n");
        return false;
    }
    struct traced_route route = { .tracer = tracer, .path = "/query", .handler = query_handle, .service = &query };
    bool served = service_serve("kalki-query", port, traced_route_answer, &route);
    query_service_close(&query);
    return served;
}

int main(int argc, char **argv) {
    long port = 8081, fail_every = 0;
    const char *ledger_file = NULL;
    const struct option_entry options[] = {
        { .name = "port", .help = "to listen on; 0: any free one; default 8081", .number = &port, .number_max = 65535 },
        { .name = "fail-every",
          .help = "let every N-th search fail; 0: none",
          .number = &fail_every,
          .number_max = INT_MAX },
        { .name = "ledger-file", .help = "where to write what became of the spans", .text = &ledger_file },
    };
    if (!options_parse(argc, argv, options, sizeof options / sizeof *options))
        return EXIT_FAILURE;
    service_begin("kalki-query");
    bool served = run((unsigned short)port, (unsigned long)fail_every);
    bool ended = service_end("kalki-query", ledger_file);
    return served && ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
