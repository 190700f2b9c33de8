/* SPDX-License-Identifier: Apache-2.0 */
/* What must be known of protobuf bytes before protobuf-c unpacks them. */
#ifndef VIEW_PRECHECK_H
#define VIEW_PRECHECK_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* What keeps the bytes from being unpacked as a message of this type, a static text, or NULL:
 * - messages nested more than `limit` levels below it, since unpacking calls itself for each level;
 * - field numbers that protobuf forbids: protobuf-c reads 0 from a long encoding of it, keeps the field as unknown,
 *   and packs it into bytes that it refuses to read again.
 * Bytes that are no such message may get either answer: unpacking refuses them before it gets any deeper. */
const char *view_precheck(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len, unsigned limit);

#endif
