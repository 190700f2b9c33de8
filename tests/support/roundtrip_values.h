/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_values.h - random text, attributes and tracers, good and bad, as a program might pass them. */
#ifndef ROUNDTRIP_VALUES_H
#define ROUNDTRIP_VALUES_H

#include "roundtrip_random.h"

#include <otel/trace.h>

/* Bytes of every kind: NULs and what is not UTF-8 as well. */
otel_str roundtrip_some_text(struct roundtrip_source *source);
/* The same without NULs, NUL-terminated; now and then NULL. */
const char *roundtrip_some_string(struct roundtrip_source *source);
/* At least one attribute is good if `one_good`. */
otel_attrs roundtrip_some_attributes(struct roundtrip_source *source, size_t most, bool one_good);
/* 120 to 150 small ones under different keys. */
otel_attrs roundtrip_many_attributes(struct roundtrip_source *source);
/* Good and small: for resources and scopes, whose bad values and bounds are looked at elsewhere. */
otel_attrs roundtrip_sound_attributes(struct roundtrip_source *source, size_t most);

/* Tracers, several of which have the same scope, or scopes that differ in one thing only. */
enum { ROUNDTRIP_TRACERS = 12, ROUNDTRIP_SCOPES = 9 };
struct roundtrip_tracer {
    otel_tracer tracer;
    size_t scope; /* equal numbers: equal scopes */
};
void roundtrip_make_tracers(struct roundtrip_source *source, struct roundtrip_tracer tracers[ROUNDTRIP_TRACERS]);

#endif
