/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - see ledger.h. */
#include "ledger.h"

#include "processor_custom.h"

/* Interrupted calls are counted by the API since the process began, or its parent that counted first. */
static uint64_t interrupted_before;

void otel__ledger_reset(void) {
    otel__locals_reset();
    interrupted_before = otel__interrupted_calls();
}

void otel__ledger_after_fork(void) { interrupted_before = otel__interrupted_calls(); }

void otel__ledger_read(otel_ledger *ledger, const struct otel__provider *provider, uint64_t abandoned) {
    *ledger = (otel_ledger){ .size = sizeof *ledger,
                             .started = otel__locals_sum(OTEL__STARTED),
                             .ended = otel__locals_sum(OTEL__ENDED),
                             .live = otel__records_live(),
                             .abandoned = abandoned,
                             .unsampled = otel__locals_sum(OTEL__UNSAMPLED),
                             .refused = otel__locals_sum(OTEL__REFUSED),
                             .dropped_attributes = otel__locals_sum(OTEL__DROPPED_ATTRIBUTES),
                             .dropped_events = otel__locals_sum(OTEL__DROPPED_EVENTS),
                             .dropped_links = otel__locals_sum(OTEL__DROPPED_LINKS),
                             .interrupted_calls = otel__interrupted_calls() - interrupted_before };
    if (!provider)
        return;
    ledger->processor_count = provider->pipeline.processor_count;
    for (size_t i = 0; i < ledger->processor_count; i++) {
        const otel_processor *processor = provider->pipeline.processors[i];
        (otel__processor_is_custom(processor) ? otel__custom_ledger : otel__processor_ledger)(processor,
                                                                                              &ledger->processors[i]);
    }
}
