/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_labels_test.c - attributes as labels. */
#include "prometheus/prometheus_labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>

#include <cmocka.h>

static struct otel__labels labels;

static void assert_labels(otel_attrs attributes, const char *expected) {
    otel__labels_begin(&labels);
    otel__labels_add_all(&labels, "", attributes);
    const otel_str text = otel__labels_text(&labels);
    assert_false(labels.failed);
    char *copy = strndup(text.len ? text.ptr : "", text.len);
    assert_string_equal(copy, expected);
    free(copy);
}

static int free_labels(void **state) {
    (void)state;
    otel__labels_free(&labels);
    return 0;
}

static void labels_stand_in_the_order_of_their_names(void **state) {
    (void)state;
    assert_labels(OTEL_ATTRS(OTEL_ATTR("b", "2"), OTEL_ATTR("a", "1"), OTEL_ATTR("ab", "3")),
                  "a=\"1\",ab=\"3\",b=\"2\"");
    assert_labels((otel_attrs){ NULL, 0 }, "");
}

static void values_of_all_types_are_text(void **state) {
    (void)state;
    const int64_t numbers[] = { 1, 2 };
    assert_labels(OTEL_ATTRS(OTEL_ATTR("a", 7), OTEL_ATTR("b", otel_bool(true)), OTEL_ATTR("c", 0.5),
                             OTEL_ATTR("d", otel_ints(numbers, 2))),
                  "a=\"7\",b=\"true\",c=\"0.5\",d=\"[1,2]\"");
}

static void values_are_escaped(void **state) {
    (void)state;
    assert_labels(OTEL_ATTRS(OTEL_ATTR("a", "back\\slash \"quoted\"\nline\ttab")),
                  "a=\"back\\\\slash \\\"quoted\\\"\\nline\ttab\"");
    assert_labels(OTEL_ATTRS(OTEL_ATTR("a", "caf\xc3\xa9 \xff")), "a=\"caf\xc3\xa9 \xef\xbf\xbd\"");
}

static void values_of_one_name_are_joined_in_the_order_of_the_keys(void **state) {
    (void)state;
    assert_labels(OTEL_ATTRS(OTEL_ATTR("a.b", "1"), OTEL_ATTR("a1", "x"), OTEL_ATTR("a_b", "2")),
                  "a1=\"x\",a_b=\"1;2\"");
}

static void a_label_without_text_is_none(void **state) {
    (void)state;
    assert_labels(OTEL_ATTRS(OTEL_ATTR("a", ""), OTEL_ATTR("b", "2")), "b=\"2\"");
}

static void a_label_that_the_format_needs_is_not_taken(void **state) {
    (void)state;
    labels.reserved = "le";
    assert_labels(OTEL_ATTRS(OTEL_ATTR("le", "1"), OTEL_ATTR("less", "2")), "exported_le=\"1\",less=\"2\"");
}

static void there_may_be_many(void **state) {
    (void)state;
    otel_attr attributes[1000];
    char keys[1000][8];
    for (size_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%03zu", 999 - i);
        attributes[i] = (otel_attr){ otel_cstr(keys[i]), otel_int(1) };
    }
    otel__labels_begin(&labels);
    otel__labels_add_all(&labels, "p_", (otel_attrs){ attributes, 1000 });
    const otel_str text = otel__labels_text(&labels);
    assert_int_equal(text.len, 1000 * strlen("p_k000=\"1\",") - 1);
    assert_memory_equal(text.ptr, "p_k000=\"1\",p_k001", strlen("p_k000=\"1\",p_k001"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(labels_stand_in_the_order_of_their_names, free_labels),
        cmocka_unit_test_teardown(values_of_all_types_are_text, free_labels),
        cmocka_unit_test_teardown(values_are_escaped, free_labels),
        cmocka_unit_test_teardown(values_of_one_name_are_joined_in_the_order_of_the_keys, free_labels),
        cmocka_unit_test_teardown(a_label_without_text_is_none, free_labels),
        cmocka_unit_test_teardown(a_label_that_the_format_needs_is_not_taken, free_labels),
        cmocka_unit_test_teardown(there_may_be_many, free_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
