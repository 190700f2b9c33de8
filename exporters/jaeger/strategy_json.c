/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_json.c - see strategy_json.h. */
#include "jaeger/strategy_json.h"

#include <jansson.h>

static const char wrong_type[] = "a member of it has another type than Jaeger gives it";

/* False: the member is there and of another type. */
static bool find_object(const json_t *object, const char *name, const json_t **found) {
    const json_t *member = json_object_get(object, name);
    *found = json_is_object(member) ? member : NULL;
    return !member || json_is_null(member) || json_is_object(member);
}

/* False: likewise. Absent numbers are 0, as Jaeger leaves zeros out. */
static bool find_number(const json_t *object, const char *name, double *value) {
    const json_t *member = json_object_get(object, name);
    *value = json_number_value(member);
    return !member || json_is_null(member) || json_is_number(member);
}

static const char *read_operation(const json_t *item, struct otel__strategy *strategy) {
    const json_t *name = json_object_get(item, "operation"), *probabilistic;
    double probability;
    if (!json_is_object(item) || !json_is_string(name) || !find_object(item, "probabilisticSampling", &probabilistic))
        return wrong_type;
    if (!probabilistic)
        return "an operation in it has no probabilisticSampling";
    if (!find_number(probabilistic, "samplingRate", &probability))
        return wrong_type;
    const otel_str text = { json_string_value(name), json_string_length(name) };
    return otel__strategy_add(strategy, text, probability) ? NULL : "it has too many operations";
}

static const char *read_operations(const json_t *object, struct otel__strategy *strategy) {
    const json_t *list = json_object_get(object, "perOperationStrategies");
    if (!find_number(object, "defaultSamplingProbability", &strategy->probability) ||
        !find_number(object, "defaultLowerBoundTracesPerSecond", &strategy->rate) ||
        (list && !json_is_null(list) && !json_is_array(list)))
        return wrong_type;
    const char *problem = NULL;
    for (size_t i = 0; !problem && i < json_array_size(list); i++)
        problem = read_operation(json_array_get(list, i), strategy);
    return problem;
}

static const char *read_parts(const json_t *root, struct otel__strategy_parts *parts) {
    const json_t *operations, *probabilistic, *limiting;
    if (!json_is_object(root) || !find_object(root, "operationSampling", &operations) ||
        !find_object(root, "probabilisticSampling", &probabilistic) ||
        !find_object(root, "rateLimitingSampling", &limiting) ||
        !find_number(probabilistic, "samplingRate", &parts->probability) ||
        !find_number(limiting, "maxTracesPerSecond", &parts->rate))
        return wrong_type;
    parts->has_operations = operations;
    parts->has_probabilistic = probabilistic;
    parts->has_rate_limiting = limiting;
    return operations ? read_operations(operations, &parts->per_operation) : NULL;
}

const char *otel__strategy_read_json(const uint8_t *body, size_t len, struct otel__strategy *strategy) {
    struct otel__strategy_parts parts = { .has_operations = false };
    json_t *root = len <= OTEL__STRATEGY_BYTES_MAX ? json_loadb((const char *)body, len, JSON_ALLOW_NUL, NULL) : NULL;
    const char *problem = root ? read_parts(root, &parts) : "it is no JSON";
    json_decref(root);
    if (!problem)
        problem = otel__strategy_choose(&parts, strategy);
    else
        *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_NONE };
    otel__strategy_free(&parts.per_operation);
    return problem;
}
