/* SPDX-License-Identifier: Apache-2.0 */
/* resource_test.c - where resource attributes come from, and which source wins. */
#include "resource.h"

#include "fake_env.h"
#include "reports.h"
#include "vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct otel__config config;
static otel_resource *resource;

static int set_up(void **state) {
    (void)state;
    fake_env_clear();
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel_resource_release(resource);
    otel__config_free(&config);
    resource = NULL;
    reports_stop();
    return 0;
}

static void create(const otel_sdk_options *options) {
    otel_resource_release(resource);
    otel__config_free(&config);
    reports_start(OTEL_LOG_WARN);
    otel__config_load(&config, NULL, fake_env_get);
    resource = otel__resource_create_for(options, &config, "app");
    assert_non_null(resource);
}

/* The one value under `key`, or NULL. */
static const otel_value *find(const char *key) {
    const otel_value *found = NULL;
    for (size_t i = 0; i < resource->data.attributes.count; i++) {
        const otel_attr *attr = &resource->data.attributes.items[i];
        if (attr->key.len != strlen(key) || memcmp(attr->key.ptr, key, attr->key.len) != 0)
            continue;
        assert_null(found); /* keys are unique */
        found = &attr->value;
    }
    return found;
}

static void assert_text(const char *key, const char *expected) {
    const otel_value *value = find(key);
    assert_non_null(value);
    assert_int_equal(value->type, OTEL_TYPE_STRING);
    assert_int_equal(value->len, strlen(expected));
    if (value->len)
        assert_memory_equal(value->u.p, expected, value->len);
}

enum { DEFAULTS = 4 };

/* ---- sources ---------------------------------------------------------------------------------------------------- */

static void defaults(void **state) {
    (void)state;
    create(NULL);
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
    assert_text("service.name", "unknown_service:app");
    assert_text("telemetry.sdk.name", "otel-c");
    assert_text("telemetry.sdk.language", "c");
    assert_text("telemetry.sdk.version", otel_sdk_version());
    assert_int_equal(resource->data.schema_url.len, 0);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_SERVICE_NAME", "using unknown_service:app"));
}

static void unknown_executable(void **state) {
    (void)state;
    otel__config_load(&config, NULL, fake_env_get);
    resource = otel__resource_create_for(NULL, &config, NULL);
    assert_text("service.name", "unknown_service");
}

static void executable_is_this_program(void **state) {
    (void)state;
    otel__config_load(&config, NULL, fake_env_get);
    resource = otel__resource_create(NULL, &config);
    assert_text("service.name", "unknown_service:resource_test");
}

static void variable_vector(const json_t *row) {
    const char *key;
    json_t *value;
    const json_t *expected = json_object_get(row, "attributes");
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", vector_str(row, "value").ptr);
    fake_env_set("OTEL_SERVICE_NAME", "named");
    create(NULL);
    assert_int_equal(resource->data.attributes.count, DEFAULTS + json_object_size(expected));
    json_object_foreach((json_t *)(uintptr_t)expected, key, value) assert_text(key, json_string_value(value));
    assert_int_equal(reports_count(), vector_bool(row, "ok") ? 0 : 1);
    if (!vector_bool(row, "ok"))
        assert_true(reports_mention("OTEL_RESOURCE_ATTRIBUTES=", "all of it is ignored"));
}

static void variable_vectors(void **state) {
    (void)state;
    vectors_each("resource_env", variable_vector);
}

static void service_name_vector(const json_t *row) {
    const otel_str expected = vector_str(row, "service_name");
    fake_env_set("OTEL_SERVICE_NAME", vector_str(row, "OTEL_SERVICE_NAME").ptr);
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", vector_str(row, "OTEL_RESOURCE_ATTRIBUTES").ptr);
    create(OTEL_SDK(.service_name = vector_str(row, "code_service_name").ptr));
    assert_text("service.name", expected.ptr);
    assert_int_equal(reports_mention("no service name is given", NULL), strncmp(expected.ptr, "unknown", 7) == 0);
}

