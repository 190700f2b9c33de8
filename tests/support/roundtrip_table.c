/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_table.c - the tables of opentelemetry-proto, row by row: number, name, type, label, tag. */
#include "roundtrip_wire.h"

/* clang-format off */
#define SCALAR(n, name, type, tag) { n, name, ROUNDTRIP_##type, ROUNDTRIP_SINGULAR, tag, NULL, 0 }
#define ENUM(n, name, tag, most)   { n, name, ROUNDTRIP_ENUM, ROUNDTRIP_SINGULAR, tag, NULL, most }
#define ONEOF(n, name, type, tag)  { n, name, ROUNDTRIP_##type, ROUNDTRIP_ONEOF, tag, NULL, 0 }
#define CHOICE(n, name, of, tag)   { n, name, ROUNDTRIP_MESSAGE, ROUNDTRIP_ONEOF, tag, of, 0 }
#define ONE(n, name, of, tag)      { n, name, ROUNDTRIP_MESSAGE, ROUNDTRIP_SINGULAR, tag, of, 0 }
#define MANY(n, name, of, tag)     { n, name, ROUNDTRIP_MESSAGE, ROUNDTRIP_REPEATED, tag, of, 0 }
#define NEVER(n, name, type, tag)  { n, name, ROUNDTRIP_##type, ROUNDTRIP_NEVER, tag, NULL, 0 }

static const struct roundtrip_message array_value, key_value_list, any_value, key_value;

static const struct roundtrip_message any_value = { "AnyValue", 8, {
    ONEOF(1, "string_value", STRING, 0x0a),
    ONEOF(2, "bool_value", BOOL, 0x10),
    ONEOF(3, "int_value", INT64, 0x18),
    ONEOF(4, "double_value", DOUBLE, 0x21),
    CHOICE(5, "array_value", &array_value, 0x2a),
    CHOICE(6, "kvlist_value", &key_value_list, 0x32),
    ONEOF(7, "bytes_value", BYTES, 0x3a),
    NEVER(8, "string_value_strindex", INT32, 0x40),
} };

static const struct roundtrip_message array_value = { "ArrayValue", 1, {
    MANY(1, "values", &any_value, 0x0a),
} };

static const struct roundtrip_message key_value_list = { "KeyValueList", 1, {
    MANY(1, "values", &key_value, 0x0a),
} };

static const struct roundtrip_message key_value = { "KeyValue", 3, {
    SCALAR(1, "key", STRING, 0x0a),
    ONE(2, "value", &any_value, 0x12),
    NEVER(3, "key_strindex", INT32, 0x18),
} };

static const struct roundtrip_message instrumentation_scope = { "InstrumentationScope", 4, {
    SCALAR(1, "name", STRING, 0x0a),
    SCALAR(2, "version", STRING, 0x12),
    MANY(3, "attributes", &key_value, 0x1a),
    SCALAR(4, "dropped_attributes_count", UINT32, 0x20),
} };

static const struct roundtrip_message resource = { "Resource", 3, {
    MANY(1, "attributes", &key_value, 0x0a),
    SCALAR(2, "dropped_attributes_count", UINT32, 0x10),
    NEVER(3, "entity_refs", MESSAGE, 0x1a),
} };

static const struct roundtrip_message status = { "Status", 2, {
    SCALAR(2, "message", STRING, 0x12),
    ENUM(3, "code", 0x18, 2),
} };

static const struct roundtrip_message event = { "Event", 4, {
    SCALAR(1, "time_unix_nano", FIXED64, 0x09),
    SCALAR(2, "name", STRING, 0x12),
    MANY(3, "attributes", &key_value, 0x1a),
    SCALAR(4, "dropped_attributes_count", UINT32, 0x20),
} };

static const struct roundtrip_message span_link = { "Link", 6, {
    SCALAR(1, "trace_id", BYTES, 0x0a),
    SCALAR(2, "span_id", BYTES, 0x12),
    SCALAR(3, "trace_state", STRING, 0x1a),
    MANY(4, "attributes", &key_value, 0x22),
    SCALAR(5, "dropped_attributes_count", UINT32, 0x28),
    SCALAR(6, "flags", FIXED32, 0x35),
} };

static const struct roundtrip_message span = { "Span", 16, {
    SCALAR(1, "trace_id", BYTES, 0x0a),
    SCALAR(2, "span_id", BYTES, 0x12),
    SCALAR(3, "trace_state", STRING, 0x1a),
    SCALAR(4, "parent_span_id", BYTES, 0x22),
    SCALAR(5, "name", STRING, 0x2a),
    ENUM(6, "kind", 0x30, 5),
    SCALAR(7, "start_time_unix_nano", FIXED64, 0x39),
    SCALAR(8, "end_time_unix_nano", FIXED64, 0x41),
    MANY(9, "attributes", &key_value, 0x4a),
    SCALAR(10, "dropped_attributes_count", UINT32, 0x50),
    MANY(11, "events", &event, 0x5a),
    SCALAR(12, "dropped_events_count", UINT32, 0x60),
    MANY(13, "links", &span_link, 0x6a),
    SCALAR(14, "dropped_links_count", UINT32, 0x70),
    ONE(15, "status", &status, 0x7a),
    SCALAR(16, "flags", FIXED32, 0x8501),
} };

static const struct roundtrip_message scope_spans = { "ScopeSpans", 3, {
    ONE(1, "scope", &instrumentation_scope, 0x0a),
    MANY(2, "spans", &span, 0x12),
    SCALAR(3, "schema_url", STRING, 0x1a),
} };

static const struct roundtrip_message resource_spans = { "ResourceSpans", 3, {
    ONE(1, "resource", &resource, 0x0a),
    MANY(2, "scope_spans", &scope_spans, 0x12),
    SCALAR(3, "schema_url", STRING, 0x1a),
} };

const struct roundtrip_message roundtrip_request = { "ExportTraceServiceRequest", 1, {
    MANY(1, "resource_spans", &resource_spans, 0x0a),
} };
/* clang-format on */
