/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_features.c - see roundtrip_features.h. */
#include "roundtrip_features.h"

#include <math.h>

/* ---- what can be seen: a name and a condition -------------------------------------------------------------------- */

/* clang-format off */
#define IS(kind) (value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_##kind##_VALUE)

#define VALUE_FEATURES(X) \
    X("empty value", value->value_case == 0) \
    X("string", IS(STRING)) \
    X("empty string", IS(STRING) && value->string_value.len == 0) \
    X("long string", IS(STRING) && value->string_value.len > 65536) \
    X("string with NUL", IS(STRING) && has(value->string_value, "\0")) \
    X("true", IS(BOOL) && value->bool_value) \
    X("false", IS(BOOL) && !value->bool_value) \
    X("zero", IS(INT) && value->int_value == 0) \
    X("lowest int", IS(INT) && value->int_value == INT64_MIN) \
    X("highest int", IS(INT) && value->int_value == INT64_MAX) \
    X("NaN", IS(DOUBLE) && isnan(value->double_value)) \
    X("infinity", IS(DOUBLE) && isinf(value->double_value) && value->double_value > 0) \
    X("-infinity", IS(DOUBLE) && isinf(value->double_value) && value->double_value < 0) \
    X("-0.0", IS(DOUBLE) && is_negative_zero(value->double_value)) \
    X("0.0", IS(DOUBLE) && is_positive_zero(value->double_value)) \
    X("bytes", IS(BYTES) && value->bytes_value.len > 0) \
    X("no bytes", IS(BYTES) && value->bytes_value.len == 0) \
    X("empty array", IS(ARRAY) && value->array_value->n_values == 0) \
    X("array of strings", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE)) \
    X("array of bools", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE)) \
    X("array of ints", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE)) \
    X("array of doubles", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE)) \
    X("array of arrays", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE)) \
    X("array of maps", holds(value, OTEL__OTLP__ANY_VALUE__VALUE_KVLIST_VALUE)) \
    X("array of nothing", holds(value, OTEL__OTLP__ANY_VALUE__VALUE__NOT_SET)) \
    X("map", IS(KVLIST) && value->kvlist_value->n_values > 1) \
    X("empty map", IS(KVLIST) && value->kvlist_value->n_values == 0)

#define EVENT_FEATURES(X) \
    X("event without a name", event->name.len == 0) \
    X("event before the start", event->time_unix_nano < got->start_time_unix_nano) \
    X("event after the end", event->time_unix_nano > got->end_time_unix_nano) \
    X("event with dropped attributes", event->dropped_attributes_count > 0) \
    X("exception", is(event->name, "exception") && event->n_attributes >= 3)

#define LINK_FEATURES(X) \
    X("link within the trace", same(link->trace_id, got->trace_id)) \
    X("link of zeros", link->trace_id.len == 16 && link->trace_id.data[0] == 0 && link->trace_id.data[1] == 0) \
    X("link with tracestate", link->trace_state.len > 0) \
    X("link with attributes", link->n_attributes > 0) \
    X("link with dropped attributes", link->dropped_attributes_count > 0) \
    X("link to a remote span", link->flags & 0x200) \
    X("link to a local span", !(link->flags & 0x200)) \
    X("link with unknown flags", link->flags & 0xfc) \
    X("link without flags", (link->flags & 0xff) == 0)

#define SPAN_FEATURES(X) \
    X("kind internal", got->kind == 1) \
    X("kind server", got->kind == 2) \
    X("kind client", got->kind == 3) \
    X("kind producer", got->kind == 4) \
    X("kind consumer", got->kind == 5) \
    X("impossible kind", span->kind > OTEL_CONSUMER) \
    X("no name", got->name.len == 0) \
    X("name with NUL", has(got->name, "\0")) \
    X("repaired name", has(got->name, "\xef\xbf\xbd")) \
    X("long name", got->name.len > 4096) \
    X("root", got->parent_span_id.len == 0) \
    X("root in spite of a parent", span->root && span->parent_is != ROUNDTRIP_NO_PARENT) \
    X("child of an own span", span->parent_is == ROUNDTRIP_OWN && !span->root) \
    X("child of a current span", span->parent_is == ROUNDTRIP_OWN && !span->root && span->attached) \
    X("child of an ended span", is_ended(span->parent, span)) \
    X("remote parent", got->flags & 0x200) \
    X("foreign local parent", span->parent_is == ROUNDTRIP_FOREIGN && got->parent_span_id.len > 0 && !(got->flags & 0x200)) \
    X("flags of level 1", (got->flags & 0xff) == 1) \
    X("flags of level 2", (got->flags & 0xff) == 3) \
    X("tracestate", got->trace_state.len > 0) \
    X("inherited tracestate", got->trace_state.len > 0 && span->parent_is == ROUNDTRIP_OWN) \
    X("no attributes", got->n_attributes == 0) \
    X("128 attributes", got->n_attributes == 128) \
    X("128 events", got->n_events == 128) \
    X("128 links", got->n_links == 128) \
    X("dropped attributes", got->dropped_attributes_count > 0) \
    X("dropped events", got->dropped_events_count > 0) \
    X("dropped links", got->dropped_links_count > 0) \
    X("dropped links below the limit", got->dropped_links_count > 0 && got->n_links < 128) \
    X("status unset", !got->status) \
    X("status ok", got->status && got->status->code == 1) \
    X("error", got->status && got->status->code == 2 && got->status->message.len == 0) \
    X("error with text", got->status && got->status->code == 2 && got->status->message.len > 0) \
    X("start in the past", span->start_time != 0) \
    X("end before the start", got->end_time_unix_nano == got->start_time_unix_nano) \
    X("end at a given time", ended_as(span, true)) \
    X("end now", ended_as(span, false)) \
    X("ended by another thread", span->ended_by == 3) \
    X("calls after the end", is_called_late(span))
