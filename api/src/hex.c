/* SPDX-License-Identifier: Apache-2.0 */
/* hex.c - lowercase hexadecimal text, both ways. */
#include "hex.h"

#include <string.h>

/* The two digits of every byte: half the steps of single digits, and it shows where spans are injected. */
#define ROW(h) h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char digits[] = ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6") ROW("7") ROW("8") ROW("9")
    ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f");

void otel__hex_write(char *text, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 2 * i, digits + 2 * (size_t)bytes[i], 2);
    }
}

bool otel__hex_read(uint8_t *bytes, const char *text, size_t count) {
    unsigned worst = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned high = otel__hex_digit(text[2 * i]);
        unsigned low = otel__hex_digit(text[2 * i + 1]);
        worst |= high | low;
        bytes[i] = (uint8_t)(high << 4 | (low & 15u));
    }
    return worst < 16;
}
