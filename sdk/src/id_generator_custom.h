/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_generator_custom.h - id generators of the user's own (otel_id_generator_create() of otel/extend.h).
 *
 * Their functions run inside of the call that starts a span, outside of a callback bracket: what they call of the API
 * is ignored, since a span that is started to get the id of a span would need an id.
 */
#ifndef OTEL_SDK_ID_GENERATOR_CUSTOM_H
#define OTEL_SDK_ID_GENERATOR_CUSTOM_H

#include "local.h"

/* As otel__trace_id_new() and its like. Where the generator has no function, or makes zeros, ids are random. */
uint64_t otel__custom_trace_id(otel_id_generator *generator, struct otel__local *local, uint64_t words[2]);
uint64_t otel__custom_span_id(otel_id_generator *generator, struct otel__local *local);

#endif
