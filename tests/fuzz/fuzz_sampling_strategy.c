/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sampling_strategy.c - hostile answers about a sampling strategy. The first byte of the input picks JSON or protobuf,
 * the others are the answer. Whatever it is: what is taken holds a strategy within its bounds, by which a decision can be
 * made; what is not taken leaves nothing behind.
 */
#include "backend.h"
#include "jaeger/strategy_json.h"
#include "jaeger/strategy_protobuf.h"
#include "must.h"
#include "sampler_rules.h"

#include <stdlib.h>

static void check_operations(const struct otel__strategy *strategy) {
    MUST(strategy->operation_count <= OTEL__STRATEGY_OPERATIONS_MAX);
    for (size_t i = 0; i < strategy->operation_count; i++) {
        const struct otel__strategy_operation *operation = &strategy->operations[i];
        MUST(operation->name.ptr != NULL);
        MUST(operation->name.ptr[operation->name.len] == '\0');
        MUST(operation->probability >= 0 && operation->probability <= 1);
    }
}

static void check_strategy(const struct otel__strategy *strategy) {
    MUST(strategy->kind != OTEL__STRATEGY_NONE);
    MUST(strategy->probability >= 0 && strategy->probability <= 1);
    MUST(strategy->rate >= 0 && strategy->rate <= 1e15);
    MUST(strategy->kind == OTEL__STRATEGY_PER_OPERATION || strategy->operation_count == 0);
    check_operations(strategy);
}

static void decide_by(struct otel__strategy *strategy) {
    static const otel_context context = { { 0 } };
    static const uint8_t trace_id[16] = { 1, [15] = 1 };
    struct otel__sampled sampled;
    const struct otel__sampling in = { .context = &context, .trace_id = trace_id, .name = { "GET /x", 6 } };
    struct otel__rules *rules = otel__rules_create(strategy, 8, NULL);
    MUST(rules != NULL && strategy->operation_count == 0);
    otel__rules_decide(rules, &in, &sampled);
    MUST(sampled.decision == OTEL_DROP || sampled.decision == OTEL_RECORD_AND_SAMPLE);
    if (sampled.owned)
        otel__tracestate_drop(sampled.state);
    otel__rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t len = size > 0 ? size - 1 : 0;
    uint8_t *answer = malloc(len); /* to the byte, so that reading on is seen */
    struct otel__strategy strategy;
    MUST(answer != NULL || len == 0);
    if (len > 0) {
        memcpy(answer, data + 1, len);
    }
    const bool json = size > 0 && data[0] % 2 == 0;
    const char *problem = (json ? otel__strategy_read_json : otel__strategy_read_protobuf)(answer, len, &strategy);
    free(answer);
    if (problem == NULL) {
        check_strategy(&strategy);
        decide_by(&strategy);
    }
    MUST(strategy.kind == OTEL__STRATEGY_NONE && strategy.operations == NULL);
    return 0;
}
