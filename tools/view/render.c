/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as a tree of text lines, with a time bar beside each span.
 *
 *   trace 4bf92f3577b34da6a3ce929d0e0e4736  2025-11-23 14:03:22.118  43.2ms  4 spans  gateway, query
 *   service  span                     kind    duration  0          21.6ms          43.2ms
 *   gateway  GET /search              server    43.2ms  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
 *            │ http.route=/search
 *   gateway  └─ GET                   client    40.1ms    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
 */
#include "render.h"

#include "bar.h"
#include "decode.h"
#include "details.h"
#include "text.h"
#include "tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 2,
    KIND_COLUMNS = 8,
    DURATION_COLUMNS = 8,
    MAX_SERVICE_COLUMNS = 20,
    MAX_SERVICES = 16, /* told apart by colour and named in the headline */
    MAX_INDENTS = 12,  /* at most, where the width allows it; deeper rows say how deep they are */
    INDENT_COLUMNS = 3,
    LEAST_NAME_COLUMNS = 12,
};

/* Of services; red is for errors. */
static const char *const palette[] = { "\033[36m", "\033[35m", "\033[32m", "\033[34m",
                                       "\033[33m", "\033[96m", "\033[95m", "\033[92m" };
#define PALETTE_SIZE (sizeof palette / sizeof *palette)

struct drawing {
    FILE *out;
    struct view_style style;
    const struct view_trace *trace;
    const struct view_tree *tree;
    const struct view_blob *services[MAX_SERVICES];
    size_t service_count;
    bool more_services;
    size_t service_columns;
    size_t name_columns;
    size_t bar_columns;
    size_t max_indents;
};

static const char *colored(const struct drawing *drawing, const char *sequence) {
    return view_color(&drawing->style, sequence);
}

static void put_padding(const struct drawing *drawing, size_t columns) {
    fprintf(drawing->out, "%*s", (int)columns, "");
}

static size_t find_service(const struct drawing *drawing, const struct view_blob *service) {
    for (size_t i = 0; i < drawing->service_count; i++) {
        const struct view_blob *known = drawing->services[i];
        if (known == service || (known->len == service->len && memcmp(known->bytes, service->bytes, known->len) == 0)) {
            return i;
        }
    }
    return MAX_SERVICES;
}

static void collect_services(struct drawing *drawing) {
    const struct view_tree *tree = drawing->tree;
    drawing->service_columns = strlen("service");
    for (size_t i = 0; i < tree->row_count; i++) {
        if (!tree->rows[i].span) {
            continue;
        }
        const struct view_blob *service = tree->rows[i].span->origin.service;
        if (find_service(drawing, service) < MAX_SERVICES) {
            continue;
        }
        if (drawing->service_count == MAX_SERVICES) {
            drawing->more_services = true;
            continue;
        }
        drawing->services[drawing->service_count++] = service;
        size_t columns = view_text_columns(service->bytes, service->len, MAX_SERVICE_COLUMNS, drawing->style.utf8);
        if (columns > drawing->service_columns) {
            drawing->service_columns = columns;
        }
    }
}

static void lay_out(struct drawing *drawing) {
    size_t width = drawing->style.width;
    width = width < VIEW_MIN_WIDTH ? VIEW_MIN_WIDTH : width > VIEW_MAX_WIDTH ? VIEW_MAX_WIDTH : width;
    drawing->style.width = width;
    collect_services(drawing);
    size_t fixed = drawing->service_columns + KIND_COLUMNS + DURATION_COLUMNS + 4 * GAP;
    drawing->bar_columns = (width - fixed) * 2 / 5;
    drawing->name_columns = width - fixed - drawing->bar_columns;
    size_t indents = (drawing->name_columns - LEAST_NAME_COLUMNS) / INDENT_COLUMNS;
    drawing->max_indents = indents < MAX_INDENTS ? indents : MAX_INDENTS;
}

static const char *service_color(const struct drawing *drawing, const struct view_span *span) {
    return palette[find_service(drawing, span->origin.service) % PALETTE_SIZE];
}

static bool has_failed(const struct view_span *span) {
    return span->status == OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
}

static void put_count(const struct drawing *drawing, size_t count, const char *what) {
    fprintf(drawing->out, "  %zu %s%s", count, what, count == 1 ? "" : "s");
}

static void put_headline(const struct drawing *drawing) {
    const struct view_tree *tree = drawing->tree;
    FILE *out = drawing->out;
    fprintf(out, "%strace %s%s  %s  %s", colored(drawing, VIEW_BOLD),
            view_format_hex(drawing->trace->id, VIEW_TRACE_ID_SIZE).text, colored(drawing, VIEW_PLAIN),
            view_format_time(tree->start).text,
            view_format_duration(tree->end - tree->start, drawing->style.utf8).text);
    put_count(drawing, drawing->trace->span_count, "span");
    if (tree->errors > 0) {
        fputs(colored(drawing, VIEW_BOLD_RED), out);
        put_count(drawing, tree->errors, "error");
        fputs(colored(drawing, VIEW_PLAIN), out);
    }
    if (drawing->trace->shown_count > 0) {
        fprintf(out, "  (again, with %zu more)", drawing->trace->span_count - drawing->trace->shown_count);
    }
    fputc('\n', out);
}