static void service_name_vectors(void **state) {
    (void)state;
    vectors_each("service_name", service_name_vector);
}

static void stronger_sources_win(void **state) {
    (void)state;
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "service.name=attr,team=attr,zone=attr,telemetry.sdk.name=mine");
    create(OTEL_SDK(.resource = OTEL_ATTRS(OTEL_ATTR("team", "code"), OTEL_ATTR("n", 1))));
    assert_text("service.name", "attr");
    assert_text("team", "code");
    assert_text("zone", "attr");
    assert_text("telemetry.sdk.name", "mine");
    assert_int_equal(resource->data.attributes.count, DEFAULTS + 3);
    fake_env_set("OTEL_SERVICE_NAME", "variable");
    create(NULL);
    assert_text("service.name", "variable");
    create(OTEL_SDK(.resource = OTEL_ATTRS(OTEL_ATTR("service.name", "resource"))));
    assert_text("service.name", "resource");
    create(OTEL_SDK(.service_name = "code", .resource = OTEL_ATTRS(OTEL_ATTR("service.name", "resource"))));
    assert_text("service.name", "code");
    assert_int_equal(reports_count(), 0);
}

static void later_of_equal_keys_wins(void **state) {
    (void)state;
    create(OTEL_SDK(.service_name = "s", .resource = OTEL_ATTRS(OTEL_ATTR("k", "1"), OTEL_ATTR("k", ""))));
    assert_text("k", "");
    assert_int_equal(resource->data.attributes.count, DEFAULTS + 1);
}

