/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipkin_encode_test.c - spans in Zipkin's two formats, as jansson and protobuf-c read them: both must hold the same,
 * and what the specification's mapping says.
 */
#include "zipkin/zipkin_json.h"
#include "zipkin/zipkin_protobuf.h"
#include "zipkin/zipkin_span.h"

#include "batch_double.h"
#include "failing_allocator.h"
#include "span_generator.h"
#include "zipkin_read.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const size_t no_limit = SIZE_MAX / 2;
static const uint8_t trace_id[16] = { 0xa1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff };
static const uint8_t span_id[8] = { 0xb1, 2, 3, 4, 5, 6, 7, 8 };
static const otel_scope_data unnamed;

#define IDS "'traceId':'a102030405060708090a0b0c0d0e0fff','id':'b102030405060708'"
/* Of spans without a resource that names the service; of all of them here, but for what a test is about. */
#define SERVICE "'localEndpoint':{'serviceName':'shop'}"
#define BASE IDS ",'duration':1," SERVICE

/* The spans in one of the formats, as a list of JSON. */
static json_t *encode(bool protobuf, otel_batch *batch, size_t first, size_t count) {
    struct otel__zipkin_encoder encoder = { .resource = { { NULL, 0 } } };
    struct otel__buffer out = { 0 };
    otel__buffer_reset(&out, no_limit);
    const otel_status status =
        (protobuf ? otel__zipkin_encode_protobuf : otel__zipkin_encode_json)(&encoder, batch, first, count, &out);
    assert_int_equal(status, OTEL_OK);
    json_t *read = zipkin_read(protobuf, out.cursor, otel__buffer_length(&out));
    otel__buffer_free(&out);
    otel__zipkin_free(&encoder);
    return read;
}

/* Both formats of the span, with a resource of its own, are this object. */
static void assert_encoded_with(const otel_resource_data *resource, otel_span_data span, const char *expected) {
    char list[8192];
    span.trace_id = trace_id;
    span.span_id = span_id;
    if (!span.scope)
        span.scope = &unnamed;
    otel_batch *batch = batch_double_create(&span, 1, resource);
    snprintf(list, sizeof list, "[{%s}]", expected);
    zipkin_assert_equal(encode(false, batch, 0, 1), zipkin_expected(list));
    zipkin_assert_equal(encode(true, batch, 0, 1), zipkin_expected(list));
    batch_double_free(batch);
}

static void assert_encoded(otel_span_data span, const char *expected) {
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop")) };
    assert_encoded_with(&resource, span, expected);
}

