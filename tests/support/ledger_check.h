/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_check.h - the identities of the ledger, also for programs and plug-ins that are no tests themselves: it needs
 * nothing but the SDK.
 */
#ifndef OTEL_TEST_LEDGER_CHECK_H
#define OTEL_TEST_LEDGER_CHECK_H

#include <otel/sdk.h>

/* Whether both identities of the ledger hold; otherwise `why` says which did not, with its numbers. */
bool ledger_balances(const otel_ledger *ledger, char *why, size_t size);

#endif
