/* SPDX-License-Identifier: Apache-2.0 */
/* resource_merge_test.c - resources as an application makes, merges and reads them, and a whole one for the SDK. */
#include "resource.h"

#include "failing_allocator.h"
#include "fake_env.h"
#include "reports.h"
#include "resource_fixture.h"
#include "vectors.h"

#include <stdio.h>

static int set_up(void **state) {
    (void)state;
    fake_env_clear();
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    reports_stop();
    return 0;
}

static otel_resource *one(const char *key, const char *value, const char *schema_url) {
    return otel_resource_create(OTEL_ATTRS(OTEL_ATTR(key, value)), schema_url);
}

/* ---- create and read -------------------------------------------------------------------------------------------- */

static void a_resource_keeps_copies(void **state) {
    (void)state;
    char key[] = "team", value[] = "core", url[] = "https://s/1";
    otel_resource *resource = one(key, value, url);
    memset(key, '#', sizeof key - 1);
    memset(value, '#', sizeof value - 1);
    memset(url, '#', sizeof url - 1);
    assert_attribute(resource, "team", "core");
    assert_str(otel_resource_schema_url(resource), "https://s/1");
    otel_resource_release(resource);
}

static void a_schema_url_need_not_be(void **state) {
    (void)state;
    otel_resource *resource = one("a", "b", NULL);
    assert_int_equal(otel_resource_schema_url(resource).len, 0);
    otel_resource_release(resource);
}

