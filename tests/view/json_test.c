/* SPDX-License-Identifier: Apache-2.0 */
/* What the viewer holds, as JSON: every field and type of value, and text that is no text. */
#include "decode.h"
#include "fixture.h"
#include "json_api.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Compares with expected JSON written with ' for ". */
static void assert_json(const json_t *actual, const char *expected) {
    char *quoted = strdup(expected);
    for (char *c = quoted; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    json_t *wanted = json_loads(quoted, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    char *shown = json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    char *wanted_text = json_dumps(wanted, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    assert_string_equal(shown, wanted_text);
    free(shown);
    free(wanted_text);
    free(quoted);
    json_decref(wanted);
}

static json_t *parse(char *text, size_t len) {
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static json_t *trace_json(const struct view_store *store, uint8_t trace) {
    size_t len = 0;
    char *text = view_json_trace(fixture_trace(store, trace), &len);
    return parse(text, len);
}

static void test_a_span_is_whole(void **state) {
    (void)state;
    const struct fixture_span spans[] = {
        { .service = "shop",
          .trace = 0xab,
          .id = 1,
          .parent = 2,
          .name = "charge",
          .kind = OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_CLIENT,
          .start_us = 1,
          .duration_us = 2,
          .error = "refused",
          .attributes = { { .key = "a", .text = "x" }, { .key = "b", .number = INT64_MIN } },
          .events = { { .name = "e", .at_us = 2, .attributes = { { .key = "c", .text = "" } } } },
          .link_trace = 0xcd },
    };
    struct view_store *store = view_store_new(10, 1 << 20);
    fixture_add(store, spans, 1, 0);
    json_t *json = trace_json(store, 0xab);
    assert_json(
        json, "{'trace_id':'abababababababababababababababab','spans':[{"
              "'trace_id':'abababababababababababababababab','span_id':'0000000000000001',"
              "'parent_span_id':'0000000000000002','trace_state':'','flags':257,'name':'charge','kind':'CLIENT',"
              "'start_time_unix_nano':'1700000000000001000','end_time_unix_nano':'1700000000000003000',"
              "'duration_nano':'2000','service':'shop','status':{'code':'ERROR','message':'refused'},"
              "'attributes':[{'key':'a','type':'string','value':'x'},"
              "{'key':'b','type':'int','value':'-9223372036854775808'}],'dropped_attributes_count':0,"
              "'events':[{'name':'e','time_unix_nano':'1700000000000002000',"
              "'attributes':[{'key':'c','type':'string','value':''}],'dropped_attributes_count':0}],"
              "'dropped_events_count':0,"
              "'links':[{'trace_id':'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','span_id':'0000000000000001','trace_state':'',"
              "'flags':0,'attributes':[],'dropped_attributes_count':0}],'dropped_links_count':0,"
              "'resource':{'attributes':[{'key':'service.name','type':'string','value':'shop'}],"
              "'dropped_attributes_count':0,'schema_url':''},"
              "'scope':{'name':'fixture','version':'1.0','attributes':[],'dropped_attributes_count':0,'schema_url':''}"
              "}]}");
    json_decref(json);
    view_store_free(store);
}

#define TEXT(text)                                                                                                     \
    { .len = sizeof(text) - 1, .data = (uint8_t *)(uintptr_t)(text) }

/* A span with one attribute of that value, packed into a request. */
static json_t *value_json(Otel__Otlp__AnyValue *value) {
    Otel__Otlp__KeyValue pair = OTEL__OTLP__KEY_VALUE__INIT;
    pair.key = (ProtobufCBinaryData)TEXT("k");
    pair.value = value;
    Otel__Otlp__KeyValue *pairs[] = { &pair };
    Otel__Otlp__Span span = OTEL__OTLP__SPAN__INIT;
    span.trace_id = (ProtobufCBinaryData)TEXT("\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1");
    span.span_id = (ProtobufCBinaryData)TEXT("12345678");
    span.n_attributes = 1;
    span.attributes = pairs;
    span.dropped_attributes_count = UINT32_MAX;
    Otel__Otlp__Span *spans[] = { &span };
    Otel__Otlp__ScopeSpans scope_spans = OTEL__OTLP__SCOPE_SPANS__INIT;
    scope_spans.n_spans = 1;
    scope_spans.spans = spans;
    Otel__Otlp__ScopeSpans *scopes[] = { &scope_spans };
    Otel__Otlp__ResourceSpans resource_spans = OTEL__OTLP__RESOURCE_SPANS__INIT;
    resource_spans.n_scope_spans = 1;
    resource_spans.scope_spans = scopes;
    Otel__Otlp__ResourceSpans *resources[] = { &resource_spans };
    Otel__Otlp__ExportTraceServiceRequest request = OTEL__OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = resources;
    uint8_t packed[1024];
    assert_true(otel__otlp__export_trace_service_request__get_packed_size(&request) <= sizeof packed);
    size_t len = otel__otlp__export_trace_service_request__pack(&request, packed);

    struct view_store *store = view_store_new(10, 1 << 20);
    assert_int_equal(view_decode(packed, len, store, 0).rejected, 0);
    json_t *json = trace_json(store, 1);
    json_t *first = json_array_get(json_object_get(json, "spans"), 0);
    assert_int_equal(json_integer_value(json_object_get(first, "dropped_attributes_count")), UINT32_MAX);
    assert_true(json_is_null(json_object_get(first, "parent_span_id")));
    json_t *result = json_incref(json_array_get(json_object_get(first, "attributes"), 0));
    json_decref(json);
    view_store_free(store);
    return result;
}

static void assert_value(Otel__Otlp__AnyValue value, const char *expected) {
    json_t *json = value_json(&value);
    assert_json(json, expected);
    json_decref(json);
}

#define VALUE(case_name, ...)                                                                                          \
    (Otel__Otlp__AnyValue) {                                                                                           \
        .base = PROTOBUF_C_MESSAGE_INIT(&otel__otlp__any_value__descriptor),                                           \
        .value_case = OTEL__OTLP__ANY_VALUE__VALUE_##case_name, __VA_ARGS__                                            \
    }

static void test_every_type_of_value(void **state) {
    (void)state;
    assert_value(VALUE(STRING_VALUE, .string_value = TEXT("a\xff"
                                                          "b")),
                 "{'key':'k','type':'string','value':'a\xef\xbf\xbd"
                 "b'}");
    assert_value(VALUE(BOOL_VALUE, .bool_value = 1), "{'key':'k','type':'bool','value':true}");
    assert_value(VALUE(INT_VALUE, .int_value = INT64_MAX), "{'key':'k','type':'int','value':'9223372036854775807'}");
    assert_value(VALUE(DOUBLE_VALUE, .double_value = 0.1), "{'key':'k','type':'double','value':0.1}");
    assert_value(VALUE(DOUBLE_VALUE, .double_value = (double)NAN), "{'key':'k','type':'double','value':'NaN'}");
    assert_value(VALUE(DOUBLE_VALUE, .double_value = (double)INFINITY),
                 "{'key':'k','type':'double','value':'Infinity'}");
    assert_value(VALUE(DOUBLE_VALUE, .double_value = -(double)INFINITY),
                 "{'key':'k','type':'double','value':'-Infinity'}");
    assert_value(VALUE(BYTES_VALUE, .bytes_value = TEXT("")), "{'key':'k','type':'bytes','value':''}");
    assert_value(VALUE(BYTES_VALUE, .bytes_value = TEXT("\0")), "{'key':'k','type':'bytes','value':'AA=='}");
    assert_value(VALUE(BYTES_VALUE, .bytes_value = TEXT("\1\2")), "{'key':'k','type':'bytes','value':'AQI='}");
    assert_value(VALUE(BYTES_VALUE, .bytes_value = TEXT("\xff\xfe\xfd")), "{'key':'k','type':'bytes','value':'//79'}");
    assert_value(VALUE(_NOT_SET, .int_value = 0), "{'key':'k','type':'empty','value':null}");
}

static void test_text_with_a_nul_stays_whole(void **state) {
    (void)state;
    Otel__Otlp__AnyValue value = VALUE(STRING_VALUE, .string_value = TEXT("a\0b"));
    json_t *json = value_json(&value);
    const json_t *text = json_object_get(json, "value");
    assert_int_equal(json_string_length(text), 3);
    assert_memory_equal(json_string_value(text), "a\0b", 3);
    json_decref(json);
}

static void test_arrays_and_maps(void **state) {
    (void)state;
    Otel__Otlp__AnyValue one = VALUE(INT_VALUE, .int_value = 1);
    Otel__Otlp__AnyValue none = VALUE(_NOT_SET, .int_value = 0);
    Otel__Otlp__AnyValue *values[] = { &one, &none };
    Otel__Otlp__ArrayValue array = OTEL__OTLP__ARRAY_VALUE__INIT;
    array.n_values = 2;
    array.values = values;
    Otel__Otlp__AnyValue list = VALUE(ARRAY_VALUE, .array_value = &array);
    assert_value(list, "{'key':'k','type':'array','value':[{'type':'int','value':'1'},{'type':'empty','value':null}]}");

    Otel__Otlp__KeyValue pair = OTEL__OTLP__KEY_VALUE__INIT;
    pair.key = (ProtobufCBinaryData)TEXT("inner");
    pair.value = &one;
    Otel__Otlp__KeyValue *pairs[] = { &pair };
    Otel__Otlp__KeyValueList map = OTEL__OTLP__KEY_VALUE_LIST__INIT;
    map.n_values = 1;
    map.values = pairs;
    assert_value(VALUE(KVLIST_VALUE, .kvlist_value = &map),
                 "{'key':'k','type':'map','value':[{'key':'inner','type':'int','value':'1'}]}");
}

static void test_the_list_has_the_newest_first(void **state) {
    (void)state;
    const struct fixture_span orphan = {
        .service = "a", .trace = 1, .id = 1, .parent = 9, .name = "x", .duration_us = 3
    };
    struct view_store *store = view_store_new(10, 1 << 20);
    size_t len = 0;
    char *text = view_json_traces(store, &len);
    json_t *json = parse(text, len);
    assert_json(json, "{'traces':[]}");
    json_decref(json);

    fixture_add(store, &orphan, 1, 0);
    fixture_add(store, fixture_search, fixture_search_count, 0);
    view_store_mark_shown(fixture_trace(store, 0x4b));
    text = view_json_traces(store, &len);
    json = parse(text, len);
    assert_json(
        json,
        "{'traces':[{'trace_id':'4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b','root':'GET /search',"
        "'services':['kalki-gateway','kalki-query'],'spans':15,'errors':4,"
        "'start_time_unix_nano':'1700000000000000000','duration_nano':'43210000','complete':true,'finished':true},"
        "{'trace_id':'01010101010101010101010101010101','root':null,'services':['a'],'spans':1,'errors':0,"
        "'start_time_unix_nano':'1700000000000000000','duration_nano':'3000','complete':false,'finished':false}]}");
    json_decref(json);
    view_store_free(store);
}

static void test_statistics(void **state) {
    (void)state;
    const struct view_requests requests = { 5, 3, 2, 40, 1 };
    struct view_store *store = view_store_new(10, 1 << 20);
    fixture_add(store, fixture_search, fixture_search_count, 0);
    fixture_add(store, fixture_search, 2, 0);
    size_t len = 0;
    char *text = view_json_stats(store, &requests, &len);
    json_t *json = parse(text, len);
    assert_true(json_integer_value(json_object_get(json, "bytes_kept")) > 1000);
    json_object_del(json, "bytes_kept");
    assert_json(json, "{'requests':{'received':5,'accepted':3,'rejected':2},"
                      "'spans':{'received':40,'kept':15,'duplicates':2,'rejected':1,'dropped':0,'evicted':0},"
                      "'traces':{'received':1,'kept':1,'evicted':0}}");
    json_decref(json);
    view_store_free(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_span_is_whole),
        cmocka_unit_test(test_every_type_of_value),
        cmocka_unit_test(test_text_with_a_nul_stays_whole),
        cmocka_unit_test(test_arrays_and_maps),
        cmocka_unit_test(test_the_list_has_the_newest_first),
        cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
