/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipkin_protobuf.c - one pass over the batch, back to front, in the same order as zipkin_json.c. What has no content
 * is left out.
 */
#include "zipkin/zipkin_protobuf.h"

#include "common/protobuf_writer.h"
#include "zipkin/zipkin_span.h"

/* Field numbers of zipkin.proto, by message. */
enum { LIST_SPANS = 1 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_PARENT_ID = 2,
    SPAN_ID = 3,
    SPAN_KIND = 4,
    SPAN_NAME = 5,
    SPAN_TIMESTAMP = 6,
    SPAN_DURATION = 7,
    SPAN_LOCAL_ENDPOINT = 8,
    SPAN_REMOTE_ENDPOINT = 9,
    SPAN_ANNOTATIONS = 10,
    SPAN_TAGS = 11
};
enum { ENDPOINT_SERVICE_NAME = 1, ENDPOINT_IPV4 = 2, ENDPOINT_IPV6 = 3, ENDPOINT_PORT = 4 };
enum { ANNOTATION_TIMESTAMP = 1, ANNOTATION_VALUE = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* False: there is no room for the text. */
static bool write_tags(struct otel__buffer *out, struct otel__zipkin_encoder *encoder, struct otel__zipkin_span *span) {
    for (const otel_attr *tag; (tag = otel__zipkin_previous_tag(span)) != NULL;) {
        const otel_str text = otel__zipkin_tag_text(encoder, &tag->value);
        const size_t mark = otel__buffer_length(out);
        if (!text.ptr)
            return false;
        otel__pb_bytes(out, ENTRY_VALUE, text.ptr, text.len);
        otel__pb_bytes(out, ENTRY_KEY, tag->key.ptr, tag->key.len);
        otel__pb_message(out, SPAN_TAGS, mark);
    }
    return true;
}

/* False: there is no room for the text. */
static bool write_annotations(struct otel__buffer *out, struct otel__zipkin_encoder *encoder,
                              const otel_span_data *data) {
    for (size_t i = data->event_count; i-- > 0;) {
        const otel_str text = otel__zipkin_event_text(encoder, &data->events[i]);
        const size_t mark = otel__buffer_length(out);
        if (!text.ptr)
            return false;
        otel__pb_text(out, ANNOTATION_VALUE, text);
        otel__pb_fixed64(out, ANNOTATION_TIMESTAMP, data->events[i].time / 1000);
        otel__pb_message(out, SPAN_ANNOTATIONS, mark);
    }
    return true;
}

static void write_remote(struct otel__buffer *out, const struct otel__zipkin_endpoint *endpoint) {
    const size_t mark = otel__buffer_length(out);
    if (endpoint->service.len == 0 && endpoint->address_len == 0)
        return;
    otel__pb_uint(out, ENDPOINT_PORT, endpoint->port);
    if (endpoint->address_len > 0)
        otel__pb_bytes(out, endpoint->address_len == 4 ? ENDPOINT_IPV4 : ENDPOINT_IPV6, endpoint->address,
                       endpoint->address_len);
    otel__pb_text(out, ENDPOINT_SERVICE_NAME, endpoint->service);
    otel__pb_message(out, SPAN_REMOTE_ENDPOINT, mark);
}

static void write_local(struct otel__buffer *out, otel_str service) {
    const size_t mark = otel__buffer_length(out);
    otel__pb_text(out, ENDPOINT_SERVICE_NAME, service);
    otel__pb_message(out, SPAN_LOCAL_ENDPOINT, mark);
}

static void write_identity(struct otel__buffer *out, const struct otel__zipkin_span *span) {
    otel__pb_text(out, SPAN_NAME, span->data->name);
    otel__pb_uint(out, SPAN_KIND, span->kind);
    otel__pb_bytes(out, SPAN_ID, span->data->span_id, 8);
    if (span->data->parent_id)
        otel__pb_bytes(out, SPAN_PARENT_ID, span->data->parent_id, 8);
    otel__pb_bytes(out, SPAN_TRACE_ID, span->data->trace_id, 16);
}

/* False: there is no room for some text. */
static bool write_span(struct otel__buffer *out, struct otel__zipkin_encoder *encoder, const otel_span_data *data) {
    struct otel__zipkin_span span;
    const size_t mark = otel__buffer_length(out);
    otel__zipkin_map(encoder, data, &span);
    if (!write_tags(out, encoder, &span) || !write_annotations(out, encoder, data))
        return false;
    write_remote(out, &span.remote);
    write_local(out, otel__zipkin_service(encoder));
    otel__pb_uint(out, SPAN_DURATION, span.duration);
    otel__pb_fixed64(out, SPAN_TIMESTAMP, span.timestamp);
    write_identity(out, &span);
    otel__pb_message(out, LIST_SPANS, mark);
    return true;
}

otel_status otel__zipkin_encode_protobuf(void *self, otel_batch *batch, size_t first, size_t count,
                                         struct otel__buffer *out) {
    struct otel__zipkin_encoder *encoder = self;
    if (!otel__zipkin_begin(encoder, otel_batch_resource(batch)))
        return OTEL_ERR_MEMORY;
    for (size_t i = first + count; i-- > first && out->status == OTEL_OK;) {
        const otel_span_data *data = otel_batch_span(batch, i);
        if (!data)
            return OTEL_ERR_MEMORY;
        if (!write_span(out, encoder, data))
            return OTEL_ERR_EXPORT;
    }
    return out->status;
}
