/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipkin_json.c - one pass over the batch, back to front, in the same order as zipkin_protobuf.c. What has no content
 * is left out.
 */
#include "zipkin/zipkin_json.h"

#include "common/json_writer.h"
#include "zipkin/zipkin_span.h"

#include <arpa/inet.h>

static void write_text(struct otel__buffer *out, const char *key, otel_str text) {
    if (text.len == 0)
        return;
    otel__json_string(out, text);
    otel__json_key(out, key);
}

static void write_number(struct otel__buffer *out, const char *key, uint64_t number) {
    if (number == 0)
        return;
    otel__json_uint(out, number);
    otel__json_key(out, key);
}

static void write_id(struct otel__buffer *out, const char *key, const uint8_t *id, size_t len) {
    otel__json_hex(out, id, len);
    otel__json_key(out, key);
}

/* False: there is no room for the text. */
static bool write_tags(struct otel__buffer *out, struct otel__zipkin_encoder *encoder, struct otel__zipkin_span *span) {
    const otel_attr *tag = otel__zipkin_previous_tag(span);
    if (!tag)
        return true;
    otel__json_end(out, '}');
    for (; tag; tag = otel__zipkin_previous_tag(span)) {
        const otel_str text = otel__zipkin_tag_text(encoder, &tag->value);
        if (!text.ptr)
            return false;
        otel__json_string(out, text);
        otel__json_key_text(out, tag->key);
    }
    otel__json_begin(out, '{');
    otel__json_key(out, "tags");
    return true;
}

/* False: there is no room for the text. */
static bool write_annotations(struct otel__buffer *out, struct otel__zipkin_encoder *encoder,
                              const otel_span_data *data) {
    if (data->event_count == 0)
        return true;
    otel__json_end(out, ']');
    for (size_t i = data->event_count; i-- > 0;) {
        const otel_str text = otel__zipkin_event_text(encoder, &data->events[i]);
        if (!text.ptr)
            return false;
        otel__json_end(out, '}');
        otel__json_string(out, text);
        otel__json_key(out, "value");
        otel__json_uint(out, data->events[i].time / 1000);
        otel__json_key(out, "timestamp");
        otel__json_begin(out, '{');
    }
    otel__json_begin(out, '[');
    otel__json_key(out, "annotations");
    return true;
}

static void write_remote(struct otel__buffer *out, const struct otel__zipkin_endpoint *endpoint) {
    char address[INET6_ADDRSTRLEN] = "";
    const bool v4 = endpoint->address_len == 4;
    if (endpoint->service.len == 0 && endpoint->address_len == 0)
        return;
    if (endpoint->address_len > 0)
        inet_ntop(v4 ? AF_INET : AF_INET6, endpoint->address, address, sizeof address);
    otel__json_end(out, '}');
    write_number(out, "port", endpoint->port);
    write_text(out, v4 ? "ipv4" : "ipv6", otel_cstr(address));
    write_text(out, "serviceName", endpoint->service);
    otel__json_begin(out, '{');
    otel__json_key(out, "remoteEndpoint");
}

static void write_local(struct otel__buffer *out, otel_str service) {
    otel__json_end(out, '}');
    write_text(out, "serviceName", service);
    otel__json_begin(out, '{');
    otel__json_key(out, "localEndpoint");
}

static void write_identity(struct otel__buffer *out, const struct otel__zipkin_span *span) {
    static const char *const kinds[] = { "", "CLIENT", "SERVER", "PRODUCER", "CONSUMER" };
    write_text(out, "name", span->data->name);
    write_text(out, "kind", otel_cstr(kinds[span->kind]));
    write_id(out, "id", span->data->span_id, 8);
    if (span->data->parent_id)
        write_id(out, "parentId", span->data->parent_id, 8);
    write_id(out, "traceId", span->data->trace_id, 16);
}

/* False: there is no room for some text. */
static bool write_span(struct otel__buffer *out, struct otel__zipkin_encoder *encoder, const otel_span_data *data) {
    struct otel__zipkin_span span;
    otel__zipkin_map(encoder, data, &span);
    otel__json_end(out, '}');
    if (!write_tags(out, encoder, &span) || !write_annotations(out, encoder, data))
        return false;
    write_remote(out, &span.remote);
    write_local(out, otel__zipkin_service(encoder));
    write_number(out, "duration", span.duration);
    write_number(out, "timestamp", span.timestamp);
    write_identity(out, &span);
    otel__json_begin(out, '{');
    return true;
}

otel_status otel__zipkin_encode_json(void *self, otel_batch *batch, size_t first, size_t count,
                                     struct otel__buffer *out) {
    struct otel__zipkin_encoder *encoder = self;
    if (!otel__zipkin_begin(encoder, otel_batch_resource(batch)))
        return OTEL_ERR_MEMORY;
    otel__json_end(out, ']');
    for (size_t i = first + count; i-- > first && out->status == OTEL_OK;) {
        const otel_span_data *data = otel_batch_span(batch, i);
        if (!data)
            return OTEL_ERR_MEMORY;
        if (!write_span(out, encoder, data))
            return OTEL_ERR_EXPORT;
    }
    otel__json_begin(out, '[');
    return out->status;
}
