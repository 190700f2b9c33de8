/* SPDX-License-Identifier: Apache-2.0 */
/* span_limits.c - see span_limits.h. */
#include "span_limits.h"

#include "record.h"

/* It lies in the middle of otel_sdk_options: new limits take the place of reserved ones, or all behind it would move. */
_Static_assert(sizeof(otel_limits) == 64, "otel_limits never changes its size");

struct otel__limits otel__limits = {
    .attributes = OTEL__COUNT_LIMIT,
    .event_attributes = OTEL__COUNT_LIMIT,
    .link_attributes = OTEL__COUNT_LIMIT,
    .events = OTEL__COUNT_LIMIT,
    .links = OTEL__COUNT_LIMIT,
    .short_text = OTEL__IN_BLOCK_MAX,
    .values = { SIZE_MAX, OTEL__DEPTH_MAX },
};

/* What code says; -1 when it says nothing that can be. */
static int in_code(int given, const char *name) {
    if (given == OTEL_LIMIT_NOTHING)
        return 0;
    if (given > 0)
        return given;
    if (given < 0)
        otel_report(OTEL_LOG_WARN, name, "otel_limits.%s: %d is no limit; it is ignored", name, given);
    return -1;
}

static int elsewhere(const struct otel__config *config, enum otel__config_id id, int value) {
    return config->source[id] ? value : -1;
}

static int either(int first, int second) { return first >= 0 ? first : second; }

/* Of the arguments of otel__limits_set(). */
#define IN_CODE(member) in_code(options->member, #member)
#define ELSEWHERE(ID, member) elsewhere(config, OTEL__CONFIG_##ID, config->member)

/* What is said of spans alone beats what is said of all, and code beats both. */
static int attribute_count(const otel_limits *options, const struct otel__config *config) {
    return either(either(IN_CODE(span_attribute_count), IN_CODE(attribute_count)),
                  either(ELSEWHERE(SPAN_ATTRIBUTE_COUNT_LIMIT, span_attribute_count_limit),
                         ELSEWHERE(ATTRIBUTE_COUNT_LIMIT, attribute_count_limit)));
}

static int value_length(const otel_limits *options, const struct otel__config *config) {
    return either(either(IN_CODE(span_attribute_value_length), IN_CODE(attribute_value_length)),
                  either(ELSEWHERE(SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, span_attribute_value_length_limit),
                         ELSEWHERE(ATTRIBUTE_VALUE_LENGTH_LIMIT, attribute_value_length_limit)));
}

static uint32_t as_count(int limit) {
    return limit < 0 ? OTEL__COUNT_LIMIT : limit == OTEL_LIMIT_UNLIMITED ? UINT32_MAX : (uint32_t)limit;
}

static size_t as_length(int limit) { return limit < 0 || limit == OTEL_LIMIT_UNLIMITED ? SIZE_MAX : (size_t)limit; }

static unsigned as_depth(int limit) {
    if (limit > OTEL__DEPTH_MAX && limit != OTEL_LIMIT_UNLIMITED)
        otel_report(
            OTEL_LOG_WARN, "depth limit",
            "otel_limits.attribute_value_depth: exporters follow no deeper than %d, which is used instead of %d",
            OTEL__DEPTH_MAX, limit);
    return limit < 0 || limit > OTEL__DEPTH_MAX ? OTEL__DEPTH_MAX : (unsigned)limit;
}

void otel__limits_set(const otel_limits *options, const struct otel__config *config) {
    const size_t length = as_length(value_length(options, config));
    otel__limits = (struct otel__limits){
        .attributes = as_count(attribute_count(options, config)),
        .events = as_count(either(IN_CODE(event_count), ELSEWHERE(SPAN_EVENT_COUNT_LIMIT, span_event_count_limit))),
        .links = as_count(either(IN_CODE(link_count), ELSEWHERE(SPAN_LINK_COUNT_LIMIT, span_link_count_limit))),
        .event_attributes = as_count(either(IN_CODE(event_attribute_count),
                                            ELSEWHERE(EVENT_ATTRIBUTE_COUNT_LIMIT, event_attribute_count_limit))),
        .link_attributes = as_count(
            either(IN_CODE(link_attribute_count), ELSEWHERE(LINK_ATTRIBUTE_COUNT_LIMIT, link_attribute_count_limit))),
        .short_text = length < OTEL__IN_BLOCK_MAX ? (uint32_t)length : OTEL__IN_BLOCK_MAX,
        .values = { length, as_depth(IN_CODE(attribute_value_depth)) },
    };
}
