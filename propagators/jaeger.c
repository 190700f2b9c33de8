/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger.c - the propagator of Jaeger's own clients: field `uber-trace-id`, and `uberctx-<name>` for each entry of
 * baggage.
 *
 * The id of the parent's parent is written as 0 and not looked at. Ids may be short of their leading zeros. Carriers
 * may be hostile: what is read of them is bounded, and a bad entry of baggage costs only itself.
 */
#include <otel/propagation.h>
#include <otel/trace.h>

#include "context.h"
#include "fields.h"
#include "ids.h"
#include "options.h"
#include "percent.h"
#include "prefixed.h"
#include "remote.h"

static const char IDENTITY[] = "uber-trace-id";
static const char BAGGAGE[] = "jaeger-baggage"; /* read only: written by hand, to try something */
static const struct otel__prefixed ENTRIES = { .prefix = "uberctx-", .coded = true };

enum { FLAG_SAMPLED = 1, FLAG_DEBUG = 2 };

static const char *field(size_t index) { return index == 0 ? IDENTITY : NULL; }

/* ---- inject ------------------------------------------------------------------------------------------------------ */

static void inject_span(const otel_context *context, const otel_setter *setter, void *carrier) {
    const otel_span span = otel_context_span(context);
    char trace_id[33], span_id[17];
    if (!otel_span_hex(&span, trace_id, span_id)) {
        return;
    }
    const bool debug = otel__remote_decision(context, &span) == OTEL__DECISION_DEBUG;
    char value[] = "0123456789abcdef0123456789abcdef:0123456789abcdef:0:0";
    memcpy(value, trace_id, 32);
    memcpy(value + 33, span_id, 16);
    value[sizeof value - 2] = debug ? '3' : otel_span_sampled(&span) ? '1' : '0';
    setter->set(carrier, IDENTITY, value, sizeof value - 1);
}

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    if (setter != NULL && OTEL__HAS(setter, set)) {
        inject_span(context, setter, carrier);
        otel__prefixed_write(&ENTRIES, context, setter, carrier);
    }
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

/* Some write the whole value in escapes. False: an escape is broken, or it is longer than any identity. */
static bool unescape(otel_str text, char *out, size_t room, size_t *length) {
    *length = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (*length == room) {
            return false;
        }
        unsigned byte = (unsigned char)text.ptr[i];
        if (byte == '%') {
            const unsigned high = text.len - i > 2 ? otel__percent_digit(text.ptr[i + 1]) : 16;
            const unsigned low = text.len - i > 2 ? otel__percent_digit(text.ptr[i + 2]) : 16;
            if ((high | low) > 15) {
                return false;
            }
            byte = high << 4 | low;
            i += 2;
        }
        out[(*length)++] = (char)byte;
    }
    return true;
}

/* trace id:span id:id of the parent's parent:flags */
static bool read_identity(otel_str text, struct otel__remote *remote) {
    char plain[128];
    size_t length;
    if (!unescape(text, plain, sizeof plain, &length)) {
        return false;
    }
    otel_str rest = { plain, length };
    const otel_str trace_id = otel__split(&rest, ':');
    const otel_str span_id = otel__split(&rest, ':');
    otel__split(&rest, ':');
    uint8_t flags;
    if (!otel__id_read(remote->trace_id, 16, trace_id) || !otel__id_read(remote->span_id, 8, span_id) ||
        !otel__id_read(&flags, 1, rest)) {
        return false;
    }
    remote->sampled = (flags & FLAG_SAMPLED) != 0;
    remote->decision = remote->sampled && (flags & FLAG_DEBUG) != 0 ? OTEL__DECISION_DEBUG : OTEL__DECISION_FLAG;
    return otel__remote_valid(remote);
}

static otel_context extract_span(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct otel__remote remote;
    otel_str value;
    if (!otel__field_first(getter, carrier, IDENTITY, &value)) {
        return otel_context_retain(base);
    }
    if (!read_identity(value, &remote)) {
        otel__tell(OTEL__MISUSE_PARENT_READ);
        return otel_context_retain(base);
    }
    return otel__remote_into(base, &remote);
}

/* name=value,name=value, with escapes as in the other fields. */
static void read_list(struct otel__entries *list, otel_str rest) {
    while (rest.ptr != NULL) {
        otel_str value = otel__split(&rest, ',');
        const size_t bytes = value.len + 1;
        const otel_str name = otel__trimmed(otel__split(&value, '='));
        value = otel__trimmed(value);
        const bool proper = value.ptr != NULL && otel__is_token(name) && otel__is_percent_coded(value);
        otel_baggage_entry *entry = proper && bytes <= list->room ? otel__entries_place(list, name) : NULL;
        if (entry == NULL) {
            list->complete = false;
            continue;
        }
        *entry = (otel_baggage_entry){ name, value, { "", 0 } };
        list->room -= bytes;
    }
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct otel__entries list;
    otel_str value;
    if (getter == NULL || !OTEL__HAS(getter, get)) {
        return otel_context_retain(base);
    }
    otel_context with_span = extract_span(base, getter, carrier);
    otel__entries_clear(&list);
    list.coding = OTEL__CODING_FORM;
    list.any_case = true;
    otel__prefixed_read(&ENTRIES, &list, getter, carrier);
    if (otel__field_first(getter, carrier, BAGGAGE, &value)) {
        read_list(&list, value);
    }
    otel_context context = otel__entries_into(&with_span, &list);
    otel_context_release(&with_span);
    return context;
}

const otel_propagator otel_propagator_jaeger = {
    .size = sizeof otel_propagator_jaeger,
    .name = "jaeger",
    .field = field,
    .inject = inject,
    .extract = extract,
};
