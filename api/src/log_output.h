/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_output.h - brings lines to a descriptor or a sink, and waits no longer than was set.
 *
 * DESIGN. One lock for the process keeps the rest of a line that a socket took in parts together; for that alone it is
 * held while waiting. It is a word with the holder's process id: in the child of a fork, where the holder does not exist,
 * it is taken over. Whoever waits for the lock or for a reader has one deadline for both. A line whose reader misses it
 * makes those after it not wait at all (`stalled`), until one is written.
 *
 * No write waits: a pipe is written with RWF_NOWAIT, which spares its other users a change of its flags, and takes a line
 * as a whole or not at all; a socket with MSG_DONTWAIT. Terminals, and pipes where the kernel does not know RWF_NOWAIT for
 * them (before Linux 6.5), are opened again through /proc for the line, with O_NONBLOCK. Where that cannot be, poll() says
 * beforehand that there is room: then a terminal may have less than the line needs, and another process may take a pipe's.
 */
#ifndef OTEL_API_LOG_OUTPUT_H
#define OTEL_API_LOG_OUTPUT_H

#include <otel/log.h>

#pragma GCC visibility push(hidden)
/* `options` whole: of this version's size. `interrupting`: a handler sets them, and this thread may have the lock. */
void otel__log_output_set(const otel_log_options *options, bool interrupting);
/* `text` has room for a newline at `len`, which replaces a NUL. False: the line was dropped. */
bool otel__log_output(otel_severity severity, char *text, size_t len);
#pragma GCC visibility pop

#endif
