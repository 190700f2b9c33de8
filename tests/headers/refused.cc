/* SPDX-License-Identifier: Apache-2.0 */
/* refused.cc - values that an attribute can't have must not compile. Exactly one TRY_ macro is defined. */
#include <otel/baggage.h>
#include <otel/context.h>
#include <otel/propagation.h>
#include <otel/trace.h>
#include "refused.h"

void record(const otel_span *span);
void record(const otel_span *span) { otel_set(span, "key", VALUE); }
