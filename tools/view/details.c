/* SPDX-License-Identifier: Apache-2.0 */
/* The lines under a span: its error, its attributes, its events, its links. */
#include "details.h"

#include "attributes.h"
#include "decode.h"
#include "text.h"

#include <string.h>

enum { MAX_EVENTS = 8, MAX_LINKS = 4 };

struct details {
    FILE *out;
    const struct view_style *style;
    struct view_margin margin;
    size_t room; /* columns beside the margin */
};

static void begin_line(const struct details *details) { fputs(details->margin.text, details->out); }

static void end_line(const struct details *details) {
    fprintf(details->out, "%s\n", view_color(details->style, VIEW_PLAIN));
}

static void put_status(const struct details *details, const Otel__Otlp__Status *status) {
    if (!status || status->code != OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR) {
        return;
    }
    begin_line(details);
    fprintf(details->out, "%sERROR", view_color(details->style, VIEW_RED));
    if (status->message.len > 0) {
        fputs(": ", details->out);
        view_text_put(details->out, status->message.data, status->message.len, details->room - 7, details->style->utf8);
    }
    end_line(details);
}

static void put_attributes(const struct details *details, const Otel__Otlp__Span *span) {
    if (span->n_attributes == 0) {
        return;
    }
    begin_line(details);
    fputs(view_color(details->style, VIEW_DIM), details->out);
    view_attributes_put(details->out, span->attributes, span->n_attributes, details->room, details->style->utf8);
    end_line(details);
}

/* "ValueError: out of range" for an exception that says so, otherwise the event's attributes. */
static void put_event_details(const struct details *details, const Otel__Otlp__Span__Event *event, bool exception,
                              size_t room) {
    const ProtobufCBinaryData *type = NULL;
    const ProtobufCBinaryData *message = NULL;
    if (exception) {
        type = view_attribute_text(event->attributes, event->n_attributes, "exception.type");
        message = view_attribute_text(event->attributes, event->n_attributes, "exception.message");
    }
    fputc(' ', details->out);
    room--;
    if (!type && !message) {
        view_attributes_put(details->out, event->attributes, event->n_attributes, room, details->style->utf8);
        return;
    }
    if (type) {
        room -= view_text_put(details->out, type->data, type->len, room, details->style->utf8);
    }
    if (type && message && room > 2) {
        fputs(": ", details->out);
        room -= 2;
    }
    if (message) {
        view_text_put(details->out, message->data, message->len, room, details->style->utf8);
    }
}

static void put_event(const struct details *details, const Otel__Otlp__Span__Event *event, uint64_t span_start) {
    const struct view_style *style = details->style;
    bool early = event->time_unix_nano < span_start;
    uint64_t offset = early ? span_start - event->time_unix_nano : event->time_unix_nano - span_start;
    struct view_short_text text = view_format_duration(offset, style->utf8);
    bool exception = event->name.len == 9 && memcmp(event->name.data, "exception", 9) == 0;

    begin_line(details);
    fprintf(details->out, "%s%s %c", view_color(style, VIEW_DIM), style->utf8 ? "•" : "*", early ? '-' : '+');
    size_t room =
        details->room - 3 - view_text_put(details->out, (uint8_t *)text.text, strlen(text.text), 12, style->utf8) - 1;
    fprintf(details->out, "%s %s", view_color(style, VIEW_PLAIN), exception ? view_color(style, VIEW_RED) : "");
    room -= view_text_put(details->out, event->name.data, event->name.len, room / 2, style->utf8);
    if (!exception) {
        fputs(view_color(style, VIEW_DIM), details->out);
    }
    if (event->n_attributes > 0) {
        put_event_details(details, event, exception, room);
    }
    end_line(details);
}

static void put_link(const struct details *details, const Otel__Otlp__Span__Link *link) {
    struct view_short_text trace_id = view_format_hex(link->trace_id.data, link->trace_id.len);
    struct view_short_text span_id = view_format_hex(link->span_id.data, link->span_id.len);
    char text[96];
    int len = snprintf(text, sizeof text, "linked to span %.16s of trace %.32s", span_id.text, trace_id.text);
    begin_line(details);
    fprintf(details->out, "%s%s ", view_color(details->style, VIEW_DIM), details->style->utf8 ? "↗" : ">");
    view_text_put(details->out, (uint8_t *)text, (size_t)len, details->room - 2, details->style->utf8);
    end_line(details);
}

static void put_more(const struct details *details, size_t count, size_t shown, const char *what) {
    if (count > shown) {
        begin_line(details);
        fprintf(details->out, "%s+%zu %s", view_color(details->style, VIEW_DIM), count - shown, what);
        end_line(details);
    }
}

void view_details_put(FILE *out, const struct view_style *style, const struct view_span *span,
                      struct view_margin margin) {
    const size_t least_room = 24;
    struct details details = { .out = out, .style = style, .margin = margin, .room = least_room };
    if (style->width > margin.columns + least_room) {
        details.room = style->width - margin.columns;
    }
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    if (message) {
        put_status(&details, message->status);
        put_attributes(&details, message);
        for (size_t i = 0; i < message->n_events && i < MAX_EVENTS; i++) {
            put_event(&details, message->events[i], message->start_time_unix_nano);
        }
        put_more(&details, message->n_events, MAX_EVENTS, "events");
        for (size_t i = 0; i < message->n_links && i < MAX_LINKS; i++) {
            put_link(&details, message->links[i]);
        }
        put_more(&details, message->n_links, MAX_LINKS, "links");
    }
    view_arena_clear(&arena);
}
