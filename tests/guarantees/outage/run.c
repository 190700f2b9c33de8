/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - one life of an SDK whose server has a fault, and what became of its spans. */
#include "ledger_check.h"
#include "outage.h"

#include <otel/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

OTEL_TRACER(tracer, "guarantees.outage");

/* So much that a request does not fit into the kernel's buffers while nobody reads. */
enum { TEXT = 40000 };

static void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    abort();
}

struct taking {
    const struct protocol *protocol;
    struct counts counts;
};

static void take(void *data, const uint8_t *body, size_t len) {
    struct taking *taking = data;
    if (!taking->protocol->count(&taking->counts, body, len))
        die("a request has come whole that cannot be read");
}

static unsigned now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void start(const struct protocol *protocol, int port, int bound_ms) {
    const otel_batch_options options = { .size = sizeof options,
                                         .max_batch_size = BATCH,
                                         .schedule_delay_ms = 3600 * 1000 };
    otel_exporter *exporter = protocol->exporter(port, bound_ms);
    if (!exporter ||
        otel_sdk_start(OTEL_SDK(.service_name = "outage", .sampler = otel_sampler_always_on(),
                                .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_batch_processor(&options, exporter)))) != OTEL_OK)
        die("the SDK does not start");
}

static void record(void) {
    static char text[TEXT];
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < OFFERED; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("span"));
        otel_set(&span, "text", otel_strn(text, sizeof text));
        otel_span_end(&span);
    }
}

/* What the ledger says, and whether it adds up. */
static void read_ledger(struct outcome *outcome) {
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why))
        die(why);
    const otel_ledger_processor *p = &ledger.processors[0];
    if (ledger.ended != OFFERED || p->ended != OFFERED)
        die("spans were offered that the ledger does not know");
    outcome->exported = p->exported;
    outcome->lost = p->rejected + p->dropped_queue_full + p->dropped_failed + p->dropped_stopped;
}

struct outcome run(const struct protocol *protocol, const struct row *row, bool for_ever) {
    struct taking taking = { .protocol = protocol };
    struct outcome outcome = { .delivered = 0 };
    fault_server *server = fault_server_start(&row->fault, for_ever ? -1 : OUTAGE_MS, take, &taking);
    const unsigned begin = now_ms();
    start(protocol, fault_server_port(server), for_ever ? EVER_BOUND_MS : BOUND_MS);
    record();
    otel_sdk_flush(-1);
    outcome.ms = now_ms() - begin;
    otel_sdk_stop(-1);
    outcome.strikes = fault_server_stop(server);
    read_ledger(&outcome);
    outcome.delivered = taking.counts.ids.distinct;
    outcome.twice = taking.counts.duplicates;
    const uint64_t known = outcome.delivered + outcome.lost;
    outcome.unaccounted = known < OFFERED ? OFFERED - known : 0;
    counts_free(&taking.counts);
    return outcome;
}
