/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_json_read.h - an OTLP JSON request, read by jansson, as the protobuf request that says the same.
 *
 * Strict: an unknown member, one of the wrong JSON type, an id that is not hex of its length, and a default that could
 * be left out but is not (but for those of an AnyValue) are refused.
 */
#ifndef OTLP_JSON_READ_H
#define OTLP_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes, to be freed, as protobuf-c writes them. False: `problem` says what is wrong where. */
bool otlp_json_read(const char *text, size_t len, uint8_t **bytes, size_t *size, char problem[256]);

#endif
