/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_span.c - see zipkin_span.h. */
#include "zipkin/zipkin_span.h"

#include "base/str.h"
#include "common/service_name.h"
#include "common/value_text.h"

#include <arpa/inet.h>
#include <inttypes.h>

static const char dropped_attributes[] = "otel.dropped_attributes_count";

/* ---- the other end ----------------------------------------------------------------------------------------------- */

/* What tells who is at the other end, the best first: by name, or by address and port. */
static const struct remote_source {
    const char *key, *port_key; /* NULL: it is a name */
} remote_sources[] = {
    { "peer.service", NULL },
    { "server.address", NULL },
    { "net.peer.name", NULL },
    { "network.peer.address", "network.peer.port" },
    { "server.socket.domain", NULL },
    { "server.socket.address", "server.socket.port" },
    { "net.sock.peer.name", NULL },
    { "net.sock.peer.addr", "net.sock.peer.port" },
    { "peer.hostname", NULL },
    { "peer.address", NULL },
    { "db.name", NULL },
};

static const otel_value *find(otel_attrs attributes, const char *key) {
    for (size_t i = 0; i < attributes.count; i++)
        if (otel__str_same(attributes.items[i].key, otel_cstr(key)))
            return &attributes.items[i].value;
    return NULL;
}

/* False: it is no address of the Internet, such as the path of a Unix socket. */
static bool read_address(otel_str text, struct otel__zipkin_endpoint *endpoint) {
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    char address[INET6_ADDRSTRLEN];
    if (text.len >= sizeof address || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(address, text.ptr, text.len);
    address[text.len] = '\0';
    if (inet_pton(AF_INET, address, endpoint->address) == 1)
        endpoint->address_len = 4;
    else if (inet_pton(AF_INET6, address, endpoint->address) == 1)
        endpoint->address_len = 16;
    if (endpoint->address_len == 16 && memcmp(endpoint->address, mapped, sizeof mapped) == 0) {
        memmove(endpoint->address, endpoint->address + sizeof mapped, 4);
        endpoint->address_len = 4;
    }
    return endpoint->address_len > 0;
}

static uint16_t read_port(const otel_value *value) {
    const bool port = value && value->type == OTEL_TYPE_INT && value->u.i > 0 && value->u.i <= UINT16_MAX;
    return port ? (uint16_t)value->u.i : 0;
}

/* False: the source is missing, or nothing that a server could be found by. */
static bool read_source(otel_attrs attributes, const struct remote_source *source,
                        struct otel__zipkin_endpoint *endpoint) {
    const otel_value *value = find(attributes, source->key);
    if (!value || value->type != OTEL_TYPE_STRING || value->len == 0)
        return false;
    const otel_str text = otel_strn(value->u.p, value->len);
    if (!source->port_key)
        endpoint->service = text;
    else if (read_address(text, endpoint))
        endpoint->port = read_port(find(attributes, source->port_key));
    else
        return false;
    return true;
}

static struct otel__zipkin_endpoint find_remote(const otel_span_data *data) {
    struct otel__zipkin_endpoint endpoint = { .port = 0 };
    if (data->kind != OTEL_CLIENT && data->kind != OTEL_PRODUCER)
        return endpoint;
    for (size_t i = 0; i < sizeof remote_sources / sizeof *remote_sources; i++)
        if (read_source(data->attributes, &remote_sources[i], &endpoint))
            break;
    return endpoint;
}

/* ---- the span ---------------------------------------------------------------------------------------------------- */

static enum otel__zipkin_kind kind_of(otel_kind kind) {
    switch (kind) {
    case OTEL_CLIENT:
        return OTEL__ZIPKIN_CLIENT;
    case OTEL_SERVER:
        return OTEL__ZIPKIN_SERVER;
    case OTEL_PRODUCER:
        return OTEL__ZIPKIN_PRODUCER;
    case OTEL_CONSUMER:
        return OTEL__ZIPKIN_CONSUMER;
    default:
        return OTEL__ZIPKIN_NO_KIND;
    }
}

/* Zipkin takes 0 for unknown. */
static uint64_t duration_of(const otel_span_data *data) {
    const uint64_t us = data->end_time > data->start_time ? (data->end_time - data->start_time) / 1000 : 0;
    return us > 0 ? us : 1;
}

bool otel__zipkin_begin(struct otel__zipkin_encoder *encoder, const otel_resource_data *resource) {
    const otel_attrs attributes = resource->attributes;
    const size_t before = otel__service_name(resource, &encoder->service);
    const size_t after = before < attributes.count ? before + 1 : before;
    encoder->resource[0] = (otel_attrs){ attributes.items, before };
    encoder->resource[1] = (otel_attrs){ attributes.items ? attributes.items + after : NULL, attributes.count - after };
    return !encoder->service.cut;
}

void otel__zipkin_map(const struct otel__zipkin_encoder *encoder, const otel_span_data *data,
                      struct otel__zipkin_span *span) {
    span->data = data;
    span->kind = kind_of(data->kind);
    span->timestamp = data->start_time / 1000;
    span->duration = duration_of(data);
    span->remote = find_remote(data);
    otel__tags_of_span(&span->tags, data, OTEL__TAGS_WITHOUT_DESCRIPTION);
    otel__tags_add_list(&span->tags, encoder->resource[0]);
    otel__tags_add_list(&span->tags, encoder->resource[1]);
    if (data->status == OTEL_CODE_ERROR)
        otel__tags_add(&span->tags, "error", otel_stringn(data->status_text.ptr, data->status_text.len));
}

/* For Zipkin a span has failed if it has a tag of this name, whatever that says. */
static bool denies_error(const otel_attr *tag) {
    if (!otel__str_same(tag->key, otel_cstr("error")))
        return false;
    const otel_value *value = &tag->value;
    return (value->type == OTEL_TYPE_BOOL && !value->u.i) ||
           (value->type == OTEL_TYPE_STRING && otel__str_same(otel_strn(value->u.p, value->len), otel_cstr("false")));
}

const otel_attr *otel__zipkin_previous_tag(struct otel__zipkin_span *span) {
    const otel_attr *tag;
    do
        tag = otel__tags_previous(&span->tags);
    while (tag && span->data->status != OTEL_CODE_ERROR && denies_error(tag));
    return tag;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Not NULL even when empty. */
static otel_str text_of(const struct otel__line *line) {
    if (line->cut)
        return (otel_str){ NULL, 0 };
    return line->text ? (otel_str){ line->text, line->len } : (otel_str){ "", 0 };
}

otel_str otel__zipkin_tag_text(struct otel__zipkin_encoder *encoder, const otel_value *value) {
    if (value->type == OTEL_TYPE_STRING && value->u.p)
        return otel_strn(value->u.p, value->len);
    otel__line_clear(&encoder->text);
    otel__value_text(&encoder->text, value);
    return text_of(&encoder->text);
}

static void add_member(struct otel__line *line, const otel_attr *attribute) {
    otel__line_json(line, attribute->key);
    otel__line_add(line, ":");
    otel__value_json(line, &attribute->value);
}

static void add_members(struct otel__line *line, const otel_event_data *event) {
    const otel_attr dropped = otel__attr(dropped_attributes, otel_int(event->dropped_attributes));
    const char *comma = "";
    for (size_t i = 0; i < event->attributes.count; i++) {
        const otel_attr *attribute = &event->attributes.items[i];
        if (event->dropped_attributes > 0 && otel__str_same(attribute->key, dropped.key))
            continue;
        otel__line_add(line, comma);
        add_member(line, attribute);
        comma = ",";
    }
    if (event->dropped_attributes > 0) {
        otel__line_add(line, comma);
        add_member(line, &dropped);
    }
}

otel_str otel__zipkin_event_text(struct otel__zipkin_encoder *encoder, const otel_event_data *event) {
    struct otel__line *line = &encoder->text;
    if (event->attributes.count == 0 && event->dropped_attributes == 0)
        return otel_strn(event->name.ptr ? event->name.ptr : "", event->name.len);
    otel__line_clear(line);
    otel__line_json(line, event->name);
    otel__line_add(line, ": {");
    add_members(line, event);
    otel__line_add(line, "}");
    return text_of(line);
}

void otel__zipkin_free(void *self) {
    struct otel__zipkin_encoder *encoder = self;
    otel__line_free(&encoder->service);
    otel__line_free(&encoder->text);
}