static void schema_url_is_kept(void **state) {
    (void)state;
    char url[] = "https://opentelemetry.io/schemas/1.38.0";
    create(OTEL_SDK(.resource_schema_url = url));
    url[0] = '#';
    assert_int_equal(resource->data.schema_url.len, sizeof url - 1);
    assert_memory_equal(resource->data.schema_url.ptr, "https:", 6);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static void every_type_is_copied(void **state) {
    (void)state;
    char text[] = "text";
    otel_str strings[] = { { text, 4 }, { NULL, 0 }, { "\xff", 1 } };
    bool bools[] = { true, false };
    int64_t ints[] = { INT64_MIN, 7 };
    double doubles[] = { 1.5, -INFINITY };
    unsigned char bytes[] = { 0, 255 };
    const otel_attr list[] = {
        OTEL_ATTR("string", text),
        OTEL_ATTR("bool", otel_bool(true)),
        OTEL_ATTR("int", -5),
        OTEL_ATTR("uint", UINT64_MAX),
        OTEL_ATTR("double", 0.5),
        OTEL_ATTR("bytes", otel_bytes(bytes, 2)),
        OTEL_ATTR("strings", otel_strings(strings, 3)),
        OTEL_ATTR("bools", otel_bools(bools, 2)),
        OTEL_ATTR("ints", otel_ints(ints, 2)),
        OTEL_ATTR("doubles", otel_doubles(doubles, 2)),
        OTEL_ATTR("none", otel_none()),
        OTEL_ATTR("not utf-8", "\xff\xfe"),
    };
    create(OTEL_SDK(.service_name = "s", .resource = { list, sizeof list / sizeof *list }));
    memset(text, '#', sizeof text);
    memset(bools, 0, sizeof bools);
    memset(ints, 0, sizeof ints);
    memset(doubles, 0, sizeof doubles);
    memset(bytes, 1, sizeof bytes);
    assert_text("string", "text");
    assert_int_equal(find("bool")->u.i, 1);
    assert_int_equal(find("int")->u.i, -5);
    assert_text("uint", "18446744073709551615");
    assert_true(find("double")->u.d == 0.5);
    assert_memory_equal(find("bytes")->u.p, "\0\xff", 2);
    const otel_str *copied = find("strings")->u.p;
    assert_int_equal(find("strings")->len, 3);
    assert_memory_equal(copied[0].ptr, "text", 4);
    assert_int_equal(copied[1].len, 0);
    assert_int_equal(copied[2].len, 3);
    assert_memory_equal(copied[2].ptr, "\xef\xbf\xbd", 3);
    assert_true(((const bool *)find("bools")->u.p)[0]);
    assert_true(((const int64_t *)find("ints")->u.p)[0] == INT64_MIN);
    assert_true(((const double *)find("doubles")->u.p)[1] == -INFINITY);
    assert_int_equal(find("none")->type, OTEL_TYPE_NONE);
    assert_int_equal(find("not utf-8")->type, OTEL_TYPE_BYTES);
    assert_memory_equal(find("not utf-8")->u.p, "\xff\xfe", 2);
    assert_int_equal(reports_count(), 0);
}

static void bad_keys_are_repaired_before_they_are_compared(void **state) {
    (void)state;
    create(OTEL_SDK(.service_name = "s", .resource = OTEL_ATTRS(OTEL_ATTR("k\xff", "1"), OTEL_ATTR("k\xfe", "2"),
                                                                OTEL_ATTR("", "no key"), OTEL_ATTR(NULL, "no key"))));
    assert_int_equal(resource->data.attributes.count, DEFAULTS + 1);
    assert_int_equal(resource->data.dropped_attributes, 2);
    assert_text("k\xef\xbf\xbd", "2");
}

static void a_key_that_has_a_length_and_no_text_is_none(void **state) {
    (void)state;
    create(
        OTEL_SDK(.service_name = "s", .resource = OTEL_ATTRS({ { NULL, 4 }, otel_int(1) }, { { NULL, 4 }, otel_int(2) },
                                                             { otel_cstr("four"), otel_string("letters") })));
    assert_int_equal(resource->data.attributes.count, DEFAULTS + 1);
    assert_int_equal(resource->data.dropped_attributes, 2);
    assert_text("four", "letters");
}

static void service_name_is_always_text(void **state) {
    (void)state;
    fake_env_set("OTEL_SERVICE_NAME", "caf\xe9");
    create(NULL);
    assert_text("service.name", "caf\xef\xbf\xbd");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("\"caf\\xe9\" is not UTF-8", NULL));
    create(OTEL_SDK(.resource = OTEL_ATTRS(OTEL_ATTR("service.name", "\xc3(")), .service_name = ""));
    assert_text("service.name", "\xef\xbf\xbd(");
}

/* ---- mistakes --------------------------------------------------------------------------------------------------- */

static void one_mistake_and_the_variable_is_ignored(void **state) {
    (void)state;
    fake_env_set("OTEL_SERVICE_NAME", "s");
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "a=1,b=2,oops,c=3");
    create(NULL);
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
    assert_string_equal(reports_text(0),
                        "OTEL_RESOURCE_ATTRIBUTES=\"a=1,b=2,oops,c=3\": item 3, \"oops\", has no '='; all of "
                        "it is ignored");
    static char many[8 * 1024];
    for (size_t i = 0; i < sizeof many; i += 4)
        memcpy(many + i, "x=1,", 4);
    many[sizeof many - 1] = '\0';
    many[sizeof many - 3] = ' '; /* after more than a resource may have, a last one without '=' */
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", many);
    create(NULL);
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
    assert_int_equal(reports_count(), 1);
}

static void monstrous_attributes_are_left_out(void **state) {
    (void)state;
    size_t size = 2u << 20;
    char *huge = malloc(size);
    memset(huge, 'x', size);
    create(OTEL_SDK(.service_name = "s",
                    .resource =
                        OTEL_ATTRS({ { huge, size }, otel_int(1) }, OTEL_ATTR("string", otel_stringn(huge, size)),
                                   OTEL_ATTR("ints", otel_ints((const int64_t *)(const void *)huge, SIZE_MAX / 4)),
                                   OTEL_ATTR("strings", otel_strings((const otel_str *)(const void *)huge, SIZE_MAX)),
                                   OTEL_ATTR("small", "stays"))));
    free(huge);
    assert_int_equal(resource->data.attributes.count, DEFAULTS + 1);
    assert_text("small", "stays");
    assert_int_equal(resource->data.dropped_attributes, 4);
    assert_true(reports_mention("the resource is limited", "4 attributes are left out"));
}

