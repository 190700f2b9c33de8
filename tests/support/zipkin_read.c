/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_read.c - see zipkin_read.h. */
#include "zipkin_read.h"

#include "zipkin.pb-c.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- protobuf ---------------------------------------------------------------------------------------------------- */

static void assert_known(const ProtobufCMessage *message) { assert_int_equal(message->n_unknown_fields, 0); }

static json_t *text_of(ProtobufCBinaryData data) {
    json_t *text = json_stringn(data.len > 0 ? (const char *)data.data : "", data.len); /* NULL: it is not UTF-8 */
    assert_non_null(text);
    return text;
}

static void add_text(json_t *object, const char *key, ProtobufCBinaryData data) {
    if (data.len > 0)
        json_object_set_new(object, key, text_of(data));
}

static void add_number(json_t *object, const char *key, uint64_t number) {
    if (number > 0)
        json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void add_id(json_t *object, const char *key, ProtobufCBinaryData id, size_t len) {
    char hex[33];
    assert_int_equal(id.len, len);
    for (size_t i = 0; i < len; i++)
        sprintf(hex + 2 * i, "%02x", id.data[i]);
    json_object_set_new(object, key, json_string(hex));
}

static void add_address(json_t *object, const char *key, ProtobufCBinaryData address, int family, size_t len) {
    char text[INET6_ADDRSTRLEN];
    if (address.len == 0)
        return;
    assert_int_equal(address.len, len);
    json_object_set_new(object, key, json_string(inet_ntop(family, address.data, text, sizeof text)));
}

static void add_endpoint(json_t *object, const char *key, const Otel__Zipkin__Endpoint *endpoint) {
    if (!endpoint)
        return;
    json_t *ours = json_object();
    assert_known(&endpoint->base);
    add_text(ours, "serviceName", endpoint->service_name);
    add_address(ours, "ipv4", endpoint->ipv4, AF_INET, 4);
    add_address(ours, "ipv6", endpoint->ipv6, AF_INET6, 16);
    add_number(ours, "port", (uint64_t)endpoint->port);
    assert_true(json_object_size(ours) > 0);
    json_object_set_new(object, key, ours);
}

static void add_annotations(json_t *object, const Otel__Zipkin__Span *span) {
    json_t *list = json_array();
    for (size_t i = 0; i < span->n_annotations; i++) {
        json_t *annotation = json_object();
        assert_known(&span->annotations[i]->base);
        json_object_set_new(annotation, "timestamp", json_integer((json_int_t)span->annotations[i]->timestamp));
        json_object_set_new(annotation, "value", text_of(span->annotations[i]->value));
        json_array_append_new(list, annotation);
    }
    if (span->n_annotations > 0)
        json_object_set(object, "annotations", list);
    json_decref(list);
}

static void add_tags(json_t *object, const Otel__Zipkin__Span *span) {
    json_t *tags = json_object();
    for (size_t i = 0; i < span->n_tags; i++) {
        json_t *key = text_of(span->tags[i]->key);
        assert_known(&span->tags[i]->base);
        assert_null(json_object_get(tags, json_string_value(key)));
        json_object_set_new(tags, json_string_value(key), text_of(span->tags[i]->value));
        json_decref(key);
    }
    if (span->n_tags > 0)
        json_object_set(object, "tags", tags);
    json_decref(tags);
}

static json_t *read_span(const Otel__Zipkin__Span *span) {
    static const char *const kinds[] = { NULL, "CLIENT", "SERVER", "PRODUCER", "CONSUMER" };
    json_t *object = json_object();
    assert_known(&span->base);
    assert_in_range(span->kind, 0, 4);
    assert_false(span->debug || span->shared);
    add_id(object, "traceId", span->trace_id, 16);
    if (span->parent_id.len > 0)
        add_id(object, "parentId", span->parent_id, 8);
    add_id(object, "id", span->id, 8);
    if (kinds[span->kind])
        json_object_set_new(object, "kind", json_string(kinds[span->kind]));
    add_text(object, "name", span->name);
    add_number(object, "timestamp", span->timestamp);
    add_number(object, "duration", span->duration);
    add_endpoint(object, "localEndpoint", span->local_endpoint);
    add_endpoint(object, "remoteEndpoint", span->remote_endpoint);
    add_annotations(object, span);
    add_tags(object, span);
    return object;
}

static json_t *read_protobuf(const uint8_t *bytes, size_t len) {
    Otel__Zipkin__ListOfSpans *list = otel__zipkin__list_of_spans__unpack(NULL, len, bytes);
    json_t *spans = json_array();
    assert_non_null(list);
    assert_known(&list->base);
    for (size_t i = 0; i < list->n_spans; i++)
        json_array_append_new(spans, read_span(list->spans[i]));
    otel__zipkin__list_of_spans__free_unpacked(list, NULL);
    return spans;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static json_t *read_json(const char *text, size_t len) {
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value)
        fail_msg("%s at %d of %.*s", error.text, error.position, (int)len, text);
    return value;
}

json_t *zipkin_read(bool protobuf, const uint8_t *bytes, size_t len) {
    return protobuf ? read_protobuf(bytes, len) : read_json((const char *)bytes, len);
}

json_t *zipkin_expected(const char *text) {
    char *quoted = strdup(text);
    for (char *quote; (quote = strchr(quoted, '\'')) != NULL;)
        *quote = '"';
    json_t *value = read_json(quoted, strlen(quoted));
    free(quoted);
    return value;
}

void zipkin_assert_equal(json_t *actual, json_t *expected) {
    if (!json_equal(actual, expected)) {
        char *is = json_dumps(actual, JSON_INDENT(2) | JSON_SORT_KEYS);
        char *should_be = json_dumps(expected, JSON_INDENT(2) | JSON_SORT_KEYS);
        print_error("it is %s\nbut should be %s\n", is, should_be);
        free(is);
        free(should_be);
        fail();
    }
    json_decref(actual);
    json_decref(expected);
}
