/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.c - what share of its spans a program samples, as its environment says: OTEL_TRACES_SAMPLER and so on.
 *
 * usage: shares NAME...
 *
 * Until its standard input ends it starts root spans of each name, some hundred in each round, and writes after each
 * round how many there were and how many of them were sampled: "NAME COUNT SAMPLED" for each name, then a dot.
 */
#include <otel/sdk.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { SPANS = 500, PAUSE_MS = 50 };

OTEL_TRACER(lib, "shares");

static unsigned sampled_of(const char *name) {
    unsigned sampled = 0;
    for (unsigned i = 0; i < SPANS; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START(name));
        sampled += (otel_span_flags(&span) & OTEL_FLAG_SAMPLED) != 0;
        otel_span_end(&span);
    }
    return sampled;
}

static bool told_to_end(void) {
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&input, 1, PAUSE_MS) != 0;
}

int main(int argc, char **argv) {
    if (otel_sdk_start(NULL) != OTEL_OK)
        return 1;
    while (!told_to_end()) {
        for (int i = 1; i < argc; i++)
            printf("%s %d %u\n", argv[i], (int)SPANS, sampled_of(argv[i]));
        printf(".\n");
        fflush(stdout);
    }
    return otel_sdk_stop(10000) == OTEL_OK ? 0 : 1;
}
