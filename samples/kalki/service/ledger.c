/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.c - see ledger.h.
 */
#include "service/ledger.h"

#include "service/say.h"
#include "service/text.h"

#include <errno.h>
#include <inttypes.h>
#include <otel/sdk.h>
#include <stdio.h>
#include <string.h>

/* The ledger in the four numbers that people ask for. */
struct summary {
    uint64_t made, sampled, exported, lost;
};

static uint64_t dropped_by(const otel_ledger_processor *processor) {
    return processor->rejected + processor->dropped_queue_full + processor->dropped_failed +
           processor->dropped_too_large + processor->dropped_stopped;
}

/* With several processors a span is exported when all have exported it, and lost when one has lost it. */
static struct summary summarise(const otel_ledger *ledger) {
    struct summary summary = { .made = ledger->started + ledger->unsampled + ledger->refused,
                               .sampled = ledger->started + ledger->refused };
    uint64_t dropped = 0;
    for (size_t i = 0; i < ledger->processor_count; i++) {
        const otel_ledger_processor *processor = &ledger->processors[i];
        if (i == 0 || processor->exported < summary.exported)
            summary.exported = processor->exported;
        if (dropped_by(processor) > dropped)
            dropped = dropped_by(processor);
    }
    summary.lost = ledger->refused + ledger->abandoned + dropped;
    return summary;
}

static otel_ledger read_ledger(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger;
}

void ledger_print(const char *service_name) {
    otel_ledger ledger = read_ledger();
    struct summary sum = summarise(&ledger);
    say(stderr, "%s: spans made %" PRIu64 ", sampled %" PRIu64 ", exported %" PRIu64 ", lost %" PRIu64, service_name,
        sum.made, sum.sampled, sum.exported, sum.lost);
}

static void add_number(struct text *json, const char *name, uint64_t number) {
    text_addf(json, ",\"%s\":%" PRIu64, name, number);
}

static void add_processor(struct text *json, const otel_ledger_processor *processor) {
    text_addf(json, "{\"name\":");
    text_add_json(json, processor->name, strlen(processor->name));
    add_number(json, "ended", processor->ended);
    add_number(json, "exported", processor->exported);
    add_number(json, "rejected", processor->rejected);
    add_number(json, "dropped_queue_full", processor->dropped_queue_full);
    add_number(json, "dropped_failed", processor->dropped_failed);
    add_number(json, "dropped_too_large", processor->dropped_too_large);
    add_number(json, "dropped_stopped", processor->dropped_stopped);
    add_number(json, "queued", processor->queued);
    add_number(json, "in_flight", processor->in_flight);
    add_number(json, "not_sampled", processor->not_sampled);
    add_number(json, "exports", processor->exports);
    text_addf(json, "}");
}

static void add_ledger(struct text *json, const char *service_name, const otel_ledger *ledger) {
    struct summary sum = summarise(ledger);
    text_addf(json, "{\"service\":");
    text_add_json(json, service_name, strlen(service_name));
    add_number(json, "made", sum.made);
    add_number(json, "sampled", sum.sampled);
    add_number(json, "exported", sum.exported);
    add_number(json, "lost", sum.lost);
    add_number(json, "started", ledger->started);
    add_number(json, "ended", ledger->ended);
    add_number(json, "live", ledger->live);
    add_number(json, "abandoned", ledger->abandoned);
    add_number(json, "unsampled", ledger->unsampled);
    add_number(json, "refused", ledger->refused);
    add_number(json, "dropped_attributes", ledger->dropped_attributes);
    add_number(json, "dropped_events", ledger->dropped_events);
    add_number(json, "dropped_links", ledger->dropped_links);
    add_number(json, "interrupted_calls", ledger->interrupted_calls);
    text_addf(json, ",\"processors\":[");
    for (size_t i = 0; i < ledger->processor_count; i++) {
        text_addf(json, "%s", i == 0 ? "" : ",");
        add_processor(json, &ledger->processors[i]);
    }
    text_addf(json, "]}\n");
}

bool ledger_write(const char *service_name, const char *path) {
    otel_ledger ledger = read_ledger();
    struct text json = { 0 };
    add_ledger(&json, service_name, &ledger);
    FILE *file = fopen(path, "w");
    bool written = file && !json.failed && fwrite(json.bytes, 1, json.length, file) == json.length;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        say(stderr, "%s: cannot write %s: %s", service_name, path, strerror(errno));
    text_free(&json);
    return written;
}
