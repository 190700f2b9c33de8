/* SPDX-License-Identifier: Apache-2.0 */
/* resource_entities_test.c - OTEL_ENTITIES: what is taken, what is left out, what contradicts. */
#include "entities.h"

#include "reports.h"
#include "resource_fixture.h"

#include <otel/sdk.h>

#include <stdio.h>

static otel_resource *found;

static int set_up(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel_resource_release(found);
    found = NULL;
    reports_stop();
    return 0;
}

static void parse(const char *text) {
    otel_resource_release(found);
    reports_start(OTEL_LOG_WARN);
    struct otel__builder *builder = otel__builder_create();
    otel__entities_add(builder, text);
    found = otel__builder_finish(builder);
}

static void assert_count(size_t attributes, size_t reports) {
    assert_int_equal(otel_resource_attributes(found).count, attributes);
    assert_int_equal(reports_count(), reports);
}

/* ---- sound ones ------------------------------------------------------------------------------------------------- */

static void ids_and_descriptions_become_attributes(void **state) {
    (void)state;
    parse("service{service.name=app,service.instance.id=i-1}[service.version=1.0]@https://opentelemetry.io/schemas/"
          "1.21.0;"
          "host{host.id=h-1}[host.name=web]");
    assert_attribute(found, "service.name", "app");
    assert_attribute(found, "service.instance.id", "i-1");
    assert_attribute(found, "service.version", "1.0");
    assert_attribute(found, "host.id", "h-1");
    assert_attribute(found, "host.name", "web");
    assert_count(5, 0);
    assert_int_equal(otel_resource_schema_url(found).len, 0);
}

static void escapes_are_decoded(void **state) {
    (void)state;
    parse("service{service.name=my%2Capp}[config=key%3Dvalue%5Bprod%5D%3b%7b%7D%40,utf8=caf%C3%A9,empty=]");
    assert_attribute(found, "service.name", "my,app");
    assert_attribute(found, "config", "key=value[prod];{}@");
    assert_attribute(found, "utf8", "caf\xc3\xa9");
    assert_attribute(found, "empty", "");
    assert_count(4, 0);
}

static void empty_items_and_spaces_mean_nothing(void **state) {
    (void)state;
    parse(";service{service.name=app};; host{ host.id = 1 } ;");
    assert_attribute(found, "service.name", "app");
    assert_attribute(found, "host.id", "1");
    assert_count(2, 0);
    parse("");
    assert_count(0, 0);
}

/* ---- mistakes --------------------------------------------------------------------------------------------------- */

static void what_is_malformed_is_left_out_alone(void **state) {
    (void)state;
    static const char *const bad[] = {
        "invalid{syntax",    "service",       "{a=b}",        "service{}",      "service{a}",     "service{=b}",
        "service{a=b}[",     "service{a=b}c", "1x{a=b}",      "se rvice{a=b}",  "service{a b=c}", "service{a=b}[]",
        "service{a=b}[c]",   "service{a=b,}", "service{a=%}", "service{a=%f}",  "service{a=b=c}", "service{a=b}[c=[d]",
        "service{a=%ff}",    "service{a={}}", "service}{",    "service{a=b@c}", "service{1=b}",   "service{a=b}[c=d]]",
        "service[c=d]{a=b}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        snprintf(text, sizeof text, "host{host.id=1};%s;pod{pod.id=2}", bad[i]);
        parse(text);
        if (otel_resource_attributes(found).count != 2 || reports_count() != 1 ||
            !reports_mention("OTEL_ENTITIES: \"", bad[i]))
            fail_msg("%s: %zu attributes, \"%s\"", bad[i], otel_resource_attributes(found).count, reports_text(0));
        assert_attribute(found, "host.id", "1");
        assert_attribute(found, "pod.id", "2");
    }
}

