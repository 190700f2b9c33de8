/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xray.c - for AWS X-Ray: the propagator with its field `X-Amzn-Trace-Id`, and trace ids. Uses nothing of libotel-api
 * but what is public, as a propagator of somebody else's would; the inline functions of its headers are compiled in.
 */
#include <otel/xray.h>

#include "fields.h"
#include "ids.h"
#include "options.h"

#include <errno.h>
#include <otel/context.h>
#include <otel/trace.h>
#include <sys/random.h>
#include <time.h>

static const char TRACE_HEADER[] = "X-Amzn-Trace-Id";

/* Root=1-(8 digits)-(24 digits);Parent=(16 digits);Sampled=(digit) */
static const char FORM[] = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
enum { AT_EPOCH = 7, AT_UNIQUE = 16, AT_PARENT = 48, AT_SAMPLED = 73 };
_Static_assert(sizeof FORM == AT_SAMPLED + 2, "the positions are those of the form");

static const char *field(size_t index) { return index == 0 ? TRACE_HEADER : NULL; }

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    const otel_span span = otel_context_span(context);
    char trace_id[33], span_id[17], value[sizeof FORM];
    if (setter == NULL || !OTEL__HAS(setter, set) || !otel_span_hex(&span, trace_id, span_id)) {
        return;
    }
    memcpy(value, FORM, sizeof FORM);
    memcpy(value + AT_EPOCH, trace_id, 8);
    memcpy(value + AT_UNIQUE, trace_id + 8, 24);
    memcpy(value + AT_PARENT, span_id, 16);
    value[AT_SAMPLED] = otel_span_sampled(&span) ? '1' : '0';
    setter->set(carrier, TRACE_HEADER, value, sizeof value - 1);
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

/* 1-(8 digits)-(24 digits) */
static bool read_root(otel_span_context *span, otel_str text) {
    if (text.len != 35 || memcmp(text.ptr, "1-", 2) != 0 || text.ptr[10] != '-') {
        return false;
    }
    return otel__id_read(span->trace_id, 4, otel_strn(text.ptr + 2, 8)) &&
           otel__id_read(span->trace_id + 4, 12, otel_strn(text.ptr + 11, 24));
}

static bool read_sampled(otel_span_context *span, otel_str text) {
    const char decision = text.len == 1 ? text.ptr[0] : '\0';
    span->flags = decision == '1' ? OTEL_FLAG_SAMPLED : 0;
    return decision == '0' || decision == '1' || decision == '?';
}

/* False: it makes the whole header invalid. Parts of other names are none of our business. */
static bool read_part(otel_span_context *span, otel_str part) {
    otel_str value = part;
    const otel_str key = otel__trimmed(otel__split(&value, '='));
    if (value.ptr == NULL) {
        return false;
    }
    value = otel__trimmed(value);
    if (otel__same_text(key, otel_cstr("Root"))) {
        return read_root(span, value);
    }
    if (otel__same_text(key, otel_cstr("Parent"))) {
        return value.len == 16 && otel__id_read(span->span_id, 8, value);
    }
    return !otel__same_text(key, otel_cstr("Sampled")) || read_sampled(span, value);
}

/* Without Root or Parent an id stays zero, and the span is not valid. */
static bool read_header(otel_span_context *span, otel_str rest) {
    while (rest.ptr != NULL) {
        const otel_str part = otel__trimmed(otel__split(&rest, ';'));
        if (part.len > 0 && !read_part(span, part)) {
            return false;
        }
    }
    return true;
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    otel_span_context read = { .size = sizeof read, .remote = true };
    otel_str value;
    if (getter == NULL || !OTEL__HAS(getter, get) || !otel__field_first(getter, carrier, TRACE_HEADER, &value) ||
        !read_header(&read, value)) {
        return otel_context_retain(base);
    }
    const otel_span span = otel_span_wrap(&read);
    return otel_span_valid(&span) ? otel_context_with_span(base, &span) : otel_context_retain(base);
}

const otel_propagator otel_propagator_xray = {
    .size = sizeof otel_propagator_xray,
    .name = "xray",
    .field = field,
    .inject = inject,
    .extract = extract,
};

/* The carrier is an environment, with its variable for the one field that is asked for. */
static bool get_variable(const void *carrier, const char *key, size_t index, otel_str *value) {
    static const char NAME[] = "_X_AMZN_TRACE_ID=";
    (void)key;
    for (char *const *variable = carrier; index == 0 && variable != NULL && *variable != NULL; variable++) {
        if (strncmp(*variable, NAME, sizeof NAME - 1) == 0) {
            *value = otel_cstr(*variable + sizeof NAME - 1);
            return true;
        }
    }
    return false;
}

otel_context otel_xray_extract_lambda(const otel_context *base, char *const *envp) {
    static const otel_getter getter = { .size = sizeof getter, .get = get_variable };
    return extract(base, &getter, envp);
}

/* ---- trace ids --------------------------------------------------------------------------------------------------- */

void otel_xray_trace_id(void *self, uint8_t out[16]) {
    (void)self;
    const int saved = errno;
    const uint32_t seconds = (uint32_t)time(NULL);
    ssize_t got;
    do {
        got = getrandom(out + 4, 12, 0);
    } while (got < 0 && errno == EINTR);
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(seconds >> (24 - 8 * i));
    }
    if (got != 12) {
        memset(out, 0, 16);
    }
    errno = saved;
}
