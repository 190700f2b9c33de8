/* SPDX-License-Identifier: Apache-2.0 */
/* tags_test.c - what OpenTelemetry says about a span, as keys and values. */
#include "common/tags.h"

#include "common/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const otel_scope_data unnamed;
static struct otel__line line;

/* The tags from the first to the last as "key=value key=value". */
static void assert_tags(struct otel__tags *tags, const char *expected) {
    const otel_attr *walked[64], *tag;
    size_t count = 0;
    while ((tag = otel__tags_previous(tags)) != NULL)
        walked[count++] = tag;
    otel__line_clear(&line);
    for (size_t i = count; i-- > 0;) {
        otel__line_bytes(&line, walked[i]->key.ptr, walked[i]->key.len);
        otel__line_add(&line, "=");
        otel__value_text(&line, &walked[i]->value);
        otel__line_add(&line, i > 0 ? " " : "");
    }
    otel__line_bytes(&line, "", 1);
    assert_string_equal(line.text, expected);
}

static void assert_span_tags(const otel_span_data *span, const char *expected) {
    struct otel__tags tags;
    otel__tags_of_span(&tags, span, OTEL__TAGS_WITH_DESCRIPTION);
    assert_tags(&tags, expected);
}

static void what_is_not_there_has_no_tag(void **state) {
    (void)state;
    assert_span_tags(&(otel_span_data){ .scope = &unnamed }, "");
}

static void the_scope_goes_by_both_names(void **state) {
    (void)state;
    const otel_scope_data named = { .name = otel_cstr("lib") };
    const otel_scope_data versioned = { .name = otel_cstr("lib"), .version = otel_cstr("1.2") };
    assert_span_tags(&(otel_span_data){ .scope = &named }, "otel.scope.name=lib otel.library.name=lib");
    assert_span_tags(&(otel_span_data){ .scope = &versioned },
                     "otel.scope.name=lib otel.scope.version=1.2 otel.library.name=lib otel.library.version=1.2");
}

static void a_status_that_is_set_is_a_tag(void **state) {
    (void)state;
    const otel_str why = otel_cstr("disk full");
    assert_span_tags(&(otel_span_data){ .scope = &unnamed, .status = OTEL_CODE_OK }, "otel.status_code=OK");
    assert_span_tags(&(otel_span_data){ .scope = &unnamed, .status = OTEL_CODE_ERROR }, "otel.status_code=ERROR");
    assert_span_tags(&(otel_span_data){ .scope = &unnamed, .status = OTEL_CODE_ERROR, .status_text = why },
                     "otel.status_code=ERROR otel.status_description=disk full");
    assert_span_tags(&(otel_span_data){ .scope = &unnamed, .status_text = why }, "");
}

static void a_format_with_a_place_of_its_own_gets_no_description(void **state) {
    (void)state;
    const otel_span_data span = { .scope = &unnamed, .status = OTEL_CODE_ERROR, .status_text = otel_cstr("disk full") };
    struct otel__tags tags;
    otel__tags_of_span(&tags, &span, OTEL__TAGS_WITHOUT_DESCRIPTION);
    assert_tags(&tags, "otel.status_code=ERROR");
}

static void what_was_dropped_is_counted(void **state) {
    (void)state;
    const otel_span_data span = {
        .scope = &unnamed, .dropped_attributes = 1, .dropped_events = 2, .dropped_links = UINT32_MAX
    };
    assert_span_tags(&span, "otel.dropped_attributes_count=1 otel.dropped_events_count=2 "
                            "otel.dropped_links_count=4294967295");
    struct otel__tags tags;
    otel__tags_of_attributes(&tags, OTEL_ATTRS(OTEL_ATTR("a", 1)), 0);
    assert_tags(&tags, "a=1");
    otel__tags_of_attributes(&tags, OTEL_ATTRS(OTEL_ATTR("a", 1)), 3);
    assert_tags(&tags, "otel.dropped_attributes_count=3 a=1");
    otel__tags_of_attributes(&tags, (otel_attrs){ 0 }, 0);
    assert_tags(&tags, "");
}

static void attributes_of_span_and_scope_are_tags(void **state) {
    (void)state;
    const otel_scope_data scope = { .name = otel_cstr("l"), .attributes = OTEL_ATTRS(OTEL_ATTR("c", "of the scope")) };
    const otel_span_data span = { .scope = &scope,
                                  .attributes =
                                      OTEL_ATTRS(OTEL_ATTR("a", otel_bool(true)),
                                                 OTEL_ATTR("b", OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE("x")))) };
    assert_span_tags(&span, "otel.scope.name=l otel.library.name=l a=true b=[1,\"x\"] c=of the scope");
}

static void of_equal_keys_the_stronger_comes(void **state) {
    (void)state;
    const otel_scope_data scope = { .attributes = OTEL_ATTRS(OTEL_ATTR("a", "scope"), OTEL_ATTR("b", "scope")) };
    const otel_span_data span = { .scope = &scope,
                                  .status = OTEL_CODE_OK,
                                  .attributes = OTEL_ATTRS(OTEL_ATTR("otel.status_code", "span"),
                                                           OTEL_ATTR("a", "span"), OTEL_ATTR("kind", "span")) };
    struct otel__tags tags;
    otel__tags_of_span(&tags, &span, OTEL__TAGS_WITH_DESCRIPTION);
    otel__tags_add(&tags, "kind", otel_string("format"));
    otel__tags_add_list(&tags, OTEL_ATTRS(OTEL_ATTR("b", "resource"), OTEL_ATTR("c", "resource")));
    assert_tags(&tags, "kind=format otel.status_code=OK a=span b=scope c=resource");
    assert_tags(&tags, "kind=format otel.status_code=OK a=span b=scope c=resource"); /* a second walk is the same */
}

static void what_has_no_room_is_left_out(void **state) {
    (void)state;
    struct otel__tags tags;
    otel__tags_of_span(&tags, &(otel_span_data){ .scope = &unnamed }, OTEL__TAGS_WITH_DESCRIPTION);
    static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        otel__tags_add(&tags, keys[i], otel_int((int64_t)i));
    otel__tags_add_list(&tags, OTEL_ATTRS(OTEL_ATTR("x", 1)));
    otel__tags_add_list(&tags, OTEL_ATTRS(OTEL_ATTR("y", 1)));
    otel__tags_add_list(&tags, OTEL_ATTRS(OTEL_ATTR("z", 1)));
    assert_tags(&tags, "a=0 b=1 c=2 d=3 e=4 f=5 x=1 y=1");
}

static int free_line(void **state) {
    (void)state;
    otel__line_free(&line);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there_has_no_tag),
        cmocka_unit_test(the_scope_goes_by_both_names),
        cmocka_unit_test(a_status_that_is_set_is_a_tag),
        cmocka_unit_test(a_format_with_a_place_of_its_own_gets_no_description),
        cmocka_unit_test(what_was_dropped_is_counted),
        cmocka_unit_test(attributes_of_span_and_scope_are_tags),
        cmocka_unit_test(of_equal_keys_the_stronger_comes),
        cmocka_unit_test(what_has_no_room_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, free_line);
}