static void put_services(const struct drawing *drawing) {
    FILE *out = drawing->out;
    size_t room = drawing->style.width;
    for (size_t i = 0; i < drawing->service_count && room > 8; i++) {
        const struct view_blob *service = drawing->services[i];
        fputs(i > 0 ? ", " : "", out);
        room -= i > 0 ? 2 : 0;
        fputs(colored(drawing, palette[i % PALETTE_SIZE]), out);
        room -= view_text_put(out, service->bytes, service->len, room, drawing->style.utf8);
        fputs(colored(drawing, VIEW_PLAIN), out);
    }
    fputs(drawing->more_services ? ", ..\n" : "\n", out);
}

static void put_axis(const struct drawing *drawing) {
    const struct view_tree *tree = drawing->tree;
    uint64_t length = tree->end - tree->start;
    struct view_short_text middle = view_format_duration(length / 2, drawing->style.utf8);
    struct view_short_text end = view_format_duration(length, drawing->style.utf8);
    bool utf8 = drawing->style.utf8;
    size_t middle_columns = view_text_columns((uint8_t *)middle.text, strlen(middle.text), 20, utf8);
    size_t end_columns = view_text_columns((uint8_t *)end.text, strlen(end.text), 20, utf8);
    fprintf(drawing->out, "%s%-*s  %-*s  %-*s  %*s  0", colored(drawing, VIEW_DIM), (int)drawing->service_columns,
            "service", (int)drawing->name_columns, "span", KIND_COLUMNS, "kind", DURATION_COLUMNS, "duration");
    size_t at = 1;
    size_t middle_at = (drawing->bar_columns - middle_columns) / 2;
    size_t end_at = drawing->bar_columns - end_columns;
    if (middle_at > at + 1 && middle_at + middle_columns < end_at) {
        put_padding(drawing, middle_at - at);
        fputs(middle.text, drawing->out);
        at = middle_at + middle_columns;
    }
    put_padding(drawing, end_at > at ? end_at - at : 1);
    fprintf(drawing->out, "%s%s\n", end.text, colored(drawing, VIEW_PLAIN));
}

/* The lines that join a row to the tree. */
struct indent {
    char text[MAX_INDENTS * 8 + 64];
    size_t len;
    size_t columns;
};

static void add_indent(struct indent *indent, const char *glyphs, size_t columns) {
    size_t len = strlen(glyphs);
    if (len < sizeof indent->text - indent->len) {
        memcpy(indent->text + indent->len, glyphs, len + 1);
        indent->len += len;
        indent->columns += columns;
    }
}

/* The lines of the ancestors' later children; `own` adds what joins the row itself, or leads on to its children. */
static struct indent make_indent(const struct drawing *drawing, const struct view_tree_row *row, bool joins) {
    const struct view_tree *tree = drawing->tree;
    const struct view_tree_row *path[MAX_INDENTS];
    size_t depth = row->depth;
    const struct view_tree_row *at = row;
    for (size_t level = depth; level > 0; level--, at = &tree->rows[at->parent]) {
        if (level <= drawing->max_indents) {
            path[level - 1] = at;
        }
    }
    bool utf8 = drawing->style.utf8;
    struct indent indent = { .text = "", .len = 0, .columns = 0 };
    size_t shown = depth < drawing->max_indents ? depth : drawing->max_indents;
    for (size_t level = 0; level < shown; level++) {
        bool own = joins && level + 1 == depth;
        if (own) {
            add_indent(&indent, utf8 ? (row->is_last ? "└─ " : "├─ ") : (row->is_last ? "`- " : "|- "), INDENT_COLUMNS);
        } else {
            add_indent(&indent, path[level]->is_last ? "   " : utf8 ? "│  " : "|  ", INDENT_COLUMNS);
        }
    }
    if (joins && depth > shown) {
        char text[32];
        int written = snprintf(text, sizeof text, "(+%zu) ", depth - shown);
        add_indent(&indent, text, (size_t)written);
    }
    if (!joins) {
        add_indent(&indent, row->has_children ? (utf8 ? "│  " : "|  ") : "   ", INDENT_COLUMNS);
    }
    return indent;
}

static size_t room_after(size_t columns, size_t used) { return used < columns ? columns - used : 0; }

static void put_name(const struct drawing *drawing, const struct view_span *span, size_t columns) {
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    size_t used = 0;
    bool utf8 = drawing->style.utf8;
    fputs(colored(drawing, has_failed(span) ? VIEW_BOLD_RED : VIEW_BOLD), drawing->out);
    if (has_failed(span) && columns > 2) {
        fputs(utf8 ? "✗ " : "! ", drawing->out);
        used = 2;
    }
    if (message) {
        used += view_text_put(drawing->out, message->name.data, message->name.len, columns - used, utf8);
    }
    fputs(colored(drawing, VIEW_PLAIN), drawing->out);
    view_arena_clear(&arena);
    put_padding(drawing, columns - used);
}

