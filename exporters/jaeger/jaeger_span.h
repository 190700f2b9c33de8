/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_span.h - what a span is to Jaeger, for both of its formats: Thrift's structs and api_v2's messages. */
#ifndef OTEL_JAEGER_SPAN_H
#define OTEL_JAEGER_SPAN_H

#include "common/line.h"
#include "common/tags.h"

enum { OTEL__JAEGER_CHILD_OF, OTEL__JAEGER_FOLLOWS_FROM }; /* types of references */
enum { OTEL__JAEGER_SAMPLED = 1 };                         /* a flag */

void otel__jaeger_span_tags(const otel_span_data *span, struct otel__tags *tags);

/* One of a type that tags have: a string, double, boolean, integer or bytes. `text` keeps its text, where that is made
 * for it. False: there is no memory for that. */
bool otel__jaeger_value(const otel_value *value, struct otel__line *text, otel_value *out);

struct otel__jaeger_link {
    uint8_t trace_id[16], span_id[8];
    bool is_reference; /* other than one to the parent, in whose place Jaeger would take it */
    bool needs_log;    /* which says more than the reference does */
    int type;          /* of the reference */
};
struct otel__jaeger_link otel__jaeger_link(const otel_span_data *span, const otel_link_data *data);

/* What a log tells. It must stay where it is: the fields point into it. */
struct otel__jaeger_log {
    struct otel__tags fields;
    otel_attr name;
    char trace_id[33], span_id[17];
};
void otel__jaeger_event_log(const otel_event_data *event, struct otel__jaeger_log *log);
void otel__jaeger_link_log(const otel_link_data *link, struct otel__jaeger_log *log);

#endif
