/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thrift_dump.h - Thrift messages and structs as text, so that a test can say what it expects, whichever the protocol:
 * {1:"text" 2:[{1:5} {1:6}] 5:true 7:1.5}. Not needed to be read: no description of the structs.
 */
#ifndef THRIFT_DUMP_H
#define THRIFT_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole message, with the method's name and kind in front: emitBatch/4{...}. To be freed; "(bad)" when it is none. */
char *thrift_dump_message(const uint8_t *bytes, size_t len);
/* A bare struct. */
char *thrift_dump_struct(const uint8_t *bytes, size_t len, bool compact);
/* How many spans an emitBatch message holds; -1: it is none. `number` receives the batch's seqNo. */
long thrift_count_spans(const uint8_t *bytes, size_t len, int64_t *number);

#endif
