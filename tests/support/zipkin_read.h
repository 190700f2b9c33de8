/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_read.h - what was sent to Zipkin, read by libraries that know nothing of the writers, in one form. */
#ifndef ZIPKIN_READ_H
#define ZIPKIN_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The list of spans as Zipkin's JSON has it. Fails the test when the bytes are no such list, a key comes twice, or
 * protobuf holds what may not be there: unknown fields, ids and addresses of a wrong length, empty messages.
 */
json_t *zipkin_read(bool protobuf, const uint8_t *bytes, size_t len);
/* The same for a text in which ' stands for ", which expected JSON is easier to write with. */
json_t *zipkin_expected(const char *text);

/* Fails the test and prints both when they differ, and releases both. */
void zipkin_assert_equal(json_t *actual, json_t *expected);

#endif
