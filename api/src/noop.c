/* SPDX-License-Identifier: Apache-2.0 */
/* noop.c - spans without an SDK; see noop.h. */
#include "noop.h"
#include "backend.h"

#include <string.h>

void otel__noop_start(const otel_span_options *options, const otel_context *current, otel_span *span) {
    if (options->root) {
        *span = (otel_span){ { 0 } };
        return;
    }
    memcpy(span, options->parent != NULL ? options->parent : current, sizeof *span);
    span->opaque_[OTEL__W_META] &= OTEL__META_FLAGS | OTEL__META_REMOTE;
    span->opaque_[OTEL__W_BIRTH] = 0;
}
