/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - reading the counts (otel_sdk_ledger of otel/sdk.h).
 */
#ifndef OTEL_SDK_LEDGER_H
#define OTEL_SDK_LEDGER_H

#include "provider.h"

/* Fills `ledger` from the counters and the provider's processors (NULL: none). */
void otel__ledger_read(otel_ledger *ledger, const struct otel__provider *provider, uint64_t abandoned);
/* With no call running: all counts become zero. */
void otel__ledger_reset(void);
/* In a forked child, whose other counts are wiped. */
void otel__ledger_after_fork(void);

#endif
