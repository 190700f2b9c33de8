/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_generator.h - trace and span ids (specification: trace/sdk.md, Id Generators).
 *
 * Each thread has a generator of its own (xoshiro256++, a public-domain algorithm by Blackman and Vigna), seeded by
 * the kernel; its state lies in memory that fork() wipes, so that a child seeds anew. Ids are unpredictable enough not
 * to collide, and are no secrets.
 *
 * While a generator of the user's own is in use no thread's generator is seeded: the test for that, which is made
 * anyway, leads to the user's.
 */
#ifndef OTEL_SDK_ID_GENERATOR_H
#define OTEL_SDK_ID_GENERATOR_H

#include "local.h"

/* With no call running: where ids come from; NULL: they are random. */
void otel__ids_come_from(otel_id_generator *generator);

/* Never all zero. Returns the trace flags of the new trace. */
uint64_t otel__trace_id_new(struct otel__local *local, uint64_t words[2]);
uint64_t otel__span_id_new(struct otel__local *local);
/* Random words straight from the kernel: for seeds and what is made once. Keeps errno. */
void otel__random_words(uint64_t *words, size_t count);

/* Random ones, whatever is in use. All 16 bytes are random, so that the trace's random flag may be set. */
void otel__trace_id_random(struct otel__local *local, uint64_t words[2]);
uint64_t otel__span_id_random(struct otel__local *local);

#endif
