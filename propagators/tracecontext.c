/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracecontext.c - the W3C Trace Context propagator, level 2: fields `traceparent` and `tracestate`; and of its next
 * version what servers answer.
 *
 * Written: version 00, known flags only. Read: version 00 exactly; of higher versions what version 00 knows. Carriers
 * may be hostile: the length of a value, the number of fields and so the time are bounded.
 */
#include <otel/propagation.h>
#include <otel/trace.h>

#include "cancellation.h"
#include "context.h"
#include "fields.h"
#include "hex.h"
#include "options.h"
#include "text.h"
#include "tracestate.h"

static const char TRACEPARENT[] = "traceparent";
static const char TRACESTATE[] = "tracestate";
static const char SERVER_TIMING[] = "Server-Timing";

/* version-trace id-span id-flags, such as 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01 */
enum { AT_TRACE_ID = 3, AT_SPAN_ID = 36, AT_FLAGS = 53, LENGTH = 55 };
enum { KNOWN_FLAGS = OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM, LONGEST_PARENT = 1024 };

static const char *field(size_t index) { return index == 0 ? TRACEPARENT : index == 1 ? TRACESTATE : NULL; }

/* ---- inject ------------------------------------------------------------------------------------------------------ */

static void write_parent(const otel_span *span, char text[LENGTH + 1]) {
    uint8_t flags = otel_span_flags(span) & KNOWN_FLAGS;
    memcpy(text, "00-", 3);
    otel__hex_write(text + AT_TRACE_ID, (const uint8_t *)&span->opaque_[OTEL__W_TRACE], 16);
    text[AT_SPAN_ID - 1] = '-';
    otel__hex_write(text + AT_SPAN_ID, (const uint8_t *)&span->opaque_[OTEL__W_SPAN], 8);
    text[AT_FLAGS - 1] = '-';
    otel__hex_write(text + AT_FLAGS, &flags, 1);
    text[LENGTH] = '\0';
}

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    otel_span span = otel_context_span(context);
    if (setter == NULL || !OTEL__HAS(setter, set) || !otel_span_valid(&span)) {
        return;
    }
    char parent[LENGTH + 1];
    write_parent(&span, parent);
    setter->set(carrier, TRACEPARENT, parent, LENGTH);
    otel_tracestate state = otel_span_tracestate(&span);
    otel_str text = otel_tracestate_text(&state);
    if (text.len > 0) {
        const int cancellation = otel__cancellation_hold(); /* or `state` might stay held */
        setter->set(carrier, TRACESTATE, text.ptr, text.len);
        otel__cancellation_allow(cancellation);
    }
    otel_tracestate_release(&state);
}

void otel_inject_server_timing(const otel_context *context, const otel_setter *setter, void *carrier) {
    static const char METRIC[] = "trace;desc=";
    enum { AT_PARENT = sizeof METRIC - 1 };
    const otel_span span = otel_context_span(context);
    if (setter == NULL || !OTEL__HAS(setter, set) || !otel_span_valid(&span)) {
        return;
    }
    char value[AT_PARENT + LENGTH + 1];
    memcpy(value, METRIC, AT_PARENT);
    write_parent(&span, value + AT_PARENT);
    setter->set(carrier, SERVER_TIMING, value, sizeof value - 1);
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

static bool read_parent(otel_str text, otel_span_context *span) {
    uint8_t version;
    if (text.ptr == NULL || text.len > LONGEST_PARENT) {
        return false;
    }
    text = otel__trimmed(text);
    if (text.len < LENGTH || !otel__hex_read(&version, text.ptr, 1) || version == 0xff ||
        (text.len > LENGTH && (version == 0 || text.ptr[LENGTH] != '-'))) {
        return false;
    }
    bool digits = otel__hex_read(span->trace_id, text.ptr + AT_TRACE_ID, 16) &&
                  otel__hex_read(span->span_id, text.ptr + AT_SPAN_ID, 8) &&
                  otel__hex_read(&span->flags, text.ptr + AT_FLAGS, 1);
    bool dashes = text.ptr[AT_TRACE_ID - 1] == '-' && text.ptr[AT_SPAN_ID - 1] == '-' && text.ptr[AT_FLAGS - 1] == '-';
    span->flags &= KNOWN_FLAGS;
    return digits && dashes;
}

/* Several fields are one list, in the order received. */
static uint64_t read_state(const otel_getter *getter, const void *carrier) {
    struct otel__members list;
    otel_str value = { NULL, 0 };
    list.count = list.seen = list.bytes = 0;
    for (size_t i = 0; otel__field_next(getter, carrier, TRACESTATE, i, &value); i++) {
        if (i == OTEL__FIELDS_MOST || !otel__members_read(&list, value)) {
            otel__tell(OTEL__MISUSE_PARENT_READ);
            return 0;
        }
    }
    return otel__members_store(&list);
}

/* The remote span that the carrier names, without its tracestate. Two traceparents contradict each other. */
static bool read_span(const otel_getter *getter, const void *carrier, otel_span *span) {
    otel_span_context read = { .size = sizeof read, .remote = true };
    otel_str value = { NULL, 0 };
    if (!otel__field_next(getter, carrier, TRACEPARENT, 0, &value)) {
        return false;
    }
    bool valid = read_parent(value, &read) && !otel__field_next(getter, carrier, TRACEPARENT, 1, &value);
    *span = otel_span_wrap(&read);
    if (!valid || !otel_span_valid(span)) {
        otel__tell(OTEL__MISUSE_PARENT_READ);
        return false;
    }
    return true;
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    otel_span span;
    if (getter == NULL || !OTEL__HAS(getter, get) || !read_span(getter, carrier, &span)) {
        return otel_context_retain(base);
    }
    uint64_t state = read_state(getter, carrier);
    span.opaque_[OTEL__W_STATE] = state;
    otel_context context = otel_context_with_span(base, &span);
    otel__tracestate_drop(state);
    return context;
}

const otel_propagator otel_propagator_tracecontext = {
    .size = sizeof otel_propagator_tracecontext,
    .name = "tracecontext",
    .field = field,
    .inject = inject,
    .extract = extract,
};
