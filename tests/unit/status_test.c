/* SPDX-License-Identifier: Apache-2.0 */
/* status_test.c - texts of statuses, and the version. */
#include <otel/sdk.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void every_status_has_its_text(void **state) {
    (void)state;
#define CHECK(name, text) assert_string_equal(otel_status_text(name), text);
    OTEL_STATUS_LIST(CHECK)
#undef CHECK
}

static void unknown_statuses_have_a_text(void **state) {
    (void)state;
    assert_string_equal(otel_status_text((otel_status)1000), "unknown status");
    assert_string_equal(otel_status_text((otel_status)-1), "unknown status");
}

static void version_is_three_numbers(void **state) {
    (void)state;
    const char *version = otel_sdk_version();
    int numbers = 0;
    while (isdigit((unsigned char)*version)) {
        while (isdigit((unsigned char)*version))
            version++;
        numbers++;
        if (*version == '.')
            version++;
    }
    assert_int_equal(numbers, 3);
    assert_int_equal(*version, '\0');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_text),
        cmocka_unit_test(unknown_statuses_have_a_text),
        cmocka_unit_test(version_is_three_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
