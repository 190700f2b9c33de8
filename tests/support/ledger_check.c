/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_check.c - see ledger_check.h. */
#include "ledger_check.h"

#include <inttypes.h>
#include <stdio.h>

static bool processor_balances(const otel_ledger_processor *p, char *why, size_t size) {
    const uint64_t sum = p->exported + p->rejected + p->dropped_queue_full + p->dropped_failed + p->dropped_too_large +
                         p->dropped_stopped + p->queued + p->in_flight + p->not_sampled;
    if (p->ended == sum)
        return true;
    snprintf(why, size,
             "%s: ended %" PRIu64 " is not %" PRIu64 " = exported %" PRIu64 " + rejected %" PRIu64
             " + queue full %" PRIu64 " + failed %" PRIu64 " + too large %" PRIu64 " + stopped %" PRIu64
             " + queued %" PRIu64 " + in flight %" PRIu64 " + not sampled %" PRIu64,
             p->name ? p->name : "(no name)", p->ended, sum, p->exported, p->rejected, p->dropped_queue_full,
             p->dropped_failed, p->dropped_too_large, p->dropped_stopped, p->queued, p->in_flight, p->not_sampled);
    return false;
}

bool ledger_balances(const otel_ledger *ledger, char *why, size_t size) {
    if (ledger->started != ledger->ended + ledger->live + ledger->abandoned) {
        snprintf(why, size, "started %" PRIu64 " is not ended %" PRIu64 " + live %" PRIu64 " + abandoned %" PRIu64,
                 ledger->started, ledger->ended, ledger->live, ledger->abandoned);
        return false;
    }
    for (size_t i = 0; i < ledger->processor_count; i++)
        if (!processor_balances(&ledger->processors[i], why, size))
            return false;
    return true;
}