static void put_indent(const struct drawing *drawing, const struct indent *indent) {
    fprintf(drawing->out, "%s%s%s", colored(drawing, VIEW_DIM), indent->text, colored(drawing, VIEW_PLAIN));
}

static void put_service(const struct drawing *drawing, const struct view_span *span) {
    const struct view_blob *service = span->origin.service;
    fputs(colored(drawing, service_color(drawing, span)), drawing->out);
    size_t used =
        view_text_put(drawing->out, service->bytes, service->len, drawing->service_columns, drawing->style.utf8);
    fputs(colored(drawing, VIEW_PLAIN), drawing->out);
    put_padding(drawing, drawing->service_columns - used + GAP);
}

static void put_kind_and_duration(const struct drawing *drawing, const struct view_span *span) {
    struct view_short_text kind = view_format_kind(span->kind);
    for (char *c = kind.text; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    struct view_short_text duration = view_format_duration(view_span_duration(span), drawing->style.utf8);
    size_t columns =
        view_text_columns((uint8_t *)duration.text, strlen(duration.text), DURATION_COLUMNS, drawing->style.utf8);
    fprintf(drawing->out, "  %s%-*.*s%s  ", colored(drawing, VIEW_DIM), KIND_COLUMNS, KIND_COLUMNS, kind.text,
            colored(drawing, VIEW_PLAIN));
    put_padding(drawing, DURATION_COLUMNS - columns);
    fprintf(drawing->out, "%s  ", duration.text);
}

static void put_span(const struct drawing *drawing, const struct view_tree_row *row) {
    const struct view_span *span = row->span;
    struct indent indent = make_indent(drawing, row, true);
    put_service(drawing, span);
    put_indent(drawing, &indent);
    put_name(drawing, span, room_after(drawing->name_columns, indent.columns));
    put_kind_and_duration(drawing, span);
    view_bar_put(drawing->out, &drawing->style, drawing->bar_columns,
                 (struct view_period){ drawing->tree->start, drawing->tree->end },
                 (struct view_period){ span->start, span->start + view_span_duration(span) },
                 has_failed(span) ? VIEW_RED : service_color(drawing, span));
    fputc('\n', drawing->out);

    struct indent below = make_indent(drawing, row, false);
    char margin[MAX_SERVICE_COLUMNS + GAP + sizeof below.text + 16];
    snprintf(margin, sizeof margin, "%*s%s%s%s", (int)(drawing->service_columns + GAP), "", colored(drawing, VIEW_DIM),
             below.text, colored(drawing, VIEW_PLAIN));
    view_details_put(drawing->out, &drawing->style, span,
                     (struct view_margin){ margin, drawing->service_columns + GAP + below.columns });
}

static void put_marker(const struct drawing *drawing, const char *text) {
    put_padding(drawing, drawing->service_columns + GAP);
    fprintf(drawing->out, "%s(%s)%s\n", colored(drawing, VIEW_DIM), text, colored(drawing, VIEW_PLAIN));
}

static void put_row(const struct drawing *drawing, const struct view_tree_row *row) {
    char text[64];
    if (!row->span) {
        snprintf(text, sizeof text, "parent %s not received", view_format_hex(row->missing_id, VIEW_SPAN_ID_SIZE).text);
        put_marker(drawing, text);
        return;
    }
    if (row->cycle) {
        snprintf(text, sizeof text, "parent %s is a descendant",
                 view_format_hex(row->span->parent_id, VIEW_SPAN_ID_SIZE).text);
        put_marker(drawing, text);
    }
    put_span(drawing, row);
}

static void put_rest(const struct drawing *drawing) {
    size_t spans = 0;
    size_t errors = 0;
    for (size_t i = VIEW_MAX_ROWS; i < drawing->tree->row_count; i++) {
        const struct view_span *span = drawing->tree->rows[i].span;
        spans += span != NULL;
        errors += span && has_failed(span);
    }
    fprintf(drawing->out, "  .. and %zu more spans, %zu of them with errors: GET /api/traces/%s\n", spans, errors,
            view_format_hex(drawing->trace->id, VIEW_TRACE_ID_SIZE).text);
}

void view_render_trace(FILE *out, const struct view_style *style, const struct view_trace *trace) {
    struct view_tree *tree = view_tree_build(trace);
    if (!tree) {
        return;
    }
    struct drawing drawing = { .out = out, .style = *style, .trace = trace, .tree = tree };
    lay_out(&drawing);
    put_headline(&drawing);
    put_services(&drawing);
    put_axis(&drawing);
    for (size_t i = 0; i < tree->row_count && i < VIEW_MAX_ROWS; i++) {
        put_row(&drawing, &tree->rows[i]);
    }
    if (tree->row_count > VIEW_MAX_ROWS) {
        put_rest(&drawing);
    }
    fputc('\n', out);
    view_tree_free(tree);
}
