/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_fixture.h - asking samplers without an SDK around them, and comparing what they answer. */
#ifndef OTEL_TEST_SAMPLER_FIXTURE_H
#define OTEL_TEST_SAMPLER_FIXTURE_H

#include "sampler.h"

#include <jansson.h>

struct question {
    uint8_t trace_id[16];
    otel_span parent;
    bool has_parent;
    uint64_t parent_state; /* strong, dropped by forget() */
    struct otel__sampled answer;
};

/* Set-up and teardown that keep reports. */
int samplers_begin(void **state);
int samplers_end(void **state);

/* About a root with that trace id. */
struct question question(const char *trace_id);
/* R is 0x9000..., that is, kept at th:8 and dropped at th:c. */
extern const char id_9[];
/* With the random flag. */
struct question with_parent(struct question q, bool remote, bool sampled, const char *tracestate);
void ask(struct question *q, const otel_sampler *sampler);
void forget(struct question *q);

/* Of the answer. */
void assert_state(const struct question *q, const char *expected);
/* The items of the `ot` that came out are those of the object; `without` is left out of the comparison. */
void assert_ot(const struct question *q, const json_t *expected, const char *without);
/* The other members are those of the array. */
void assert_others(const struct question *q, const json_t *expected);
/* Asks once and compares everything; no attributes are expected. */
void check(const otel_sampler *sampler, struct question q, otel_decision decision, const char *tracestate);

/* Destroys the sampler. */
void assert_description(otel_sampler *sampler, const char *expected);
/* The next of a row of evenly distributed words. */
uint64_t random_bits(uint64_t *seed);

#endif
