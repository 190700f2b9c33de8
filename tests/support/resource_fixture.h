/* SPDX-License-Identifier: Apache-2.0 */
/* resource_fixture.h - what the tests of resources look for in one. */
#ifndef OTEL_TEST_RESOURCE_FIXTURE_H
#define OTEL_TEST_RESOURCE_FIXTURE_H

#include <otel/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static inline void assert_str(otel_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    if (text.len)
        assert_memory_equal(text.ptr, expected, text.len);
}

static inline void assert_attribute(const otel_resource *resource, const char *key, const char *expected) {
    const otel_value *value = otel_resource_get(resource, key);
    if (!value) {
        fail_msg("there is no %s", key);
        return;
    }
    assert_int_equal(value->type, OTEL_TYPE_STRING);
    assert_str(otel_strn(value->u.p, value->len), expected);
}

static inline void assert_no_attribute(const otel_resource *resource, const char *key) {
    if (otel_resource_get(resource, key))
        fail_msg("there is a %s", key);
}

#endif
