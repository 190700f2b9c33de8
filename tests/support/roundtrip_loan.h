/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_loan.h - arguments that live for one call only. After the call they are overwritten and freed, so that a
 * library that keeps a pointer into them sends nonsense, and a sanitizer names the place.
 */
#ifndef ROUNDTRIP_LOAN_H
#define ROUNDTRIP_LOAN_H

#include "roundtrip_random.h"

struct roundtrip_loan {
    struct roundtrip_pool pool;
};

/* Without a NUL behind it; nonsense (a length without bytes) stays nonsense. */
otel_str roundtrip_lend(struct roundtrip_loan *loan, otel_str text);
/* A NUL-terminated copy; NULL for NULL. */
const char *roundtrip_lend_string(struct roundtrip_loan *loan, const char *text);
/* A NUL-terminated copy; NULL when there is a NUL inside or are no bytes at all. */
const char *roundtrip_lend_terminated(struct roundtrip_loan *loan, otel_str text);
otel_attrs roundtrip_lend_attrs(struct roundtrip_loan *loan, otel_attrs attributes);
void roundtrip_loan_end(struct roundtrip_loan *loan);

#endif