static void all_attributes_can_be_read(void **state) {
    (void)state;
    otel_resource *resource =
        otel_resource_create(OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", 2), OTEL_ATTR("a", 3)), NULL);
    const otel_attrs attrs = otel_resource_attributes(resource);
    int64_t sum = 0;
    for (size_t i = 0; i < attrs.count; i++)
        sum += attrs.items[i].value.u.i;
    assert_int_equal(attrs.count, 2);
    assert_int_equal(sum, 5);
    assert_ptr_equal(otel_resource_attributes(resource).items, attrs.items); /* no copy is made of them */
    assert_null(otel_resource_get(resource, "c"));
    assert_null(otel_resource_get(resource, NULL));
    otel_resource_release(resource);
}

static void the_empty_resource_is_always_the_same(void **state) {
    (void)state;
    otel_resource *empty = otel_resource_empty();
    assert_non_null(empty);
    otel_resource *nothing = otel_resource_create((otel_attrs){ .count = 0 }, "");
    assert_ptr_equal(nothing, empty);
    assert_int_equal(otel_resource_attributes(empty).count, 0);
    assert_int_equal(otel_resource_schema_url(empty).len, 0);
    for (int i = 0; i < 3; i++)
        otel_resource_release(empty);
    otel_resource *retained = otel_resource_retain(empty);
    assert_int_equal(otel_resource_attributes(retained).count, 0);
}

static void null_is_empty(void **state) {
    (void)state;
    assert_int_equal(otel_resource_attributes(NULL).count, 0);
    assert_int_equal(otel_resource_schema_url(NULL).len, 0);
    assert_null(otel_resource_get(NULL, "a"));
    assert_null(otel_resource_retain(NULL));
    otel_resource_release(NULL);
    otel_resource *nothing = otel_resource_merge(NULL, NULL);
    assert_int_equal(otel_resource_attributes(nothing).count, 0);
    otel_resource_release(nothing);
}

static void the_last_user_frees_it(void **state) {
    (void)state;
    otel_resource *resource = one("a", "b", NULL);
    otel_resource *again = otel_resource_retain(resource);
    assert_ptr_equal(again, resource);
    otel_resource_release(resource);
    assert_attribute(again, "a", "b"); /* sanitizers and Valgrind see to what follows */
    otel_resource_release(again);
}

/* ---- merge ------------------------------------------------------------------------------------------------------ */

static void the_updating_resource_wins_even_with_nothing(void **state) {
    (void)state;
    otel_resource *old = otel_resource_create(OTEL_ATTRS(OTEL_ATTR("both", "old"), OTEL_ATTR("old", "o")), NULL);
    otel_resource *updating = otel_resource_create(OTEL_ATTRS(OTEL_ATTR("new", "n"), OTEL_ATTR("both", "")), NULL);
    otel_resource *merged = otel_resource_merge(old, updating);
    assert_int_equal(otel_resource_attributes(merged).count, 3);
    assert_attribute(merged, "both", "");
    assert_attribute(merged, "old", "o");
    assert_attribute(merged, "new", "n");
    assert_attribute(old, "both", "old"); /* neither has changed */
    assert_int_equal(otel_resource_attributes(updating).count, 2);
    otel_resource_release(old);
    otel_resource_release(updating);
    assert_attribute(merged, "old", "o");
    otel_resource_release(merged);
}

static void schema_url_vector(const json_t *row) {
    reports_start(OTEL_LOG_WARN);
    otel_resource *old = one("a", "old", vector_str(row, "old").ptr);
    otel_resource *updating = one("b", "new", vector_str(row, "updating").ptr);
    otel_resource *merged = otel_resource_merge(old, updating);
    const bool error = vector_bool(row, "error");
    assert_str(otel_resource_schema_url(merged), error ? "" : vector_str(row, "result").ptr);
    assert_int_equal(otel_resource_attributes(merged).count, 2);
    assert_int_equal(reports_count(), error);
    if (error) {
        assert_int_equal(reports_level(0), OTEL_LOG_ERROR);
        assert_true(reports_mention("\"https://s/1\"", "\"https://s/2\""));
    }
    otel_resource_release(old);
    otel_resource_release(updating);
    otel_resource_release(merged);
}

static void schema_url_vectors(void **state) {
    (void)state;
    vectors_each("schema_url_merge", schema_url_vector);
}

static otel_resource *full_of(int first, int value) {
    enum { MANY = 700 };
    static char keys[MANY][16];
    static otel_attr list[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", first + i);
        list[i] = OTEL_ATTR(keys[i], value);
    }
    return otel_resource_create((otel_attrs){ list, MANY }, NULL);
}

static void equal_keys_take_no_room(void **state) {
    (void)state;
    otel_resource *old = full_of(0, 1), *updating = full_of(100, 2);
    otel_resource *merged = otel_resource_merge(old, updating);
    assert_int_equal(otel_resource_attributes(merged).count, 800);
    assert_int_equal(otel_resource_get(merged, "99")->u.i, 1);
    assert_int_equal(otel_resource_get(merged, "100")->u.i, 2);
    assert_int_equal(otel_resource_get(merged, "799")->u.i, 2);
    assert_int_equal(reports_count(), 0);
    otel_resource_release(old);
    otel_resource_release(updating);
    otel_resource_release(merged);
}

static void what_was_lost_is_counted_on(void **state) {
    (void)state;
    otel_resource *old = full_of(0, 1), *updating = full_of(1000, 2), *lossy = one("", "no key", NULL);
    otel_resource *merged = otel_resource_merge(old, updating);
    otel_resource *more = otel_resource_merge(merged, lossy);
    assert_int_equal(merged->data.dropped_attributes, 376);
    assert_int_equal(more->data.dropped_attributes, 377);
    otel_resource *list[] = { old, updating, lossy, merged, more };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        otel_resource_release(list[i]);
}

/*
 * A process's own value that had no room is not in the merged resource: what stands under its key is somebody else's,
 * perhaps shorter, and must not be written over in a forked child.
 */
static void what_had_no_room_is_not_renewed(void **state) {
    (void)state;
    enum { FILLER = (1 << 20) - 136 };
    static char filler[FILLER];
    memset(filler, '#', sizeof filler);
    const otel_attr list[] = { { .key = otel_cstr("filler"), .value = otel_stringn(filler, sizeof filler) },
                               OTEL_ATTR("service.instance.id", "x") }; /* at the end of the block */
    otel_resource *old = otel_resource_create((otel_attrs){ list, 2 }, "https://s/1");
    otel_resource *detected = otel_resource_detect("service");
    otel_resource *merged = otel_resource_merge(old, detected);
    assert_int_equal(otel_resource_attributes(old).count, 2);
    assert_int_equal(reports_count(), 2); /* of what was left out, and of the schema URLs */
    otel__resource_renew(merged);
    assert_attribute(merged, "service.instance.id", "x");
    otel_resource_release(old);
    otel_resource_release(detected);
    otel_resource_release(merged);
}

/* ---- what the SDK adds ------------------------------------------------------------------------------------------ */

static otel_resource *assemble(const otel_sdk_options *options) {
    struct otel__config config;
    reports_start(OTEL_LOG_WARN);
    otel__config_load(&config, NULL, fake_env_get);
    otel_resource *resource = otel__resource_create_for(options, &config, "app");
    otel__config_free(&config);
    return resource;
}

static void nothing_is_added_to_a_whole_resource(void **state) {
    (void)state;
    otel_resource *mine = one("service.name", "mine", "https://s/1");
    otel_resource *used = assemble(OTEL_SDK(.whole_resource = mine, .detectors = "process"));
    otel_resource_release(mine);
    assert_int_equal(otel_resource_attributes(used).count, 1);
    assert_attribute(used, "service.name", "mine");
    assert_str(otel_resource_schema_url(used), "https://s/1");
    assert_int_equal(reports_count(), 0);
    otel_resource_release(used);
}

static void the_environment_goes_under_a_whole_resource(void **state) {
    (void)state;
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "both=env,env=env");
    fake_env_set("OTEL_C_RESOURCE_DETECTORS", "process");
    otel_resource *mine = otel_resource_create(OTEL_ATTRS(OTEL_ATTR("both", "mine"), OTEL_ATTR("x", "mine")), NULL);
    otel_resource *used = assemble(OTEL_SDK(.whole_resource = mine, .resource = OTEL_ATTRS(OTEL_ATTR("x", "options"))));
    otel_resource_release(mine);
    assert_int_equal(otel_resource_attributes(used).count, 3);
    assert_attribute(used, "both", "mine");
    assert_attribute(used, "env", "env");
    assert_attribute(used, "x", "options");
    assert_true(reports_mention("no service name is given", NULL));
    otel_resource_release(used);
}

