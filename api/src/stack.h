/* SPDX-License-Identifier: Apache-2.0 */
/* stack.h - the calling thread's stack as text. */
#ifndef OTEL_API_STACK_H
#define OTEL_API_STACK_H

#include <stddef.h>

/*
 * Writes a line for each frame from the one that `address` returns to on, as many as `size` bytes hold; "" where the C
 * library has no backtrace(). Preserves errno.
 */
void otel__stack_text(char *text, size_t size, const void *address);

#endif
