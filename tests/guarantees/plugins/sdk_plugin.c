/* SPDX-License-Identifier: Apache-2.0 */
/* sdk_plugin.c - a plug-in that links the SDK; see sdk_plugin.h. */
#include "sdk_plugin.h"

#include "ledger_check.h"

#include <otel/console.h>
#include <otel/memory.h>
#include <otel/sdk.h>
#include <stdio.h>

enum { NEVER_MS = 3600 * 1000 };

OTEL_TRACER(tracer, "sdk_plugin");

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self, (void)timeout_ms, (void)outcome;
    return otel_batch_count(batch) > 0 ? OTEL_OK : OTEL_ERR_EXPORT;
}

/* Lives as long as the plug-in: good for an SDK that is stopped before. */
static char own_name[] = "itself";
static otel_exporter_ops own_ops = { .size = sizeof own_ops, .name = own_name, .export_batch = export_batch };

static otel_exporter *make_exporter(int exporter) {
    if (exporter == TO_STDOUT)
        return otel_console_exporter(stdout);
    if (exporter == TO_ITSELF)
        return otel_exporter_create(&own_ops, NULL);
    otel_memory *memory = otel_memory_create(0);
    otel_exporter *made = otel_memory_exporter(memory);
    otel_memory_release(memory);
    return made;
}

/* Never called after the stop, which forgets it. */
static void note_nothing(void *data, otel_log_level level, const char *text) { (void)data, (void)level, (void)text; }

static int start(int exporter) {
    const otel_batch_options late = { .size = sizeof late, .schedule_delay_ms = NEVER_MS };
    return (int)otel_sdk_start(
        OTEL_SDK(.service_name = "plug-in", .sampler = otel_sampler_always_on(), .start_worker = true,
                 .diagnostic = exporter == TO_ITSELF ? note_nothing : NULL,
                 .processors = OTEL_PROCESSORS(otel_batch_processor(&late, make_exporter(exporter)))));
}

static void work(unsigned spans) {
    for (unsigned i = 0; i < spans; i++) {
        OTEL_SPAN(span, tracer, "work");
        otel_set(&span, "number", (int)i);
    }
}

/* -1: it stopped, but its ledger does not balance. */
static int stop(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    char why[512];
    const otel_status status = otel_sdk_stop(10000);
    otel_sdk_ledger(&ledger);
    if (ledger_balances(&ledger, why, sizeof why))
        return (int)status;
    fprintf(stderr, "%s\n", why);
    return -1;
}

static unsigned exported(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_flush(10000);
    otel_sdk_ledger(&ledger);
    return (unsigned)ledger.processors[0].exported;
}

static const char *processor(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0].name;
}

static void complain(void) { otel_report(OTEL_LOG_INFO, "plug-in", "this goes to stderr, since no SDK runs"); }

extern const struct sdk_plugin sdk_plugin;
__attribute__((visibility("default"))) const struct sdk_plugin sdk_plugin = {
    .start = start, .work = work, .stop = stop, .exported = exported, .processor = processor, .complain = complain
};
