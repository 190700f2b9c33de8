/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b3.c - the B3 propagators of Zipkin: the single field `b3`, and the several fields `x-b3-...`. They differ in what
 * they write; both read both.
 *
 * The id of the parent's parent is never written and not used when it is read. Carriers may be hostile: one value of
 * each field is looked at, and of that no more than its bounded length.
 */
#include <otel/propagation.h>
#include <otel/trace.h>

#include "context.h"
#include "fields.h"
#include "ids.h"
#include "options.h"
#include "remote.h"

static const char SINGLE[] = "b3";
static const char TRACE_ID[] = "x-b3-traceid";
static const char SPAN_ID[] = "x-b3-spanid";
static const char SAMPLED[] = "x-b3-sampled";
static const char FLAGS[] = "x-b3-flags";

static const char *single_field(size_t index) { return index == 0 ? SINGLE : NULL; }

static const char *multi_field(size_t index) {
    static const char *const all[] = { TRACE_ID, SPAN_ID, SAMPLED, FLAGS };
    return index < sizeof all / sizeof all[0] ? all[index] : NULL;
}

/* ---- inject ------------------------------------------------------------------------------------------------------ */

/* What goes out. */
struct text {
    char trace_id[33];
    char span_id[17];
    char state; /* as in the single field; NUL: nobody has decided */
};

/* False: there is no span to tell of. */
static bool take(const otel_context *context, struct text *out) {
    const otel_span span = otel_context_span(context);
    if (!otel_span_valid(&span)) {
        return false;
    }
    otel_span_hex(&span, out->trace_id, out->span_id);
    switch (otel__remote_decision(context, &span)) {
    case OTEL__DECISION_DEBUG:
        out->state = 'd';
        break;
    case OTEL__DECISION_DEFERRED:
        out->state = '\0';
        break;
    case OTEL__DECISION_FLAG:
        out->state = otel_span_sampled(&span) ? '1' : '0';
        break;
    }
    return true;
}

static void inject_single(const otel_context *context, const otel_setter *setter, void *carrier) {
    struct text out;
    if (setter == NULL || !OTEL__HAS(setter, set) || !take(context, &out)) {
        return;
    }
    char value[32 + 1 + 16 + 1 + 1 + 1];
    memcpy(value, out.trace_id, 32);
    value[32] = '-';
    memcpy(value + 33, out.span_id, 16);
    value[49] = out.state != '\0' ? '-' : '\0';
    value[50] = out.state;
    value[51] = '\0';
    setter->set(carrier, SINGLE, value, out.state != '\0' ? 51 : 49);
}

static void inject_multi(const otel_context *context, const otel_setter *setter, void *carrier) {
    struct text out;
    if (setter == NULL || !OTEL__HAS(setter, set) || !take(context, &out)) {
        return;
    }
    const char decided[] = { out.state, '\0' };
    setter->set(carrier, TRACE_ID, out.trace_id, 32);
    setter->set(carrier, SPAN_ID, out.span_id, 16);
    if (out.state == 'd') {
        setter->set(carrier, FLAGS, "1", 1);
    } else if (out.state != '\0') {
        setter->set(carrier, SAMPLED, decided, 1);
    }
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

static void decide(struct otel__remote *remote, bool sampled, enum otel__decision decision) {
    remote->sampled = sampled;
    remote->decision = decision;
}

/* `text` without `ptr`: there is none. */
static bool read_state(struct otel__remote *remote, otel_str text) {
    if (text.ptr == NULL) {
        decide(remote, false, OTEL__DECISION_DEFERRED);
        return true;
    }
    const char state = text.len == 1 ? text.ptr[0] : '\0';
    decide(remote, state != '0', state == 'd' ? OTEL__DECISION_DEBUG : OTEL__DECISION_FLAG);
    return state == '0' || state == '1' || state == 'd';
}

/* trace id-span id[-state[-id of the parent's parent]] */
static bool read_single(struct otel__remote *remote, otel_str rest) {
    const otel_str trace_id = otel__split(&rest, '-');
    const otel_str span_id = otel__split(&rest, '-');
    const otel_str state = otel__split(&rest, '-');
    uint8_t unused[8];
    return otel__remote_ids(remote, trace_id, span_id) && read_state(remote, state) &&
           (rest.ptr == NULL || (rest.len == 16 && otel__id_read(unused, 8, rest)));
}

static bool read_sampled(struct otel__remote *remote, const otel_getter *getter, const void *carrier) {
    otel_str value;
    if (otel__field_first(getter, carrier, FLAGS, &value) && otel__same_text(value, otel_cstr("1"))) {
        decide(remote, true, OTEL__DECISION_DEBUG);
        return true;
    }
    if (!otel__field_first(getter, carrier, SAMPLED, &value)) {
        decide(remote, false, OTEL__DECISION_DEFERRED);
        return true;
    }
    const bool yes = otel__same_text(value, otel_cstr("1")) || otel__same_text(value, otel_cstr("true"));
    decide(remote, yes, OTEL__DECISION_FLAG);
    return yes || otel__same_text(value, otel_cstr("0")) || otel__same_text(value, otel_cstr("false"));
}

static bool read(struct otel__remote *remote, const otel_getter *getter, const void *carrier) {
    otel_str single, trace_id, span_id;
    if (otel__field_first(getter, carrier, SINGLE, &single) && read_single(remote, single)) {
        return true;
    }
    return otel__field_first(getter, carrier, TRACE_ID, &trace_id) &&
           otel__field_first(getter, carrier, SPAN_ID, &span_id) && otel__remote_ids(remote, trace_id, span_id) &&
           read_sampled(remote, getter, carrier);
}

/* Whether the carrier means to name a span: a decision alone doesn't. */
static bool names_span(const otel_getter *getter, const void *carrier) {
    struct otel__remote unused;
    otel_str value;
    return otel__field_first(getter, carrier, TRACE_ID, &value) ||
           otel__field_first(getter, carrier, SPAN_ID, &value) ||
           (otel__field_first(getter, carrier, SINGLE, &value) && !read_state(&unused, value));
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct otel__remote remote;
    if (getter == NULL || !OTEL__HAS(getter, get)) {
        return otel_context_retain(base);
    }
    if (read(&remote, getter, carrier)) {
        return otel__remote_into(base, &remote);
    }
    if (names_span(getter, carrier)) {
        otel__tell(OTEL__MISUSE_PARENT_READ);
    }
    return otel_context_retain(base);
}

const otel_propagator otel_propagator_b3 = {
    .size = sizeof otel_propagator_b3,
    .name = "b3",
    .field = single_field,
    .inject = inject_single,
    .extract = extract,
};

const otel_propagator otel_propagator_b3multi = {
    .size = sizeof otel_propagator_b3multi,
    .name = "b3multi",
    .field = multi_field,
    .inject = inject_multi,
    .extract = extract,
};