static void a_bad_schema_url_is_ignored_and_its_entity_kept(void **state) {
    (void)state;
    static const char *const bad[] = { "invalid-url", "", "1:x", "https://a b", "https:", "ht/tp://x", "https://<x>" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "service{service.name=app1}@%s", bad[i]);
        parse(text);
        assert_attribute(found, "service.name", "app1");
        assert_count(1, 1);
        assert_true(reports_mention("has a schema URL that is none", NULL));
    }
    parse("service{service.name=app1}@urn:x:1?y=[1]@{}"); /* '{' and '}' belong into no URL */
    assert_count(1, 1);
    parse("service{service.name=app1}@urn:x:1?y=[1]@");
    assert_count(1, 0);
}

/* ---- contradictions --------------------------------------------------------------------------------------------- */

static void of_the_same_entity_twice_the_last_counts(void **state) {
    (void)state;
    parse("service{name=app,zone=z}[version=1.0,lost=1];service{zone=z,name=app}[version=2.0]");
    assert_attribute(found, "name", "app");
    assert_attribute(found, "version", "2.0");
    assert_no_attribute(found, "lost");
    assert_count(3, 1);
    assert_true(reports_mention("service{name=app,zone=z}[version=1.0,lost=1]", "is there twice; the last one counts"));
}

static void of_two_of_a_type_with_other_ids_the_last_is_kept(void **state) {
    (void)state;
    parse("service{service.name=app1,only=first}[x=1];host{h=1};service{service.name=app2}");
    assert_attribute(found, "service.name", "app2");
    assert_no_attribute(found, "only");
    assert_no_attribute(found, "x");
    assert_count(2, 1);
    assert_true(reports_mention("\"service{service.name=app1,only=first}[x=1]\" is contradicted by a later", NULL));
}

static void of_contradicting_descriptions_the_last_counts(void **state) {
    (void)state;
    parse("service{s=1}[version=1.0,same=s];host{h=1}[version=2.0,same=s]");
    assert_attribute(found, "version", "2.0");
    assert_count(4, 1);
    assert_true(reports_mention("host{h=1}", "another value for an attribute than before; the last counts"));
}

static void entities_that_do_not_contradict_stay(void **state) {
    (void)state;
    parse("disk{disk.id=1};disk{other.id=2};net{disk.id=1}");
    assert_count(2, 0);
}

/* ---- bounds ----------------------------------------------------------------------------------------------------- */

static void there_are_bounds(void **state) {
    (void)state;
    static char text[64 * 1024];
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "t%d{k%d=v};", i, i);
    parse(text);
    assert_count(64, 1);
    assert_true(reports_mention("t64{k64=v}", "is one too many"));
    used = (size_t)snprintf(text, sizeof text, "long{k=v");
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ",k%d=v", i);
    snprintf(text + used, sizeof text - used, "};short{s=v}");
    parse(text);
    assert_count(1, 1);
    assert_attribute(found, "s", "v");
}

static uint64_t random_state = 7;

static unsigned below(unsigned bound) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % bound;
}

static void any_text_is_read(void **state) {
    (void)state;
    static const char letters[] = "ab1.{}[]@;,=%4 \xff:";
    for (int round = 0; round < 20000; round++) {
        const size_t len = below(40);
        char *text = malloc(len + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = letters[below(sizeof letters - 1)];
        text[len] = '\0';
        struct otel__builder *builder = otel__builder_create();
        otel__entities_add(builder, text);
        otel_resource *resource = otel__builder_finish(builder);
        assert_non_null(resource);
        otel_resource_release(resource);
        free(text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ids_and_descriptions_become_attributes),
        TEST(escapes_are_decoded),
        TEST(empty_items_and_spaces_mean_nothing),
        TEST(what_is_malformed_is_left_out_alone),
        TEST(a_bad_schema_url_is_ignored_and_its_entity_kept),
        TEST(of_the_same_entity_twice_the_last_counts),
        TEST(of_two_of_a_type_with_other_ids_the_last_is_kept),
        TEST(of_contradicting_descriptions_the_last_counts),
        TEST(entities_that_do_not_contradict_stay),
        TEST(there_are_bounds),
        TEST(any_text_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
