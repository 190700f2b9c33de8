/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_json_test.c - the JSON in which Jaeger's servers tell a strategy, and what must not be taken for one. */
#include "jaeger/strategy_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *read_text(const char *text, struct otel__strategy *strategy) {
    const size_t len = strlen(text);
    uint8_t *exact = malloc(len ? len : 1); /* to the byte, so that reading on is seen */
    assert_non_null(exact);
    memcpy(exact, text, len);
    const char *problem = otel__strategy_read_json(exact, len, strategy);
    free(exact);
    return problem;
}

static void assert_strategy(const char *text, enum otel__strategy_kind kind, double probability, double rate) {
    struct otel__strategy strategy;
    print_message("    %.100s\n", text);
    assert_null(read_text(text, &strategy));
    assert_int_equal(strategy.kind, kind);
    assert_true(strategy.probability == probability);
    assert_true(strategy.rate == rate);
    otel__strategy_free(&strategy);
}

static void type_is_a_name_a_number_or_missing(void **state) {
    (void)state;
    assert_strategy("{\"strategyType\":\"PROBABILISTIC\",\"probabilisticSampling\":{\"samplingRate\":0.5}}",
                    OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
    assert_strategy("{\"strategyType\":0,\"probabilisticSampling\":{\"samplingRate\":1}}", OTEL__STRATEGY_PROBABILISTIC,
                    1, 0);
    assert_strategy("{\"probabilisticSampling\":{\"samplingRate\":0}}", OTEL__STRATEGY_PROBABILISTIC, 0, 0);
    assert_strategy("{\"strategyType\":1,\"rateLimitingSampling\":{\"maxTracesPerSecond\":42}}",
                    OTEL__STRATEGY_RATE_LIMITING, 0, 42);
    assert_strategy("{\"strategyType\":\"RATE_LIMITING\",\"rateLimitingSampling\":{\"maxTracesPerSecond\":42}}",
                    OTEL__STRATEGY_RATE_LIMITING, 0, 42);
    /* It is of no account, not even when it says something else, or nothing that is known. */
    assert_strategy("{\"strategyType\":\"RATE_LIMITING\",\"probabilisticSampling\":{\"samplingRate\":0.25}}",
                    OTEL__STRATEGY_PROBABILISTIC, 0.25, 0);
    assert_strategy("{\"strategyType\":[7],\"probabilisticSampling\":{\"samplingRate\":0.25}}",
                    OTEL__STRATEGY_PROBABILISTIC, 0.25, 0);
}

static void null_and_unknown_members_are_absent(void **state) {
    (void)state;
    assert_strategy("{\"operationSampling\":null,\"rateLimitingSampling\":null,\"later\":{\"x\":[1,2]},"
                    "\"probabilisticSampling\":{\"samplingRate\":0.5,\"more\":\"x\"}}",
                    OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
    assert_strategy("{\"probabilisticSampling\":{\"samplingRate\":null}}", OTEL__STRATEGY_PROBABILISTIC, 0, 0);
    assert_strategy("{\"operationSampling\":{\"perOperationStrategies\":null,\"defaultSamplingProbability\":0.1,"
                    "\"defaultUpperBoundTracesPerSecond\":\"whatever\"}}",
                    OTEL__STRATEGY_PER_OPERATION, 0.1, 0);
}

static void operations_come_first_then_probability(void **state) {
    (void)state;
    assert_strategy(
        "{\"rateLimitingSampling\":{\"maxTracesPerSecond\":1},\"probabilisticSampling\":{\"samplingRate\":0.5},"
        "\"operationSampling\":{\"defaultSamplingProbability\":0.125}}",
        OTEL__STRATEGY_PER_OPERATION, 0.125, 0);
    assert_strategy(
        "{\"rateLimitingSampling\":{\"maxTracesPerSecond\":1},\"probabilisticSampling\":{\"samplingRate\":0.5}}",
        OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
}

static void operations_are_read_with_their_names(void **state) {
    (void)state;
    struct otel__strategy strategy;
    assert_null(
        read_text("{\"strategyType\":\"PROBABILISTIC\",\"operationSampling\":{\"defaultSamplingProbability\":0.1,"
                  "\"defaultLowerBoundTracesPerSecond\":2,\"perOperationStrategies\":[{\"operation\":\"GET /x\","
                  "\"probabilisticSampling\":{\"samplingRate\":1}},{\"operation\":\"a\\u0000b\","
                  "\"probabilisticSampling\":{}},{\"operation\":\"\",\"probabilisticSampling\":{\"samplingRate\":"
                  "0.5}}],\"defaultUpperBoundTracesPerSecond\":0}}",
                  &strategy));
    assert_int_equal(strategy.kind, OTEL__STRATEGY_PER_OPERATION);
    assert_true(strategy.probability == 0.1 && strategy.rate == 2);
    assert_int_equal(strategy.operation_count, 3);
    assert_string_equal(strategy.operations[0].name.ptr, "GET /x");
    assert_true(strategy.operations[0].probability == 1);
    assert_int_equal(strategy.operations[1].name.len, 3);
    assert_memory_equal(strategy.operations[1].name.ptr, "a\0b", 3);
    assert_true(strategy.operations[1].probability == 0);
    assert_int_equal(strategy.operations[2].name.len, 0);
    otel__strategy_free(&strategy);
}

static void nothing_unusable_is_taken(void **state) {
    (void)state;
    /* Nothing is made do with. */
    static const char no_way_out[] =
        "{\"operationSampling\":{\"perOperationStrategies\":[{\"operation\":\"a\",\"probabilisticSampling\":{"
        "\"samplingRate\":7}}]},\"probabilisticSampling\":{\"samplingRate\":0.5}}";
    static const char *const texts[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"strategyType\":\"PROBABILISTIC\"}",
        "{\"probabilisticSampling\":0.5}",
        "{\"probabilisticSampling\":{\"samplingRate\":\"0.5\"}}",
        "{\"probabilisticSampling\":{\"samplingRate\":1.0001}}",
        "{\"probabilisticSampling\":{\"samplingRate\":-0.1}}",
        "{\"probabilisticSampling\":{\"samplingRate\":1e999}}",
        "{\"rateLimitingSampling\":{\"maxTracesPerSecond\":-1}}",
        "{\"rateLimitingSampling\":{\"maxTracesPerSecond\":1e300}}",
        "{\"operationSampling\":{\"defaultSamplingProbability\":2}}",
        "{\"operationSampling\":{\"defaultLowerBoundTracesPerSecond\":-2}}",
        "{\"operationSampling\":{\"perOperationStrategies\":{}}}",
        "{\"operationSampling\":{\"perOperationStrategies\":[null]}}",
        "{\"operationSampling\":{\"perOperationStrategies\":[{\"operation\":\"a\"}]}}",
        "{\"operationSampling\":{\"perOperationStrategies\":[{\"probabilisticSampling\":{\"samplingRate\":1}}]}}",
        no_way_out,
        "{\"probabilisticSampling\":{\"samplingRate\":0.5}} and more",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct otel__strategy strategy;
        print_message("    %s\n", texts[i]);
        assert_non_null(read_text(texts[i], &strategy));
        assert_int_equal(strategy.kind, OTEL__STRATEGY_NONE);
        assert_null(strategy.operations);
    }
}

static char *operations_text(unsigned count) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "{\"operationSampling\":{\"perOperationStrategies\":[");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "%s{\"operation\":\"op-%u\",\"probabilisticSampling\":{\"samplingRate\":1}}", i ? "," : "", i);
    fprintf(out, "]}}");
    fclose(out);
    return text;
}

