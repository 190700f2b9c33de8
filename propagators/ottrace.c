/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ottrace.c - the propagator of OpenTracing's basic tracers: fields `ot-tracer-...`, and `ot-baggage-<name>` for each
 * entry of baggage, whose value is written as it is.
 *
 * It has room for the right half of a trace id only. Baggage comes along with a span or not at all.
 */
#include <otel/propagation.h>
#include <otel/trace.h>

#include "context.h"
#include "fields.h"
#include "options.h"
#include "prefixed.h"
#include "remote.h"

static const char TRACE_ID[] = "ot-tracer-traceid";
static const char SPAN_ID[] = "ot-tracer-spanid";
static const char SAMPLED[] = "ot-tracer-sampled";
static const struct otel__prefixed ENTRIES = { .prefix = "ot-baggage-", .coded = false };

static const char *field(size_t index) {
    static const char *const all[] = { TRACE_ID, SPAN_ID, SAMPLED };
    return index < sizeof all / sizeof all[0] ? all[index] : NULL;
}

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    const otel_span span = otel_context_span(context);
    char trace_id[33], span_id[17];
    if (setter == NULL || !OTEL__HAS(setter, set) || !otel_span_hex(&span, trace_id, span_id)) {
        return;
    }
    const otel_str sampled = otel_cstr(otel_span_sampled(&span) ? "true" : "false");
    setter->set(carrier, TRACE_ID, trace_id + 16, 16);
    setter->set(carrier, SPAN_ID, span_id, 16);
    setter->set(carrier, SAMPLED, sampled.ptr, sampled.len);
    otel__prefixed_write(&ENTRIES, context, setter, carrier);
}

/* Without the field: not sampled. */
static bool read_sampled(struct otel__remote *remote, const otel_getter *getter, const void *carrier) {
    otel_str value;
    remote->decision = OTEL__DECISION_FLAG;
    remote->sampled = false;
    if (!otel__field_first(getter, carrier, SAMPLED, &value)) {
        return true;
    }
    remote->sampled = otel__same_name(value, otel_cstr("true")) || otel__same_text(value, otel_cstr("1"));
    return remote->sampled || otel__same_name(value, otel_cstr("false")) || otel__same_text(value, otel_cstr("0"));
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct otel__remote remote;
    struct otel__entries list;
    otel_str trace_id, span_id;
    if (getter == NULL || !OTEL__HAS(getter, get)) {
        return otel_context_retain(base);
    }
    const bool has_trace = otel__field_first(getter, carrier, TRACE_ID, &trace_id);
    const bool has_span = otel__field_first(getter, carrier, SPAN_ID, &span_id);
    if (!otel__remote_ids(&remote, trace_id, span_id) || !read_sampled(&remote, getter, carrier)) {
        if (has_trace || has_span) {
            otel__tell(OTEL__MISUSE_PARENT_READ);
        }
        return otel_context_retain(base);
    }
    otel__entries_clear(&list);
    list.coding = OTEL__CODING_NONE;
    list.any_case = list.lowercase = true;
    otel__prefixed_read(&ENTRIES, &list, getter, carrier);
    otel_context with_span = otel__remote_into(base, &remote);
    otel_context context = otel__entries_into(&with_span, &list);
    otel_context_release(&with_span);
    return context;
}

const otel_propagator otel_propagator_ottrace = {
    .size = sizeof otel_propagator_ottrace,
    .name = "ottrace",
    .field = field,
    .inject = inject,
    .extract = extract,
};
