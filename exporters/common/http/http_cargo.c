/* SPDX-License-Identifier: Apache-2.0 */
/* http_cargo.c - see http_cargo.h. */
#include "common/http/http_cargo.h"

size_t otel__http_cargo_count(const struct otel__http_cargo *cargo) {
    return cargo->batch ? otel_batch_count(cargo->batch) : cargo->metrics->metric_count;
}

size_t otel__http_cargo_units(const struct otel__http_cargo *cargo, struct otel__http_range range) {
    if (cargo->batch)
        return range.count;
    size_t points = 0;
    for (size_t i = 0; i < range.count; i++)
        points += cargo->metrics->metrics[range.first + i].point_count;
    return points;
}

otel_str otel__http_cargo_name(const struct otel__http_cargo *cargo, size_t index) {
    if (!cargo->batch)
        return cargo->metrics->metrics[index].name;
    const otel_span_data *span = otel_batch_span(cargo->batch, index);
    return span ? span->name : otel_cstr("");
}
