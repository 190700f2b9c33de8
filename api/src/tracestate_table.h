/* SPDX-License-Identifier: Apache-2.0 */
/* tracestate_table.h - where the texts of tracestates live; the rest of the interface is in backend.h. */
#ifndef OTEL_API_TRACESTATE_TABLE_H
#define OTEL_API_TRACESTATE_TABLE_H

#include "backend.h"

/* 32 members of a key and a value of 256 bytes each, `=` between them, commas between the members. */
#define OTEL__TRACESTATE_LONGEST (32u * (256u + 1u + 256u) + 31u)

#pragma GCC visibility push(hidden)
/*
 * Takes a place for `length` bytes and gives a strong reference to it. The caller fills the bytes, then publishes;
 * until then nobody else can read or take the place. NULL when `length` is 0 or too long, or when the table is full,
 * which is reported.
 */
char *otel__tracestate_reserve(size_t length, uint64_t *state);
void otel__tracestate_publish(uint64_t state);
#pragma GCC visibility pop

#endif
