/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_protobuf_test.c - what is asked and answered over gRPC, byte by byte. */
#include "jaeger/strategy_protobuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 0.5 and 2.0 as protobuf has doubles. */
#define HALF "\0\0\0\0\0\0\xe0\x3f"
#define TWO "\0\0\0\0\0\0\0\x40"

#define BYTES(text) (text), sizeof(text) - 1

static const char *read_bytes(const char *bytes, size_t len, struct otel__strategy *strategy) {
    uint8_t *exact = malloc(len ? len : 1); /* to the byte, so that reading on is seen */
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    const char *problem = otel__strategy_read_protobuf(exact, len, strategy);
    free(exact);
    return problem;
}

static void assert_strategy(const char *bytes, size_t len, enum otel__strategy_kind kind, double probability,
                            double rate) {
    struct otel__strategy strategy;
    assert_null(read_bytes(bytes, len, &strategy));
    assert_int_equal(strategy.kind, kind);
    assert_true(strategy.probability == probability);
    assert_true(strategy.rate == rate);
    otel__strategy_free(&strategy);
}

static void presence_decides_and_zero_is_a_value(void **state) {
    (void)state;
    assert_strategy(BYTES("\x12\x00"), OTEL__STRATEGY_PROBABILISTIC, 0, 0);
    assert_strategy(BYTES("\x12\x09\x09" HALF), OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
    assert_strategy(BYTES("\x08\x01\x1a\x00"), OTEL__STRATEGY_RATE_LIMITING, 0, 0);
    assert_strategy(BYTES("\x08\x01\x1a\x02\x08\x2a"), OTEL__STRATEGY_RATE_LIMITING, 0, 42);
    assert_strategy(BYTES("\x22\x00"), OTEL__STRATEGY_PER_OPERATION, 0, 0);
    /* A type of whatever number says nothing. */
    assert_strategy(BYTES("\x08\x63\x12\x00"), OTEL__STRATEGY_PROBABILISTIC, 0, 0);
}

static void operations_come_first_then_probability(void **state) {
    (void)state;
    assert_strategy(BYTES("\x12\x00\x1a\x02\x08\x2a\x22\x09\x09" HALF), OTEL__STRATEGY_PER_OPERATION, 0.5, 0);
    assert_strategy(BYTES("\x1a\x02\x08\x2a\x12\x09\x09" HALF), OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
}

static void operations_are_read_with_their_names(void **state) {
    (void)state;
    struct otel__strategy strategy;
    assert_null(read_bytes(BYTES("\x22\x32\x09" HALF "\x11" TWO "\x1a\x12\x0a\x05GET /\x12\x09\x09" HALF
                                 "\x1a\x06\x0a\x02xy\x12\x00"
                                 "\x1a\x02\x12\x00"),
                           &strategy));
    assert_true(strategy.probability == 0.5 && strategy.rate == 2);
    assert_int_equal(strategy.operation_count, 3);
    assert_string_equal(strategy.operations[0].name.ptr, "GET /");
    assert_true(strategy.operations[0].probability == 0.5);
    assert_string_equal(strategy.operations[1].name.ptr, "xy");
    assert_true(strategy.operations[1].probability == 0);
    assert_string_equal(strategy.operations[2].name.ptr, "");
    otel__strategy_free(&strategy);
}

static void unknown_fields_of_every_type_are_skipped(void **state) {
    (void)state;
    assert_strategy(BYTES("\x78\xff\x01\x79" TWO "\x7a\x03"
                          "abc\x7d\x01\x02\x03\x04\x12\x0b\x78\x07\x09" HALF "\x80\x01\x00"),
                    OTEL__STRATEGY_PROBABILISTIC, 0.5, 0);
}

static void nothing_malformed_is_taken(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        { BYTES("") },                                             /* no strategy */
        { BYTES("\x08\x01") },                                     /* nor here */
        { BYTES("\x12") },                                         /* no length */
        { BYTES("\x12\x02") },                                     /* less than said */
        { BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") }, /* far less */
        { BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
        { BYTES("\x12\x05\x09\0\0\0\0") },                                 /* a double cut short */
        { BYTES("\x10\x01") },                                             /* another type */
        { BYTES("\x12\x02\x08\x01") },                                     /* inside, too */
        { BYTES("\x13\x14") },                                             /* groups */
        { BYTES("\x02\x00") },                                             /* field 0 */
        { BYTES("\x12\x00\x80") },                                         /* a tag cut short */
        { BYTES("\x12\x09\x09\0\0\0\0\0\0\0\x40") },                       /* a probability of 2 */
        { BYTES("\x12\x09\x09\0\0\0\0\0\0\xf8\x7f") },                     /* NaN */
        { BYTES("\x1a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") }, /* -1 a second */
        { BYTES("\x22\x04\x1a\x02\x0a\x00") },                             /* an operation without a probability */
        { BYTES("\x22\x0d\x1a\x0b\x12\x09\x09\0\0\0\0\0\0\0\x40") },
        { BYTES("\x22\x09\x11\0\0\0\0\0\0\xf0\x7f") }, /* an infinite rate */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct otel__strategy strategy;
        print_message("    case %zu\n", i);
        assert_non_null(read_bytes(cases[i].bytes, cases[i].len, &strategy));
        assert_int_equal(strategy.kind, OTEL__STRATEGY_NONE);
        assert_null(strategy.operations);
    }
}

static void operations_are_bounded(void **state) {
    (void)state;
    struct otel__strategy strategy;
    const size_t most = OTEL__STRATEGY_OPERATIONS_MAX, one = 4;
    uint8_t *bytes = malloc(4 + (most + 1) * one);
    assert_non_null(bytes);
    for (size_t count = most; count <= most + 1; count++) {
        const size_t len = count * one;
        uint8_t *at = bytes;
        *at++ = 0x22;
        *at++ = (uint8_t)(len | 0x80);
        *at++ = (uint8_t)(len >> 7 | 0x80);
        *at++ = (uint8_t)(len >> 14);
        for (size_t i = 0; i < count; i++, at += one)
            memcpy(at, "\x1a\x02\x12\x00", one);
        const char *problem = otel__strategy_read_protobuf(bytes, (size_t)(at - bytes), &strategy);
        assert_int_equal(problem == NULL, count == most);
        assert_int_equal(strategy.operation_count, count == most ? most : 0);
        otel__strategy_free(&strategy);
    }
    free(bytes);
}

static void service_is_asked_for_by_its_name(void **state) {
    (void)state;
    char name[300];
    size_t len;
    uint8_t *request = otel__strategy_ask_protobuf(otel_cstr("shop"), &len);
    assert_int_equal(len, 6);
    assert_memory_equal(request, "\x0a\x04shop", 6);
    free(request);
    memset(name, 'n', sizeof name);
    request = otel__strategy_ask_protobuf(otel_strn(name, sizeof name), &len);
    assert_int_equal(len, 303);
    assert_memory_equal(request, "\x0a\xac\x02nnn", 6);
    free(request);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presence_decides_and_zero_is_a_value),
        cmocka_unit_test(operations_come_first_then_probability),
        cmocka_unit_test(operations_are_read_with_their_names),
        cmocka_unit_test(unknown_fields_of_every_type_are_skipped),
        cmocka_unit_test(nothing_malformed_is_taken),
        cmocka_unit_test(operations_are_bounded),
        cmocka_unit_test(service_is_asked_for_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