static void assert_attribute(otel_value value, const char *tag) {
    char expected[1024];
    snprintf(expected, sizeof expected, BASE ",'tags':{'k':%s}", tag);
    assert_encoded((otel_span_data){ .attributes = OTEL_ATTRS(OTEL_ATTR("k", value)) }, expected);
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static void what_has_no_content_is_left_out(void **state) {
    (void)state;
    assert_encoded((otel_span_data){ .kind = OTEL_INTERNAL }, BASE);
}

static void ids_are_hexadecimal(void **state) {
    (void)state;
    const otel_span_context context = { .size = sizeof context, .trace_id = { 1 }, .span_id = { [7] = 1 } };
    const otel_span parent = otel_span_wrap(&context);
    assert_encoded((otel_span_data){ .parent = &parent }, BASE ",'parentId':'0000000000000001'");
}

static void the_name_is_as_given(void **state) {
    (void)state;
    assert_encoded((otel_span_data){ .name = otel_cstr("GET /\xc3\xa9 \"x\"") },
                   BASE ",'name':'GET /\xc3\xa9 \\\"x\\\"'");
}

static void every_kind_but_internal_is_told(void **state) {
    (void)state;
    assert_encoded((otel_span_data){ .kind = OTEL_CLIENT }, BASE ",'kind':'CLIENT'");
    assert_encoded((otel_span_data){ .kind = OTEL_SERVER }, BASE ",'kind':'SERVER'");
    assert_encoded((otel_span_data){ .kind = OTEL_PRODUCER }, BASE ",'kind':'PRODUCER'");
    assert_encoded((otel_span_data){ .kind = OTEL_CONSUMER }, BASE ",'kind':'CONSUMER'");
}

static void times_are_whole_microseconds(void **state) {
    (void)state;
    const otel_event_data event = { .name = otel_cstr("e"), .time = 2999 };
    assert_encoded((otel_span_data){ .start_time = 1234, .end_time = 5999, .events = &event, .event_count = 1 },
                   IDS "," SERVICE ",'timestamp':1,'duration':4,'annotations':[{'timestamp':2,'value':'e'}]");
    assert_encoded(
        (otel_span_data){ .start_time = UINT64_C(1700000000123456789), .end_time = UINT64_C(1700003600123456788) },
        IDS "," SERVICE ",'timestamp':1700000000123456,'duration':3599999999");
}

static void no_duration_is_below_a_microsecond(void **state) {
    (void)state;
    assert_encoded((otel_span_data){ .start_time = 5000, .end_time = 5999 }, BASE ",'timestamp':5");
    assert_encoded((otel_span_data){ .start_time = 5000, .end_time = 5000 }, BASE ",'timestamp':5");
}

/* ---- endpoints --------------------------------------------------------------------------------------------------- */

static void the_service_is_the_local_endpoint(void **state) {
    (void)state;
    const otel_resource_data resource = { .attributes =
                                              OTEL_ATTRS(OTEL_ATTR("host.name", "h"), OTEL_ATTR("service.name", "shop"),
                                                         OTEL_ATTR("service.namespace", "ns")) };
    assert_encoded_with(&resource, (otel_span_data){ .scope = NULL },
                        BASE ",'tags':{'host.name':'h','service.namespace':'ns'}");
}

static void a_service_without_a_name_is_unknown(void **state) {
    (void)state;
    const otel_resource_data nothing = { .dropped_attributes = 1 };
    const otel_resource_data empty = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", ""), OTEL_ATTR("a", 1)) };
#define UNKNOWN IDS ",'duration':1,'localEndpoint':{'serviceName':'unknown_service:zipkin_encode_test'}"
    assert_encoded_with(&nothing, (otel_span_data){ .scope = NULL }, UNKNOWN);
    assert_encoded_with(&empty, (otel_span_data){ .scope = NULL }, UNKNOWN ",'tags':{'a':'1'}");
}

/* Those of a client, which are tags as well. */
static void assert_remote(otel_attrs attributes, const char *tags, const char *endpoint) {
    char expected[2048];
    snprintf(expected, sizeof expected, BASE ",'kind':'CLIENT','tags':{%s}%s%s", tags,
             *endpoint ? ",'remoteEndpoint':" : "", endpoint);
    assert_encoded((otel_span_data){ .kind = OTEL_CLIENT, .attributes = attributes }, expected);
}

static void the_best_source_is_the_remote_endpoint(void **state) {
    (void)state;
    static const struct {
        const char *key, *value, *port, *endpoint;
    } ranks[] = {
        { "peer.service", "s", NULL, "{'serviceName':'s'}" },
        { "server.address", "a", NULL, "{'serviceName':'a'}" },
        { "net.peer.name", "n", NULL, "{'serviceName':'n'}" },
        { "network.peer.address", "10.1.2.3", "network.peer.port", "{'ipv4':'10.1.2.3','port':80}" },
        { "server.socket.domain", "d", NULL, "{'serviceName':'d'}" },
        { "server.socket.address", "2001:db8::1", "server.socket.port", "{'ipv6':'2001:db8::1','port':80}" },
        { "net.sock.peer.name", "p", NULL, "{'serviceName':'p'}" },
        { "net.sock.peer.addr", "::ffff:10.0.0.1", "net.sock.peer.port", "{'ipv4':'10.0.0.1','port':80}" },
        { "peer.hostname", "h", NULL, "{'serviceName':'h'}" },
        { "peer.address", "1.2.3.4", NULL, "{'serviceName':'1.2.3.4'}" },
        { "db.name", "db", NULL, "{'serviceName':'db'}" },
    };
    otel_attr all[32];
    char tags[1024] = "";
    size_t count = 0;
    for (size_t i = sizeof ranks / sizeof *ranks; i-- > 0;) {
        const size_t len = strlen(tags);
        all[count++] = otel__attr(ranks[i].key, otel_string(ranks[i].value));
        if (ranks[i].port)
            all[count++] = otel__attr(ranks[i].port, otel_int(80));
        snprintf(tags + len, sizeof tags - len, "%s'%s':'%s'%s%s%s", len ? "," : "", ranks[i].key, ranks[i].value,
                 ranks[i].port ? ",'" : "", ranks[i].port ? ranks[i].port : "", ranks[i].port ? "':'80'" : "");
        assert_remote((otel_attrs){ all, count }, tags, ranks[i].endpoint);
    }
}

static void what_is_no_address_is_no_source(void **state) {
    (void)state;
    assert_remote(OTEL_ATTRS(OTEL_ATTR("network.peer.address", "/run/db.sock"), OTEL_ATTR("db.name", "d")),
                  "'network.peer.address':'/run/db.sock','db.name':'d'", "{'serviceName':'d'}");
    assert_remote(OTEL_ATTRS(OTEL_ATTR("peer.service", ""), OTEL_ATTR("db.name", "d")),
                  "'peer.service':'','db.name':'d'", "{'serviceName':'d'}");
    assert_remote(OTEL_ATTRS(OTEL_ATTR("peer.service", 5)), "'peer.service':'5'", "");
    assert_remote(
        OTEL_ATTRS(OTEL_ATTR("network.peer.address", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21")),
        "'network.peer.address':'1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21'", "");
    assert_remote(OTEL_ATTRS(OTEL_ATTR("network.peer.address", otel_stringn("1.2.3.4\0x", 9))),
                  "'network.peer.address':'1.2.3.4\\u0000x'", "");
}

static void a_port_that_is_not_known_is_left_out(void **state) {
    (void)state;
#define PEER OTEL_ATTR("network.peer.address", "::1")
#define PEER_TAG "'network.peer.address':'::1'"
    assert_remote(OTEL_ATTRS(PEER), PEER_TAG, "{'ipv6':'::1'}");
    assert_remote(OTEL_ATTRS(PEER, OTEL_ATTR("network.peer.port", 0)), PEER_TAG ",'network.peer.port':'0'",
                  "{'ipv6':'::1'}");
    assert_remote(OTEL_ATTRS(PEER, OTEL_ATTR("network.peer.port", 65537)), PEER_TAG ",'network.peer.port':'65537'",
                  "{'ipv6':'::1'}");
    assert_remote(OTEL_ATTRS(PEER, OTEL_ATTR("network.peer.port", "x")), PEER_TAG ",'network.peer.port':'x'",
                  "{'ipv6':'::1'}");
}

static void only_clients_and_producers_have_a_remote_endpoint(void **state) {
    (void)state;
    const otel_attrs peer = OTEL_ATTRS(OTEL_ATTR("peer.service", "s"));
#define PEER_SERVICE ",'tags':{'peer.service':'s'}"
    assert_encoded((otel_span_data){ .kind = OTEL_PRODUCER, .attributes = peer },
                   BASE ",'kind':'PRODUCER','remoteEndpoint':{'serviceName':'s'}" PEER_SERVICE);
    assert_encoded((otel_span_data){ .kind = OTEL_SERVER, .attributes = peer }, BASE ",'kind':'SERVER'" PEER_SERVICE);
    assert_encoded((otel_span_data){ .kind = OTEL_CONSUMER, .attributes = peer },
                   BASE ",'kind':'CONSUMER'" PEER_SERVICE);
    assert_encoded((otel_span_data){ .kind = OTEL_INTERNAL, .attributes = peer }, BASE PEER_SERVICE);
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static void values_are_text(void **state) {
    (void)state;
    assert_attribute(otel_string("a \"b\""), "'a \\\"b\\\"'");
    assert_attribute(otel_string(""), "''");
    assert_attribute(otel_none(), "''");
    assert_attribute(otel_bool(true), "'true'");
    assert_attribute(otel_bool(false), "'false'");
    assert_attribute(otel_int(INT64_MIN), "'-9223372036854775808'");
    assert_attribute(otel_double(1234567.5), "'1234567.5'");
    assert_attribute(otel_double((double)NAN), "'NaN'");
    assert_attribute(otel_double(-(double)INFINITY), "'-Infinity'");
    assert_attribute(otel_bytes("\xff\x00\x01", 3), "'/wAB'");
    assert_attribute(OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE("x"), otel_double((double)NAN), otel_none()),
                     "'[1,\\\"x\\\",\\\"NaN\\\",null]'");
    assert_attribute(OTEL_MAP(OTEL_ATTR("a", OTEL_ARRAY(otel_bool(true)))), "'{\\\"a\\\":[true]}'");
    const int64_t numbers[] = { 1, 2 };
    assert_attribute(otel_ints(numbers, 2), "'[1,2]'");
    assert_attribute(otel_ints(numbers, 0), "'[]'");
}

static void no_locale_matters(void **state) {
    (void)state;
    static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8" };
    bool found = false;
    for (size_t i = 0; !found && i < sizeof locales / sizeof *locales; i++)
        found = setlocale(LC_ALL, locales[i]) != NULL;
    if (!found)
        skip(); /* none with a comma is installed */
    assert_attribute(otel_double(1234567.5), "'1234567.5'");
    setlocale(LC_ALL, "C");
}

static void a_status_is_two_tags(void **state) {
    (void)state;
    assert_encoded((otel_span_data){ .status = OTEL_CODE_OK }, BASE ",'tags':{'otel.status_code':'OK'}");
    assert_encoded((otel_span_data){ .status = OTEL_CODE_ERROR },
                   BASE ",'tags':{'otel.status_code':'ERROR','error':''}");
    assert_encoded((otel_span_data){ .status = OTEL_CODE_ERROR, .status_text = otel_cstr("disk full") },
                   BASE ",'tags':{'otel.status_code':'ERROR','error':'disk full'}");
}

static void a_tag_error_is_always_an_error(void **state) {
    (void)state;
    const otel_attrs no = OTEL_ATTRS(OTEL_ATTR("error", otel_bool(false))),
                     no_text = OTEL_ATTRS(OTEL_ATTR("error", "false"));
    assert_encoded((otel_span_data){ .attributes = no }, BASE);
    assert_encoded((otel_span_data){ .attributes = no_text }, BASE);
    assert_encoded((otel_span_data){ .attributes = OTEL_ATTRS(OTEL_ATTR("error", otel_bool(true))) },
                   BASE ",'tags':{'error':'true'}");
    assert_encoded((otel_span_data){ .attributes = OTEL_ATTRS(OTEL_ATTR("error", "timeout")) },
                   BASE ",'tags':{'error':'timeout'}");
    assert_encoded((otel_span_data){ .attributes = no, .status = OTEL_CODE_ERROR, .status_text = otel_cstr("false") },
                   BASE ",'tags':{'otel.status_code':'ERROR','error':'false'}");
}

static void what_else_is_known_is_a_tag(void **state) {
    (void)state;
    const otel_scope_data scope = { .name = otel_cstr("lib"),
                                    .version = otel_cstr("1.2"),
                                    .attributes = OTEL_ATTRS(OTEL_ATTR("a", "scope"), OTEL_ATTR("b", 2)) };
    assert_encoded((otel_span_data){ .scope = &scope,
                                     .attributes = OTEL_ATTRS(OTEL_ATTR("a", "span")),
                                     .dropped_attributes = 1,
                                     .dropped_events = 2,
                                     .dropped_links = 3 },
                   BASE ",'tags':{'otel.scope.name':'lib','otel.scope.version':'1.2','otel.library.name':'lib',"
                        "'otel.library.version':'1.2','a':'span','b':'2','otel.dropped_attributes_count':'1',"
                        "'otel.dropped_events_count':'2','otel.dropped_links_count':'3'}");
}

/* ---- annotations ------------------------------------------------------------------------------------------------- */

static void events_are_annotations(void **state) {
    (void)state;
    const otel_event_data events[] = {
        { .name = otel_cstr("plain \"x\""), .time = 1000 },
        { .name = otel_cstr("with \"x\""),
          .time = 2000,
          .attributes = OTEL_ATTRS(OTEL_ATTR("a", "b\"c"), OTEL_ATTR("n", 1)) },
        { .name = otel_cstr("lost"), .time = 3000, .dropped_attributes = 4 },
        { .name = otel_cstr("some"),
          .time = 4000,
          .attributes = OTEL_ATTRS(OTEL_ATTR("otel.dropped_attributes_count", 9), OTEL_ATTR("x", 1.5)),
          .dropped_attributes = 5 },
        { .name = otel_cstr(""), .time = 0 },
    };
    assert_encoded(
        (otel_span_data){ .events = events, .event_count = 5 },
        BASE ",'annotations':["
             "{'timestamp':1,'value':'plain \\\"x\\\"'},"
             "{'timestamp':2,'value':'\\\"with \\\\\\\"x\\\\\\\"\\\": {\\\"a\\\":\\\"b\\\\\\\"c\\\",\\\"n\\\":1}'},"
             "{'timestamp':3,'value':'\\\"lost\\\": {\\\"otel.dropped_attributes_count\\\":4}'},"
             "{'timestamp':4,'value':'\\\"some\\\": {\\\"x\\\":1.5,\\\"otel.dropped_attributes_count\\\":5}'},"
             "{'timestamp':0,'value':''}]");
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static void both_formats_hold_the_same(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        span_set *set = span_set_create(seed, 1 + seed % 32);
        const size_t count = span_set_count(set);
        otel_batch *batch = batch_double_create(span_set_spans(set), count, span_set_resource(set));
        json_t *read = encode(false, batch, 0, count);
        assert_int_equal(json_array_size(read), count);
        zipkin_assert_equal(encode(true, batch, 0, count), read);
        batch_double_free(batch);
        span_set_free(set);
    }
}

static void a_part_of_a_batch_in_its_order(void **state) {
    (void)state;
    static const uint8_t ids[3][8] = { { 1 }, { 2 }, { 3 } };
    otel_span_data spans[3];
    for (size_t i = 0; i < 3; i++)
        spans[i] = (otel_span_data){ .trace_id = trace_id, .span_id = ids[i], .scope = &unnamed };
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop")) };
    otel_batch *batch = batch_double_create(spans, 3, &resource);
    for (int protobuf = 0; protobuf < 2; protobuf++) {
        json_t *read = encode(protobuf, batch, 1, 2);
        assert_int_equal(json_array_size(read), 2);
        assert_string_equal(json_string_value(json_object_get(json_array_get(read, 0), "id")), "0200000000000000");
        assert_string_equal(json_string_value(json_object_get(json_array_get(read, 1), "id")), "0300000000000000");
        json_decref(read);
    }
    batch_double_free(batch);
}

static void every_limit(void **state) {
    (void)state;
    span_set *set = span_set_create(5, 3);
    otel_batch *batch = batch_double_create(span_set_spans(set), 3, span_set_resource(set));
    struct otel__zipkin_encoder encoder = { .resource = { { NULL, 0 } } };
    struct otel__buffer out = { 0 };
    for (int protobuf = 0; protobuf < 2; protobuf++) {
        otel_status status = OTEL_ERR_EXPORT;
        for (size_t limit = 0; status != OTEL_OK; limit++) {
            otel__buffer_reset(&out, limit);
            status = (protobuf ? otel__zipkin_encode_protobuf : otel__zipkin_encode_json)(&encoder, batch, 0, 3, &out);
            assert_true(status == OTEL_OK || status == OTEL_ERR_EXPORT);
            assert_true(otel__buffer_length(&out) <= limit);
        }
    }
    otel__buffer_free(&out);
    otel__zipkin_free(&encoder);
    batch_double_free(batch);
    span_set_free(set);
}

/* Whichever allocation fails, the encoding fails as a whole. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    span_set *set = span_set_create(6, 300);
    otel_batch *batch = batch_double_create(span_set_spans(set), 300, span_set_resource(set));
    for (int protobuf = 0; protobuf < 2; protobuf++) {
        bool failed = true;
        for (unsigned nth = 1; failed; nth++) {
            struct otel__zipkin_encoder encoder = { .resource = { { NULL, 0 } } };
            struct otel__buffer out = { 0 };
            otel__buffer_reset(&out, no_limit);
            failing_allocator_fail(nth, false);
            const otel_status status =
                (protobuf ? otel__zipkin_encode_protobuf : otel__zipkin_encode_json)(&encoder, batch, 0, 300, &out);
            failed = failing_allocator_failures() > 0;
            failing_allocator_fail(0, false);
            assert_true(failed ? status != OTEL_OK : status == OTEL_OK);
            otel__buffer_free(&out);
            otel__zipkin_free(&encoder);
        }
    }
    batch_double_free(batch);
    span_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_content_is_left_out),
        cmocka_unit_test(ids_are_hexadecimal),
        cmocka_unit_test(the_name_is_as_given),
        cmocka_unit_test(every_kind_but_internal_is_told),
        cmocka_unit_test(times_are_whole_microseconds),
        cmocka_unit_test(no_duration_is_below_a_microsecond),
        cmocka_unit_test(the_service_is_the_local_endpoint),
        cmocka_unit_test(a_service_without_a_name_is_unknown),
        cmocka_unit_test(the_best_source_is_the_remote_endpoint),
        cmocka_unit_test(what_is_no_address_is_no_source),
        cmocka_unit_test(a_port_that_is_not_known_is_left_out),
        cmocka_unit_test(only_clients_and_producers_have_a_remote_endpoint),
        cmocka_unit_test(values_are_text),
        cmocka_unit_test(no_locale_matters),
        cmocka_unit_test(a_status_is_two_tags),
        cmocka_unit_test(a_tag_error_is_always_an_error),
        cmocka_unit_test(what_else_is_known_is_a_tag),
        cmocka_unit_test(events_are_annotations),
        cmocka_unit_test(both_formats_hold_the_same),
        cmocka_unit_test(a_part_of_a_batch_in_its_order),
        cmocka_unit_test(every_limit),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
