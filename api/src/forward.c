/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.c - starting and recording: each function hands its call to the installed SDK, inside the bracket of
 * backend.h.
 *
 * What the SDK gets is checked as far as that needs no knowledge of spans: option structs have their full size, enums
 * are in range, and a string without bytes has length 0.
 */
#include "context.h"
#include "noop.h"
#include "options.h"
#include "stack.h"

static otel_tracer unnamed_tracer = { .name = "" };
static const otel_span_options default_options = { .size = sizeof default_options };

static otel_str checked(otel_str text) { return otel_strn(text.ptr, text.len); }

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static const otel_span_options *start_options(const otel_span_options *given, otel_span_options *copy) {
    if (given == NULL) {
        return &default_options;
    }
    const otel_span_options *options = otel__options_fit(given, sizeof *copy, copy);
    if (__builtin_expect((unsigned)options->kind > OTEL_CONSUMER, 0)) {
        *copy = *options;
        copy->kind = OTEL_INTERNAL;
        options = copy;
    }
    return options;
}

static otel_span start_below(const struct otel__call *call, otel_tracer *tracer, const otel_span_options *options,
                             const otel_context *parent) {
    otel_span span;
    call->backend->span_start(call->thread, tracer != NULL ? tracer : &unnamed_tracer, options, parent, &span);
    return span;
}

/*
 * The parent is a copy of the current context, since callbacks may move the stack. Of a tracestate there the stack
 * keeps the reference: if a callback closes the scope it goes stale.
 */
static otel_span start_span(const struct otel__call *call, otel_tracer *tracer, const otel_span_options *options) {
    if (options->parent != NULL) {
        return start_below(call, tracer, options, options->parent);
    }
    const otel_context current = *otel__context_top(call->thread);
    return start_below(call, tracer, options, &current);
}

/* Values would not go stale but be gone. Leaves the bracket, as giving them back may run code of the user's. */
static __attribute__((noinline)) otel_span start_among_values(const struct otel__call *call, otel_tracer *tracer,
                                                              const otel_span_options *options) {
    otel_context current;
    otel__context_share(&current, otel__context_top(call->thread));
    const otel_span span = start_below(call, tracer, options, options->parent != NULL ? options->parent : &current);
    otel__leave(call);
    otel_context_release(&current);
    return span;
}

otel_span otel_span_start(otel_tracer *tracer, const otel_span_options *options) {
    otel_span_options copy;
    const otel_span_options *full = start_options(options, &copy);
    struct otel__call call;
    if (!otel__enter(&call)) {
        return otel__noop_start(full, &otel__context_empty);
    }
    if (__builtin_expect(call.thread->valued != 0, 0) && call.backend != NULL) {
        return start_among_values(&call, tracer, full);
    }
    otel_span span =
        call.backend != NULL ? start_span(&call, tracer, full) : otel__noop_start(full, otel__context_top(call.thread));
    otel__leave(&call);
    return span;
}

bool otel_tracer_enabled(otel_tracer *tracer, const otel_span_options *options) {
    otel_span_options copy;
    struct otel__call call;
    if (!otel__enter(&call)) {
        return false;
    }
    bool enabled = call.backend != NULL && call.backend->enabled(call.thread, tracer != NULL ? tracer : &unnamed_tracer,
                                                                 start_options(options, &copy));
    otel__leave(&call);
    return enabled;
}

/* ---- recording --------------------------------------------------------------------------------------------------- */

/* Hands a call about a span on, if there is an SDK and the span may still be one of its own. */
#define FORWARD(function, span, ...)                                                                                   \
    do {                                                                                                               \
        struct otel__call call;                                                                                        \
        if (otel__may_record(span) && otel__enter(&call)) {                                                            \
            if (call.backend != NULL) {                                                                                \
                call.backend->function(call.thread, (span), __VA_ARGS__);                                              \
            }                                                                                                          \
            otel__leave(&call);                                                                                        \
        }                                                                                                              \
    } while (0)

bool otel_span_recording_(const otel_span *span) {
    struct otel__call call;
    if (!otel__may_record(span) || !otel__enter(&call)) {
        return false;
    }
    bool recording = call.backend != NULL && call.backend->span_recording(span);
    otel__leave(&call);
    return recording;
}

void otel_span_end_at(const otel_span *span, uint64_t time) { FORWARD(span_end, span, time); }

void otel_span_set_value(const otel_span *span, otel_str key, const otel_value *value) {
    if (value != NULL) {
        FORWARD(span_set, span, checked(key), value);
    }
}

void otel_span_add_event(const otel_span *span, const otel_event_options *options) {
    otel_event_options copy;
    if (options != NULL) {
        FORWARD(span_event, span, otel__options_fit(options, sizeof copy, &copy));
    }
}

void otel_span_record_exception(const otel_span *span, const otel_exception_options *options) {
    otel_exception_options copy;
    if (options != NULL) {
        FORWARD(span_exception, span, otel__options_fit(options, sizeof copy, &copy));
    }
}

/* A call of its own, so that its frame is there to be left out. */
__attribute__((noinline)) void otel_span_record_error(const otel_span *span, const char *type, const char *message) {
    char stack[8192];
    if (!otel_span_recording(span)) {
        return;
    }
    otel__stack_text(stack, sizeof stack, __builtin_return_address(0));
    const otel_exception_options options = {
        .size = sizeof options, .type = type, .message = message, .stacktrace = stack[0] != '\0' ? stack : NULL
    };
    otel_span_record_exception(span, &options);
}

void otel_span_add_link(const otel_span *span, const otel_link *link) {
    if (link != NULL) {
        FORWARD(span_link, span, link);
    }
}

void otel_span_set_name_str(const otel_span *span, otel_str name) { FORWARD(span_name, span, checked(name)); }

void otel_span_set_status_str(const otel_span *span, otel_code code, otel_str text) {
    if ((unsigned)code <= OTEL_CODE_ERROR) {
        FORWARD(span_status, span, code, checked(text));
    }
}

void otel_span_fail_str(const otel_span *span, otel_str type, otel_str text) {
    FORWARD(span_fail, span, checked(type), checked(text));
}
