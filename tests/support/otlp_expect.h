/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_expect.h - compares what an OTLP request decodes to, by protobuf-c, with the spans that were expected in it.
 *
 * No cmocka in here: callable from any thread. On a difference the functions return false, and the report says where
 * it is and what stood there.
 */
#ifndef OTLP_EXPECT_H
#define OTLP_EXPECT_H

#include "trace_request.pb-c.h"

#include <otel/exporter.h>

typedef struct otlp_report {
    char path[128]; /* such as "span 17/events/2" */
    char text[512]; /* the first difference; "" when there was none */
} otlp_report;

/*
 * The whole request: one ResourceSpans with `resource`; the spans grouped by scope in the order of each scope's first
 * span, and within a scope in the order given; nothing else. `bytes` must also be exactly what protobuf-c writes for
 * the same content.
 */
bool otlp_expect_request(otlp_report *report, const uint8_t *bytes, size_t len, const otel_span_data *spans,
                         size_t count, const otel_resource_data *resource);

/* The parts of it. */
bool otlp_expect_span(otlp_report *report, const Otel__Otlp__Span *got, const otel_span_data *want);
bool otlp_expect_scope(otlp_report *report, const Otel__Otlp__InstrumentationScope *got, const otel_scope_data *want);
bool otlp_expect_resource(otlp_report *report, const Otel__Otlp__Resource *got, const otel_resource_data *want);
bool otlp_expect_attributes(otlp_report *report, Otel__Otlp__KeyValue *const *got, size_t count, otel_attrs want);

#endif
