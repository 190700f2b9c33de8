/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_generator.h - random trace and span ids (specification: trace/sdk.md, Id Generators).
 *
 * Each thread has a generator of its own (xoshiro256++, a public-domain algorithm by Blackman and Vigna), seeded by
 * the kernel; its state lies in memory that fork() wipes, so that a child seeds anew. Ids are unpredictable enough not
 * to collide, and are no secrets.
 */
#ifndef OTEL_SDK_ID_GENERATOR_H
#define OTEL_SDK_ID_GENERATOR_H

#include "local.h"

/* Never all zero. All 16 bytes are random, so that the trace's random flag may be set. */
void otel__trace_id_new(struct otel__local *local, uint64_t words[2]);
uint64_t otel__span_id_new(struct otel__local *local);

#endif
