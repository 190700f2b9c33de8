/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_dump.h - a PostSpansRequest as text, read by code generated from exporters/jaeger/idl/jaeger.proto. */
#ifndef JAEGER_DUMP_H
#define JAEGER_DUMP_H

#include <stddef.h>
#include <stdint.h>

/*
 * To be freed:
 *
 *     service [tags]
 *     trace/span name <references> flags start+duration [tags] [logs]
 *
 * with a line for each span, times as seconds.nanoseconds, references as type:trace/span, logs as time(fields) and tags
 * as key=value: "text", true, 5, 1.5d, x00ff. Fails the test when the bytes are no such request, or hold what a client
 * leaves unset: unknown fields, a process, its id or warnings of a span, more than one value of a tag.
 */
char *jaeger_dump(const uint8_t *bytes, size_t len);

#endif
