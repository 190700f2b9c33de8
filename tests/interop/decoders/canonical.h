/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical.h - a message as text that says all of it, in one form: what canonical.py writes of the same message.
 *
 * One line for each field that is set, in the order of their numbers: number, name, kind and value. `bytes` and
 * `string` are one kind, in hex, and doubles are the hex of their bits, or nan. A message is the lines of its fields
 * between braces, indented.
 */
#ifndef CANONICAL_H
#define CANONICAL_H

#include <protobuf-c/protobuf-c.h>
#include <stdio.h>

void canonical_write(FILE *out, const ProtobufCMessage *message);

#endif
