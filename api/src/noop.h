/* SPDX-License-Identifier: Apache-2.0 */
/* noop.h - what starting a span means without an SDK. */
#ifndef OTEL_API_NOOP_H
#define OTEL_API_NOOP_H

#include <otel/trace.h>

#pragma GCC visibility push(hidden)
/* The parent's span context flows on, so that what is injected passes straight through. `current`: where no parent is given. */
void otel__noop_start(const otel_span_options *options, const otel_context *current, otel_span *span);
#pragma GCC visibility pop

#endif
