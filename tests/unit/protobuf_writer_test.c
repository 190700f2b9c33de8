/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf_writer_test.c - every kind of field against its bytes (protobuf encoding guide). */
#include "common/protobuf_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct otel__buffer out;

static int begin(void **state) {
    (void)state;
    otel__buffer_reset(&out, 1 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    otel__buffer_free(&out);
    return 0;
}

#define EXPECT(...) expect((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect(const uint8_t *bytes, size_t len) {
    assert_int_equal(otel__buffer_length(&out), len);
    assert_memory_equal(out.cursor, bytes, len);
    otel__buffer_reset(&out, 1 << 20);
}

/* Decoded by the textbook: seven bits a byte, the lowest first. */
static void varints(void **state) {
    (void)state;
    uint8_t room[16];
    for (int bits = 0; bits <= 64; bits++)
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = (bits < 64 ? UINT64_C(1) << bits : 0) + (uint64_t)(int64_t)delta;
            uint8_t *p = otel__pb_put_varint(room + sizeof room, value);
            size_t len = (size_t)(room + sizeof room - p);
            assert_int_equal(len, otel__pb_varint_size(value));
            uint64_t decoded = 0;
            for (size_t i = 0; i < len; i++) {
                decoded |= (uint64_t)(p[i] & 0x7f) << (7 * i);
                assert_int_equal((p[i] & 0x80) != 0, i + 1 < len);
            }
            assert_true(decoded == value);
            assert_true(len == 1 || p[len - 1] != 0); /* the shortest form */
        }
}

static void numbers(void **state) {
    (void)state;
    otel__pb_uint(&out, 1, 150);
    EXPECT(0x08, 0x96, 0x01);
    otel__pb_uint(&out, 16, 1);
    EXPECT(0x80, 0x01, 0x01);
    otel__pb_uint(&out, 3, UINT64_MAX);
    EXPECT(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
    otel__pb_fixed64(&out, 7, UINT64_C(0x0102030405060708));
    EXPECT(0x39, 8, 7, 6, 5, 4, 3, 2, 1);
    otel__pb_fixed32(&out, 16, 0x01020304);
    EXPECT(0x85, 0x01, 4, 3, 2, 1);
    uint8_t room[16], *p = otel__pb_put_double(room + 16, 4, 1.0);
    static const uint8_t one[] = { 0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f };
    assert_int_equal(room + 16 - p, sizeof one);
    assert_memory_equal(p, one, sizeof one);
}

static void defaults_are_left_out(void **state) {
    (void)state;
    otel__pb_uint(&out, 1, 0);
    otel__pb_fixed64(&out, 1, 0);
    otel__pb_fixed32(&out, 1, 0);
    otel__pb_text(&out, 1, otel_strn(NULL, 0));
    assert_int_equal(otel__buffer_length(&out), 0);
}

static void bytes_and_text(void **state) {
    (void)state;
    otel__pb_bytes(&out, 2, "testing", 7);
    EXPECT(0x12, 7, 't', 'e', 's', 't', 'i', 'n', 'g');
    otel__pb_bytes(&out, 2, NULL, 0);
    EXPECT(0x12, 0);
    otel__pb_text(&out, 5, otel_strn("a\0b", 3));
    EXPECT(0x2a, 3, 'a', 0, 'b');
}

/* Every length around the borders of how bytes are copied, exactly and nothing beside them. */
static void every_length(void **state) {
    (void)state;
    uint8_t room[128], data[64];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i + 1);
    for (size_t len = 0; len <= sizeof data; len++) {
        memset(room, 0xee, sizeof room);
        const uint8_t *p = otel__pb_put_bytes(room + 100, 1, data, len);
        assert_int_equal(p - room, 100 - len - 2);
        assert_memory_equal(p + 2, data, len);
        assert_int_equal(p[-1], 0xee);
        assert_int_equal(room[100], 0xee);
    }
}

static void fields_stand_in_reverse_order_of_writing(void **state) {
    (void)state;
    size_t outer = otel__buffer_length(&out);
    otel__pb_uint(&out, 2, 7);
    size_t inner = otel__buffer_length(&out);
    otel__pb_text(&out, 1, otel_cstr("x"));
    otel__pb_message(&out, 1, inner);
    otel__pb_message(&out, 3, outer);
    EXPECT(0x1a, 7, 0x0a, 3, 0x0a, 1, 'x', 0x10, 7);
    otel__pb_message(&out, 3, otel__buffer_length(&out));
    EXPECT(0x1a, 0);
}

/* A message of 300 bytes has a length of two bytes, and grows the buffer while it is open. */
static void long_messages(void **state) {
    (void)state;
    static char text[200000];
    otel__buffer_free(&out);
    otel__buffer_reset(&out, 1 << 20);
    size_t mark = otel__buffer_length(&out);
    otel__pb_bytes(&out, 1, text, sizeof text);
    otel__pb_message(&out, 2, mark);
    static const uint8_t head[] = { 0x12, 0xc4, 0x9a, 0x0c, 0x0a, 0xc0, 0x9a, 0x0c };
    assert_int_equal(otel__buffer_length(&out), sizeof text + sizeof head);
    assert_memory_equal(out.cursor, head, sizeof head);
}

static void writing_past_the_limit_does_nothing(void **state) {
    (void)state;
    otel__buffer_reset(&out, 100);
    otel__pb_bytes(&out, 1, "0123456789", 10);
    size_t len = otel__buffer_length(&out);
    static char text[200];
    size_t mark = otel__buffer_length(&out);
    otel__pb_bytes(&out, 1, text, sizeof text);
    otel__pb_uint(&out, 1, 1);
    otel__pb_fixed64(&out, 1, 1);
    otel__pb_fixed32(&out, 1, 1);
    otel__pb_message(&out, 1, mark);
    assert_int_equal(otel__buffer_length(&out), len);
    assert_int_equal(out.status, OTEL_ERR_EXPORT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(varints, begin, end),
        cmocka_unit_test_setup_teardown(numbers, begin, end),
        cmocka_unit_test_setup_teardown(defaults_are_left_out, begin, end),
        cmocka_unit_test_setup_teardown(bytes_and_text, begin, end),
        cmocka_unit_test_setup_teardown(every_length, begin, end),
        cmocka_unit_test_setup_teardown(fields_stand_in_reverse_order_of_writing, begin, end),
        cmocka_unit_test_setup_teardown(long_messages, begin, end),
        cmocka_unit_test_setup_teardown(writing_past_the_limit_does_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
