/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy.h - a sampling strategy as Jaeger gives it to a service (jaeger-idl, sampling.proto), and how one is fetched.
 *
 * The messages hold up to three strategies and a type, which is of no account: operationSampling comes first, then
 * probabilisticSampling, then rateLimitingSampling (otel__strategy_choose()).
 */
#ifndef OTEL_SDK_STRATEGY_H
#define OTEL_SDK_STRATEGY_H

#include <otel/status.h>
#include <otel/types.h>

/* Of an answer, and of the operations in it. */
enum { OTEL__STRATEGY_BYTES_MAX = 1024 * 1024, OTEL__STRATEGY_OPERATIONS_MAX = 4096 };

enum otel__strategy_kind {
    OTEL__STRATEGY_NONE,
    OTEL__STRATEGY_PROBABILISTIC,
    OTEL__STRATEGY_RATE_LIMITING,
    OTEL__STRATEGY_PER_OPERATION
};

struct otel__strategy_operation {
    otel_str name; /* malloc'ed */
    double probability;
};

/* Zero is none. */
struct otel__strategy {
    enum otel__strategy_kind kind;
    double probability; /* of operations that are not listed, where they are told apart */
    double rate;        /* traces per second; of each operation at least */
    struct otel__strategy_operation *operations;
    size_t operation_count;
};

/* What a message holds, in the order of its fields or any other. */
struct otel__strategy_parts {
    bool has_probabilistic, has_rate_limiting, has_operations;
    double probability, rate; /* of the first two */
    struct otel__strategy per_operation;
};

/* Copies the name. False: out of memory, or more operations than may be. */
bool otel__strategy_add(struct otel__strategy *strategy, otel_str name, double probability);
/*
 * The strategy that counts, which takes over what the parts own. NULL; or why there is none that can be used, a static
 * phrase.
 */
const char *otel__strategy_choose(struct otel__strategy_parts *parts, struct otel__strategy *strategy);
bool otel__strategy_same(const struct otel__strategy *a, const struct otel__strategy *b);
void otel__strategy_free(struct otel__strategy *strategy);

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

enum otel__fetch { OTEL__FETCH_UNDER_WAY, OTEL__FETCH_ANSWERED, OTEL__FETCH_FAILED };

struct otel__fetched {
    const uint8_t *body; /* valid until the next call */
    size_t len;
    char problem[640]; /* why it failed */
    const char *hint;  /* what is usually behind that, as a sentence; NULL: nothing known */
};

/*
 * Calls come from one thread at a time and never wait for anything; those about forks are as in otel/exporter.h. Nobody
 * needs to call any of them at any time: what is under way rests then.
 */
struct otel__strategy_source_ops {
    /* Once, before the first fetch. False: `error` says why there will be none. */
    bool (*bind)(void *self, otel_str service, otel_error *error);
    enum otel__fetch (*begin)(void *self, uint64_t deadline, struct otel__fetched *out);
    enum otel__fetch (*step)(void *self, struct otel__fetched *out);
    /* Ends what is under way, and says how far it had come. */
    void (*give_up)(void *self, struct otel__fetched *out);
    void (*before_fork)(void *self);
    bool (*at_rest)(void *self);
    void (*after_fork)(void *self, bool in_child);
    void (*destroy)(void *self);
    /* NULL; or what is wrong with an answer, a static phrase. */
    const char *(*read)(const uint8_t *body, size_t len, struct otel__strategy *strategy);
    /* A process that has fetched may not fork: the first fetch waits until a span is to be sampled. */
    bool late;
};

struct otel__strategy_source {
    const struct otel__strategy_source_ops *ops;
    void *self;
};

#endif
