/* SPDX-License-Identifier: Apache-2.0 */
/* How deep the messages in protobuf bytes are nested. */
#ifndef VIEW_NESTING_H
#define VIEW_NESTING_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when the bytes, read as a message of this type, hold messages more than `limit` levels below it. To be asked
 * before unpacking, which calls itself for each level. Bytes that are no such message may give either answer: unpacking
 * refuses them before it gets any deeper than this function did. */
bool view_nesting_within(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len, unsigned limit);

#endif
