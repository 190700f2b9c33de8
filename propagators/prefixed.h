/* SPDX-License-Identifier: Apache-2.0 */
/* prefixed.h - baggage as one field for each entry, whose name begins with a prefix. */
#ifndef OTEL_PROPAGATORS_PREFIXED_H
#define OTEL_PROPAGATORS_PREFIXED_H

#include "entries.h"

#include <otel/propagation.h>

/* The longest name of a field, prefix included; longer ones are neither read nor written. */
enum { OTEL__PREFIXED_NAME = 255 };
/* Of so many fields of a carrier the names are looked at. */
enum { OTEL__PREFIXED_FIELDS = 1024 };

struct otel__prefixed {
    const char *prefix; /* lowercase */
    bool coded;         /* values are percent-encoded */
};

#pragma GCC visibility push(hidden)
/* Adds the entries that the carrier has, in its order. */
void otel__prefixed_read(const struct otel__prefixed *format, struct otel__entries *list, const otel_getter *getter,
                         const void *carrier);
/* Writes the baggage of `context`, and tells what cannot be sent. */
void otel__prefixed_write(const struct otel__prefixed *format, const otel_context *context, const otel_setter *setter,
                          void *carrier);
#pragma GCC visibility pop

#endif