/* clang-format on */

/* ---- conditions -------------------------------------------------------------------------------------------------- */

/* Whether `data` holds the one character. */
static bool has(ProtobufCBinaryData data, const char *character) {
    size_t len = *character ? strlen(character) : 1;
    return data.len >= len && memmem(data.data, data.len, character, len) != NULL;
}

static bool is(ProtobufCBinaryData data, const char *text) {
    return data.len == strlen(text) && memcmp(data.data, text, data.len) == 0;
}

static bool same(ProtobufCBinaryData a, ProtobufCBinaryData b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool is_positive_zero(double d) { return !(d < 0) && !(d > 0) && !isnan(d) && !signbit(d); }
static bool is_negative_zero(double d) { return !(d < 0) && !(d > 0) && !isnan(d) && signbit(d); }

/* An array whose first element is of this kind. */
static bool holds(const Otel__Otlp__AnyValue *value, Otel__Otlp__AnyValue__ValueCase kind) {
    return IS(ARRAY) && value->array_value->n_values > 0 && value->array_value->values[0]->value_case == kind;
}

static const struct roundtrip_step *end_of(const struct roundtrip_span *span) {
    for (size_t i = 0; i < span->step_count; i++)
        if (span->steps[i].action == ROUNDTRIP_END)
            return &span->steps[i];
    return NULL;
}

static bool is_ended(const struct roundtrip_span *parent, const struct roundtrip_span *child) {
    const struct roundtrip_step *end = parent ? end_of(parent) : NULL;
    return end && end->when.after && end->when.after < child->when.before;
}

static bool ended_as(const struct roundtrip_span *span, bool given) { return (end_of(span)->time != 0) == given; }

static bool is_called_late(const struct roundtrip_span *span) {
    return end_of(span) != &span->steps[span->step_count - 1];
}

/* ---- noting ------------------------------------------------------------------------------------------------------ */

#define NAME(name, condition) name,
#define NOTE(name, condition) *seen++ += (condition) ? 1 : 0;
#define ONE(name, condition) +1
enum { VALUES = 0 VALUE_FEATURES(ONE), EVENTS = 0 EVENT_FEATURES(ONE), LINKS = 0 LINK_FEATURES(ONE) };

static const char *const names[] = { VALUE_FEATURES(NAME) EVENT_FEATURES(NAME) LINK_FEATURES(NAME)
                                         SPAN_FEATURES(NAME) };
_Static_assert(sizeof names / sizeof *names <= ROUNDTRIP_FEATURES_MAX, "room for all");

static void note_values(unsigned *first, Otel__Otlp__KeyValue *const *attributes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const Otel__Otlp__AnyValue *value = attributes[i]->value;
        unsigned *seen = first;
        VALUE_FEATURES(NOTE)
    }
}

static void note_events(unsigned *first, const Otel__Otlp__Span *got) {
    for (size_t i = 0; i < got->n_events; i++) {
        const Otel__Otlp__Span__Event *event = got->events[i];
        unsigned *seen = first;
        EVENT_FEATURES(NOTE)
    }
}

static void note_links(unsigned *first, const Otel__Otlp__Span *got) {
    for (size_t i = 0; i < got->n_links; i++) {
        const Otel__Otlp__Span__Link *link = got->links[i];
        unsigned *seen = first;
        LINK_FEATURES(NOTE)
    }
}

void roundtrip_note_features(struct roundtrip_features *features, const struct roundtrip_span *span,
                             const Otel__Otlp__Span *got) {
    unsigned *seen = features->seen;
    note_values(seen, got->attributes, got->n_attributes);
    note_events(seen + VALUES, got);
    note_links(seen + VALUES + EVENTS, got);
    seen += VALUES + EVENTS + LINKS;
    SPAN_FEATURES(NOTE)
}

const char *roundtrip_unseen_feature(const struct roundtrip_features *features) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (features->seen[i] == 0)
            return names[i];
    return NULL;
}
