/* SPDX-License-Identifier: Apache-2.0 */
/* config_pairs_test.c - "name=value,name=value", item by item. */
#include "config_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* All items as "<number:name=value>", or "<number:problem>". */
static const char *walk(const char *text, bool decode_name) {
    static char out[512];
    char room[256], *free_room = room;
    size_t used = 0;
    struct otel__pairs pairs = { .rest = otel_cstr(text) };
    struct otel__pair pair;
    out[0] = '\0';
    while (otel__pairs_next(&pairs, decode_name, &free_room, &pair)) {
        if (pair.problem)
            used += (size_t)snprintf(out + used, sizeof out - used, "<%zu:%s>", pairs.number, pair.problem);
        else
            used += (size_t)snprintf(out + used, sizeof out - used, "<%zu:%.*s=%.*s>", pairs.number, (int)pair.name.len,
                                     pair.name.ptr, (int)pair.value.len, pair.value.ptr);
    }
    assert_true((size_t)(free_room - room) <= strlen(text));
    return out;
}

static void items(void **state) {
    (void)state;
    assert_string_equal(walk("a=1", true), "<1:a=1>");
    assert_string_equal(walk("a=1,b=2", true), "<1:a=1><2:b=2>");
    assert_string_equal(walk(" a = 1 , b\t=\t2 ", true), "<1:a=1><2:b=2>");
    assert_string_equal(walk("a=", true), "<1:a=>");
    assert_string_equal(walk("a=b=c", true), "<1:a=b=c>");
    assert_string_equal(walk("a=b+c;d", true), "<1:a=b+c;d>");
}

static void escapes(void **state) {
    (void)state;
    assert_string_equal(walk("k%3D1=a%2Cb%20", true), "<1:k=1=a,b >");
    assert_string_equal(walk("k%3D1=a%2Cb", false), "<1:k%3D1=a,b>");
}

static void problems(void **state) {
    (void)state;
    assert_string_equal(walk("", true), "<1:is empty>");
    assert_string_equal(walk("a=1,", true), "<1:a=1><2:is empty>");
    assert_string_equal(walk(",a=1", true), "<1:is empty><2:a=1>");
    assert_string_equal(walk("oops,a=1", true), "<1:has no '='><2:a=1>");
    assert_string_equal(walk("=1", true), "<1:has nothing before its '='>");
    assert_string_equal(walk(" =1", true), "<1:has nothing before its '='>");
    assert_string_equal(walk("a=%4,b=2", true), "<1:has a '%' without two hexadecimal digits behind it><2:b=2>");
    assert_string_equal(walk("%zz=1", true), "<1:has a '%' without two hexadecimal digits behind it>");
    assert_string_equal(walk("%zz=1", false), "<1:%zz=1>");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items),
        cmocka_unit_test(escapes),
        cmocka_unit_test(problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
