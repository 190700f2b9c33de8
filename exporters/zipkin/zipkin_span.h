/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipkin_span.h - a span as Zipkin knows it, whichever way it is written (specification: trace/sdk_exporters/zipkin.md;
 * zipkin-api: zipkin2-api.yaml, zipkin.proto).
 */
#ifndef OTEL_ZIPKIN_SPAN_H
#define OTEL_ZIPKIN_SPAN_H

#include "common/line.h"
#include "common/tags.h"

/* The numbers of zipkin.proto. */
enum otel__zipkin_kind {
    OTEL__ZIPKIN_NO_KIND,
    OTEL__ZIPKIN_CLIENT,
    OTEL__ZIPKIN_SERVER,
    OTEL__ZIPKIN_PRODUCER,
    OTEL__ZIPKIN_CONSUMER
};

/* Who is at the other end; at most one of the addresses, and no port without one. */
struct otel__zipkin_endpoint {
    otel_str service; /* empty: unknown, as are length and port of 0 */
    uint8_t address[16];
    size_t address_len; /* 4 or 16 */
    uint16_t port;
};

struct otel__zipkin_span {
    const otel_span_data *data;
    enum otel__zipkin_kind kind;
    uint64_t timestamp, duration; /* us */
    struct otel__zipkin_endpoint remote;
    struct otel__tags tags;
};

/* What is the same for all spans of a batch, and room for text. Zero-initialised: empty. */
struct otel__zipkin_encoder {
    struct otel__line service, text;
    otel_attrs resource[2]; /* the resource's attributes before and after service.name */
};

/* False: memory is short. */
bool otel__zipkin_begin(struct otel__zipkin_encoder *encoder, const otel_resource_data *resource);
/* `span` refers to the data and to the encoder's resource; its tags are to be walked where it stands. */
void otel__zipkin_map(const struct otel__zipkin_encoder *encoder, const otel_span_data *data,
                      struct otel__zipkin_span *span);
/* The next tag on the way from the last to the first; NULL: there is none left. */
const otel_attr *otel__zipkin_previous_tag(struct otel__zipkin_span *span);
/*
 * The value of a tag, and of an annotation; valid until the next call. An empty `ptr`, which no other text has: memory
 * is short, or the text takes more than a line can.
 */
otel_str otel__zipkin_tag_text(struct otel__zipkin_encoder *encoder, const otel_value *value);
otel_str otel__zipkin_event_text(struct otel__zipkin_encoder *encoder, const otel_event_data *event);
/* `self` is an encoder, of which only what it points to is freed. */
void otel__zipkin_free(void *self);

static inline otel_str otel__zipkin_service(const struct otel__zipkin_encoder *encoder) {
    return otel_strn(encoder->service.text, encoder->service.len);
}

#endif