static void an_empty_whole_resource_is_empty(void **state) {
    (void)state;
    otel_resource *used = assemble(OTEL_SDK(.whole_resource = otel_resource_empty()));
    assert_int_equal(otel_resource_attributes(used).count, 0);
    otel_resource_release(used);
}

static void the_default_can_be_had_and_merged_over(void **state) {
    (void)state;
    setenv("OTEL_RESOURCE_ATTRIBUTES", "zone=env,team=env", 1);
    otel_resource *usual = otel_resource_default();
    unsetenv("OTEL_RESOURCE_ATTRIBUTES");
    otel_resource *mine = one("team", "mine", NULL);
    otel_resource *whole = otel_resource_merge(usual, mine);
    otel_resource *used = assemble(OTEL_SDK(.whole_resource = whole));
    assert_attribute(usual, "service.name", "unknown_service:resource_merge_test");
    assert_attribute(used, "service.name", "unknown_service:resource_merge_test");
    assert_attribute(used, "telemetry.sdk.name", "otel-c");
    assert_attribute(used, "telemetry.sdk.language", "c");
    assert_attribute(used, "telemetry.sdk.version", otel_sdk_version());
    assert_attribute(used, "zone", "env");
    assert_attribute(used, "team", "mine");
    assert_int_equal(otel_resource_attributes(used).count, 6);
    otel_resource *list[] = { usual, mine, whole, used };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        otel_resource_release(list[i]);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void without_memory_there_is_none(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    otel_resource *old = one("service.name", "caf\xe9", NULL), *updating = one("a", "b", "https://s/1");
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "zone=env");
    fake_env_set("OTEL_ENTITIES", "service{a=b}[c=d]");
    unsigned nth = 0, failed = 1;
    while (failed) {
        struct otel__config config;
        otel__config_load(&config, NULL, fake_env_get);
        failing_allocator_fail(++nth, false);
        otel_resource *merged = otel_resource_merge(old, updating);
        otel_resource *used = otel__resource_create_for(OTEL_SDK(.whole_resource = merged), &config, "app");
        failed = failing_allocator_failures();
        failing_allocator_fail(0, false);
        assert_true(!failed == (merged && used));
        if (used)
            assert_attribute(used, "c", "d"); /* all of it or nothing */
        otel__config_free(&config);
        otel_resource_release(merged);
        otel_resource_release(used);
    }
    assert_true(nth > 4);
    otel_resource_release(old);
    otel_resource_release(updating);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_resource_keeps_copies),
        TEST(a_schema_url_need_not_be),
        TEST(all_attributes_can_be_read),
        TEST(the_empty_resource_is_always_the_same),
        TEST(null_is_empty),
        TEST(the_last_user_frees_it),
        TEST(the_updating_resource_wins_even_with_nothing),
        TEST(schema_url_vectors),
        TEST(equal_keys_take_no_room),
        TEST(what_was_lost_is_counted_on),
        TEST(what_had_no_room_is_not_renewed),
        TEST(nothing_is_added_to_a_whole_resource),
        TEST(the_environment_goes_under_a_whole_resource),
        TEST(an_empty_whole_resource_is_empty),
        TEST(the_default_can_be_had_and_merged_over),
        TEST(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