static void operations_and_bytes_are_bounded(void **state) {
    (void)state;
    struct otel__strategy strategy;
    char *text = operations_text(OTEL__STRATEGY_OPERATIONS_MAX);
    assert_null(read_text(text, &strategy));
    assert_int_equal(strategy.operation_count, OTEL__STRATEGY_OPERATIONS_MAX);
    otel__strategy_free(&strategy);
    free(text);
    text = operations_text(OTEL__STRATEGY_OPERATIONS_MAX + 1);
    assert_string_equal(read_text(text, &strategy), "it has too many operations");
    free(text);
    text = malloc(OTEL__STRATEGY_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, ' ', OTEL__STRATEGY_BYTES_MAX + 1);
    text[OTEL__STRATEGY_BYTES_MAX + 1] = '\0';
    memcpy(text, "{\"probabilisticSampling\":{}}", 28);
    assert_non_null(read_text(text, &strategy));
    text[OTEL__STRATEGY_BYTES_MAX] = '\0';
    assert_null(read_text(text, &strategy));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type_is_a_name_a_number_or_missing),
        cmocka_unit_test(null_and_unknown_members_are_absent),
        cmocka_unit_test(operations_come_first_then_probability),
        cmocka_unit_test(operations_are_read_with_their_names),
        cmocka_unit_test(nothing_unusable_is_taken),
        cmocka_unit_test(operations_and_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