static void too_many_attributes_are_left_out(void **state) {
    (void)state;
    enum { MANY = 3000 };
    otel_attr *list = calloc(MANY, sizeof *list);
    char(*keys)[16] = calloc(MANY, sizeof *keys);
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        list[i] = OTEL_ATTR(keys[i], i);
    }
    create(OTEL_SDK(.resource = { list, MANY }));
    free(list);
    free(keys);
    assert_int_equal(resource->data.attributes.count, 1024);
    assert_text("service.name", "unknown_service:app");
    assert_int_equal(resource->data.dropped_attributes, 1980);
    assert_true(reports_mention("the resource is limited", "1980 attributes are left out"));
}

static void odd_lists(void **state) {
    (void)state;
    create(OTEL_SDK(.service_name = "s", .resource = { NULL, 5 }));
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
    const otel_attr odd[] = {
        { { "null string", 11 }, { .type = OTEL_TYPE_STRING, .len = 3 } },
        { { "null ints", 9 }, { .type = OTEL_TYPE_INTS, .len = 3 } },
        { { "array", 5 }, { .type = OTEL_TYPE_ARRAY, .len = 3 } },
        { { "map", 3 }, { .type = OTEL_TYPE_MAP, .len = 3 } },
        { { "unknown", 7 }, { .type = (otel_type)99, .len = 3, .u.p = "junk" } },
    };
    assert_int_equal(resource->data.dropped_attributes, 0);
    create(OTEL_SDK(.service_name = "s", .resource = { odd, SIZE_MAX }));
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
    assert_int_equal(resource->data.dropped_attributes, UINT32_MAX);
    assert_true(reports_mention("the resource is limited", "18446744073709551615 attributes are left out"));
    create(OTEL_SDK(.service_name = "s", .resource = { odd, 5 }));
    assert_int_equal(find("array")->type, OTEL_TYPE_NONE);
    assert_int_equal(find("map")->type, OTEL_TYPE_NONE);
    assert_int_equal(find("unknown")->type, OTEL_TYPE_NONE);
    for (size_t i = 0; i < resource->data.attributes.count; i++)
        if (resource->data.attributes.items[i].value.type == OTEL_TYPE_STRING)
            assert_true(resource->data.attributes.items[i].value.u.p || !resource->data.attributes.items[i].value.len);
}

static void options_of_an_older_caller(void **state) {
    (void)state;
    /* A caller whose options ended after service_name. */
    const otel_sdk_options old = { .size = offsetof(otel_sdk_options, resource),
                                   .service_name = "old",
                                   .resource = { (const otel_attr *)1, 1 } };
    create(&old);
    assert_text("service.name", "old");
    assert_int_equal(resource->data.attributes.count, DEFAULTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(unknown_executable),
        TEST(executable_is_this_program),
        TEST(variable_vectors),
        TEST(service_name_vectors),
        TEST(stronger_sources_win),
        TEST(later_of_equal_keys_wins),
        TEST(schema_url_is_kept),
        TEST(every_type_is_copied),
        TEST(bad_keys_are_repaired_before_they_are_compared),
        TEST(a_key_that_has_a_length_and_no_text_is_none),
        TEST(service_name_is_always_text),
        TEST(one_mistake_and_the_variable_is_ignored),
        TEST(monstrous_attributes_are_left_out),
        TEST(too_many_attributes_are_left_out),
        TEST(odd_lists),
        TEST(options_of_an_older_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
