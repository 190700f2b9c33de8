/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_ids.c - the ids of a span in the forms that logs have for them (otel/log.h).
 *
 * The current span is read outside of the bracket, and so without making a state for the thread: only the thread itself
 * changes its stack, and a handler that interrupts that finds each entry below `depth` whole (thread.h).
 */
#include "context.h"
#include "hex.h"

#include <otel/log.h>

/* What stands around the three ids. */
static const struct form {
    const char *before, *to_span, *to_flags, *after;
} forms[] = {
    [OTEL_IDS_TEXT] = { "trace_id=", " span_id=", " trace_flags=", "" },
    [OTEL_IDS_LTSV] = { "trace_id:", "\tspan_id:", "\ttrace_flags:", "" },
    [OTEL_IDS_JSON] = { "\"trace_id\":\"", "\",\"span_id\":\"", "\",\"trace_flags\":\"", "\"" },
    [OTEL_IDS_SYSLOG] = { "[opentelemetry trace_id=\"", "\" span_id=\"", "\" trace_flags=\"", "\"]" },
};

static otel_span current_span(void) {
    otel_span span;
    otel__context_get_span(otel__context_top(otel__self), &span);
    return span;
}

static char *put_hex(char *out, const uint8_t *bytes, size_t count) {
    otel__hex_write(out, bytes, count);
    return out + 2 * count;
}

static size_t write_ids(const otel_span *span, const struct form *form, char out[OTEL_IDS_SIZE]) {
    uint8_t trace_id[16], span_id[8];
    const uint8_t flags = otel_span_flags(span);
    otel_span_trace_id(span, trace_id);
    otel_span_id(span, span_id);
    char *at = put_hex(stpcpy(out, form->before), trace_id, sizeof trace_id);
    at = put_hex(stpcpy(at, form->to_span), span_id, sizeof span_id);
    at = put_hex(stpcpy(at, form->to_flags), &flags, 1);
    at = stpcpy(at, form->after);
    *at = '\0';
    return (size_t)(at - out);
}

size_t otel_log_ids(const otel_span *span, otel_ids_form form, char *out, size_t room) {
    if (out == NULL || room == 0) {
        return 0;
    }
    const otel_span named = span != NULL ? *span : current_span();
    char text[OTEL_IDS_SIZE] = "";
    size_t len = 0;
    if (otel_span_valid(&named) && (unsigned)form < sizeof forms / sizeof *forms) {
        len = write_ids(&named, &forms[form], text);
    }
    if (len >= room) {
        len = 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return len;
}
