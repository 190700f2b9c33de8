/* SPDX-License-Identifier: Apache-2.0 */
/* strategy.c - see strategy.h. */
#include "base/strategy.h"

#include <stdlib.h>
#include <string.h>

static bool is_probability(double value) { return value >= 0 && value <= 1; }

/* Neither negative nor infinite nor NaN. */
static bool is_rate(double value) { return value >= 0 && value <= 1e15; }

bool otel__strategy_add(struct otel__strategy *strategy, otel_str name, double probability) {
    const size_t count = strategy->operation_count;
    if (count == OTEL__STRATEGY_OPERATIONS_MAX)
        return false;
    if ((count & (count - 1)) == 0) { /* room for twice as many, at each power of two */
        struct otel__strategy_operation *more =
            realloc(strategy->operations, (count ? 2 * count : 1) * sizeof *strategy->operations);
        if (!more)
            return false;
        strategy->operations = more;
    }
    char *copy = malloc(name.len + 1);
    if (!copy)
        return false;
    if (name.len)
        memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    strategy->operations[strategy->operation_count++] =
        (struct otel__strategy_operation){ .name = { copy, name.len }, .probability = probability };
    return true;
}

static const char *check_operations(const struct otel__strategy *strategy) {
    if (!is_probability(strategy->probability))
        return "its defaultSamplingProbability is not from 0 to 1";
    if (!is_rate(strategy->rate))
        return "its defaultLowerBoundTracesPerSecond is no rate";
    for (size_t i = 0; i < strategy->operation_count; i++)
        if (!is_probability(strategy->operations[i].probability))
            return "the samplingRate of an operation is not from 0 to 1";
    return NULL;
}

const char *otel__strategy_choose(struct otel__strategy_parts *parts, struct otel__strategy *strategy) {
    const char *problem = NULL;
    *strategy = parts->per_operation;
    parts->per_operation = (struct otel__strategy){ .operation_count = 0 };
    if (parts->has_operations) {
        strategy->kind = OTEL__STRATEGY_PER_OPERATION;
        problem = check_operations(strategy);
    } else if (parts->has_probabilistic) {
        *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_PROBABILISTIC, .probability = parts->probability };
        problem = is_probability(parts->probability) ? NULL : "its samplingRate is not from 0 to 1";
    } else if (parts->has_rate_limiting) {
        *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = parts->rate };
        problem = is_rate(parts->rate) ? NULL : "its maxTracesPerSecond is no rate";
    } else {
        problem = "it holds no strategy";
    }
    if (problem)
        otel__strategy_free(strategy);
    return problem;
}

static bool same_operation(const struct otel__strategy_operation *a, const struct otel__strategy_operation *b) {
    return a->probability == b->probability && a->name.len == b->name.len &&
           memcmp(a->name.ptr, b->name.ptr, a->name.len) == 0;
}

bool otel__strategy_same(const struct otel__strategy *a, const struct otel__strategy *b) {
    bool same = a->kind == b->kind && a->probability == b->probability && a->rate == b->rate &&
                a->operation_count == b->operation_count;
    for (size_t i = 0; same && i < a->operation_count; i++)
        same = same_operation(&a->operations[i], &b->operations[i]);
    return same;
}

void otel__strategy_free(struct otel__strategy *strategy) {
    for (size_t i = 0; i < strategy->operation_count; i++)
        free((char *)(uintptr_t)strategy->operations[i].name.ptr);
    free(strategy->operations);
    *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_NONE };
}
