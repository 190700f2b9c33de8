/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - see identity.h. */
#include "identity.h"

#include "attributes.h"
#include "tracer.h"

#include <stdio.h>

static void copy_head(char *to, size_t size, otel_str text) {
    snprintf(to, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.ptr ? text.ptr : "");
}

/* The end of a path says more than its beginning. */
static void copy_tail(char *to, size_t size, otel_str text) {
    const size_t skipped = text.len < size ? 0 : text.len - size + 1;
    copy_head(to, size, otel_strn(text.ptr + (text.ptr ? skipped : 0), text.len - skipped));
}

void otel__identify(struct otel__identity *to, const struct otel__record *record) {
    copy_head(to->name, sizeof to->name, otel__text_str(record->name));
    copy_head(to->scope, sizeof to->scope, record->scope->data.name);
    copy_tail(to->place, sizeof to->place, otel__text_str(record->place));
}
