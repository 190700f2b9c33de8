/* SPDX-License-Identifier: Apache-2.0 */
/* What the viewer holds, as JSON texts. Lists are written element by element, so that only one element at a time
 * exists as a JSON value, which takes many times the space of its text. */
#include "json_api.h"

#include "decode.h"
#include "json_span.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

/* Consumes the value; false when it is NULL or can't be written. */
static bool write_value(FILE *out, json_t *value) {
    bool written = value && json_dumpf(value, out, JSON_COMPACT) == 0;
    json_decref(value);
    return written;
}

/* Closes the stream behind `text`, which is freed unless everything was written. */
static char *finish(FILE *out, char **text, bool complete) {
    complete = ferror(out) == 0 && complete;
    if (fclose(out) != 0 || !complete) {
        free(*text);
        *text = NULL;
    }
    return *text;
}

/* The names of the services, each once, sorted out by a JSON object's own hash table. */
static json_t *services_of(const struct view_trace *trace) {
    json_t *seen = json_object();
    json_t *names = json_array();
    const struct view_blob *last = NULL;
    for (const struct view_span *span = trace->first; span; span = span->next) {
        const struct view_blob *service = span->origin.service;
        if (service == last) {
            continue;
        }
        last = service;
        json_t *name = view_json_text(service->bytes, service->len);
        /* As a key it ends at a NUL, so names with one are told apart only up to it. */
        const char *key = json_string_value(name);
        if (key && !json_object_get(seen, key)) {
            json_object_set_new(seen, key, json_true());
            json_array_append(names, name);
        }
        json_decref(name);
    }
    json_decref(seen);
    return names;
}

static json_t *name_of(const struct view_span *span) {
    if (!span) {
        return json_null();
    }
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    json_t *name = message ? view_json_text(message->name.data, message->name.len) : NULL;
    view_arena_clear(&arena);
    return name;
}

static json_t *summary_of(const struct view_trace *trace) {
    struct view_tree *tree = view_tree_build(trace);
    if (!tree) {
        return NULL;
    }
    json_t *summary =
        json_pack("{ss so so sI sI so so sb sb}", "trace_id", view_format_hex(trace->id, VIEW_TRACE_ID_SIZE).text,
                  "root", name_of(tree->root), "services", services_of(trace), "spans", (json_int_t)trace->span_count,
                  "errors", (json_int_t)tree->errors, "start_time_unix_nano", view_json_nanoseconds(tree->start),
                  "duration_nano", view_json_nanoseconds(tree->end - tree->start), "complete",
                  view_tree_is_complete(tree), "finished", !trace->is_pending);
    view_tree_free(tree);
    return summary;
}

char *view_json_traces(const struct view_store *store, size_t *len) {
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out) {
        return NULL;
    }
    bool complete = true;
    fputs("{\"traces\":[", out);
    for (const struct view_trace *trace = view_store_newest(store); trace && complete;) {
        complete = write_value(out, summary_of(trace));
        trace = view_store_previous(store, trace);
        fputs(trace ? "," : "", out);
    }
    fputs("]}\n", out);
    return finish(out, &text, complete);
}

char *view_json_trace(const struct view_trace *trace, size_t *len) {
    char *text = NULL;
    struct view_tree *tree = view_tree_build(trace);
    FILE *out = tree ? open_memstream(&text, len) : NULL;
    if (!out) {
        view_tree_free(tree);
        return NULL;
    }
    bool complete = true;
    const char *separator = "";
    fprintf(out, "{\"trace_id\":\"%s\",\"spans\":[", view_format_hex(trace->id, VIEW_TRACE_ID_SIZE).text);
    for (size_t i = 0; i < tree->row_count && complete; i++) {
        if (tree->rows[i].span) {
            fputs(separator, out);
            complete = write_value(out, view_json_span(tree->rows[i].span));
            separator = ",";
        }
    }
    fputs("]}\n", out);
    view_tree_free(tree);
    return finish(out, &text, complete);
}

char *view_json_stats(const struct view_store *store, const struct view_requests *requests, size_t *len) {
    struct view_store_stats stats = view_store_stats(store);
    json_t *json = json_pack("{s{sI sI sI} s{sI sI sI sI sI sI} s{sI sI sI} sI}", "requests", "received",
                             (json_int_t)requests->received, "accepted", (json_int_t)requests->accepted, "rejected",
                             (json_int_t)requests->rejected, "spans", "received", (json_int_t)requests->spans_received,
                             "kept", (json_int_t)stats.spans_kept, "duplicates", (json_int_t)stats.duplicates,
                             "rejected", (json_int_t)requests->spans_rejected, "dropped", (json_int_t)stats.dropped,
                             "evicted", (json_int_t)stats.evicted_spans, "traces", "received", (json_int_t)stats.traces,
                             "kept", (json_int_t)stats.traces_kept, "evicted", (json_int_t)stats.evicted_traces,
                             "bytes_kept", (json_int_t)stats.bytes_kept);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    *len = text ? strlen(text) : 0;
    return text;
}
