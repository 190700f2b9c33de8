/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - an instrumented plug-in, built several times under different names (PLUGIN); see plugin.h. */
#include "plugin.h"

/* Not constant, so that nobody may take them for text that lives for ever. */
static char own_name[] = PLUGIN;
static char own_key[] = PLUGIN ".key";
static char own_text[] = "text of " PLUGIN;

OTEL_TRACER(tracer, PLUGIN, "version of " PLUGIN, "https://schemas.example/" PLUGIN);

static const otel_attr tracer_attributes[] = { { { PLUGIN ".scope", sizeof PLUGIN ".scope" - 1 },
                                                 { .type = OTEL_TYPE_INT, .u.i = 1 } } };
static otel_tracer tracer_with_attributes = { .name = own_name, .attributes = { tracer_attributes, 1 } };

static void nest(void (*inner)(void *data), void *data) {
    OTEL_SPAN(span, tracer, own_name);
    if (inner)
        inner(data);
}

static void record(void) {
    OTEL_SPAN(outer, tracer, own_name, .kind = OTEL_SERVER, .attributes = OTEL_ATTRS(OTEL_ATTR(own_key, own_text)));
    const otel_str strings[] = { otel_cstr(own_text), otel_cstr(own_name) };
    otel_set(&outer, PLUGIN ".strings", otel_strings(strings, 2));
    otel_set(&outer, PLUGIN ".bytes", otel_bytes(own_text, sizeof own_text));
    otel_event(&outer, own_text, .attributes = OTEL_ATTRS(OTEL_ATTR(own_key, own_text)));
    otel_span_fail(&outer, own_name, own_text);

    OTEL_SPAN(inner, &tracer_with_attributes, "inner of " PLUGIN);
    const otel_link link = { outer, OTEL_ATTRS(OTEL_ATTR(own_key, own_text)) };
    otel_span_add_link(&inner, &link);
    otel_exception(&inner, own_name, .message = own_text);
}

static otel_span begin(void) {
    return otel_span_start(tracer, OTEL_START(own_name, .attributes = OTEL_ATTRS(OTEL_ATTR(own_key, own_text))));
}

static otel_scope enter(void) {
    const otel_span span = begin();
    return otel_span_attach(&span, true);
}

static void *api(void) { return (void *)otel_span_start; }

extern const struct plugin plugin;
__attribute__((visibility("default"))) const struct plugin plugin = {
    .name = own_name, .nest = nest, .record = record, .begin = begin, .enter = enter, .api = api
};
