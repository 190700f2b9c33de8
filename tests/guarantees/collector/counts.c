/* SPDX-License-Identifier: Apache-2.0 */
/* counts.c - see counts.h. */
#include "counts.h"

#include "trace_request.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void count_name(struct counts *counts, const ProtobufCBinaryData *name) {
    for (unsigned i = 0; i < COUNTS_NAMES; i++) {
        char *text = counts->names[i].text;
        if (text[0] == '\0')
            snprintf(text, sizeof counts->names[i].text, "%.*s", (int)name->len, (const char *)name->data);
        if (strlen(text) == name->len && memcmp(text, name->data, name->len) == 0) {
            counts->names[i].spans++;
            return;
        }
    }
}

static bool is(const ProtobufCBinaryData *data, const char *text) {
    return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

static const Otel__Otlp__AnyValue *attribute(const Otel__Otlp__Span *span, const char *key) {
    for (size_t i = 0; i < span->n_attributes; i++)
        if (is(&span->attributes[i]->key, key))
            return span->attributes[i]->value;
    return NULL;
}

static int64_t pid_of(const Otel__Otlp__Span *span) {
    const Otel__Otlp__AnyValue *value = attribute(span, "process.pid");
    return value && value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE ? value->int_value : 0;
}

static json_t *hex(const ProtobufCBinaryData *id) {
    char text[33] = "";
    for (size_t i = 0; i < id->len && i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id->data[i]);
    return json_string(text);
}

static void keep(struct counts *counts, const Otel__Otlp__Span *span) {
    json_t *kept = json_object();
    if (!counts->kept)
        counts->kept = json_array();
    json_object_set_new(kept, "name", json_stringn((const char *)span->name.data, span->name.len));
    json_object_set_new(kept, "trace", hex(&span->trace_id));
    json_object_set_new(kept, "id", hex(&span->span_id));
    json_object_set_new(kept, "parent", hex(&span->parent_span_id));
    json_object_set_new(kept, "pid", json_integer(pid_of(span)));
    json_array_append_new(counts->kept, kept);
}

static bool add_span(struct counts *counts, const Otel__Otlp__Span *span) {
    uint64_t id = 0;
    if (span->span_id.len != sizeof id || span->trace_id.len != 16)
        return false;
    memcpy(&id, span->span_id.data, sizeof id);
    if (id == 0)
        return false;
    counts->spans++;
    if (tally_add(&counts->ids, id) > 0)
        counts->duplicates++;
    const int64_t pid = pid_of(span);
    if (pid > 0)
        tally_add(&counts->pids, (uint64_t)pid);
    count_name(counts, &span->name);
    if (attribute(span, "test.keep"))
        keep(counts, span);
    return true;
}

static bool add_resource(struct counts *counts, const Otel__Otlp__ResourceSpans *resource) {
    bool good = true;
    for (size_t s = 0; s < resource->n_scope_spans; s++)
        for (size_t i = 0; i < resource->scope_spans[s]->n_spans; i++)
            good = add_span(counts, resource->scope_spans[s]->spans[i]) && good;
    return good;
}

bool counts_add(struct counts *counts, const uint8_t *body, size_t len) {
    Otel__Otlp__ExportTraceServiceRequest *request = otel__otlp__export_trace_service_request__unpack(NULL, len, body);
    bool good = request != NULL;
    for (size_t i = 0; request && i < request->n_resource_spans; i++)
        good = add_resource(counts, request->resource_spans[i]) && good;
    otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
    counts->requests++;
    counts->refused += !good;
    return good;
}

static json_t *pids_json(const struct tally *pids) {
    json_t *object = json_object();
    char key[24];
    for (size_t i = 0; i < pids->size; i++)
        if (pids->keys[i] != 0) {
            snprintf(key, sizeof key, "%" PRIu64, pids->keys[i]);
            json_object_set_new(object, key, json_integer(pids->counts[i]));
        }
    return object;
}

static json_t *names_json(const struct counts *counts) {
    json_t *object = json_object();
    for (unsigned i = 0; i < COUNTS_NAMES && counts->names[i].text[0] != '\0'; i++)
        json_object_set_new(object, counts->names[i].text, json_integer((json_int_t)counts->names[i].spans));
    return object;
}

static json_t *ids_json(const struct tally *ids) {
    json_t *array = json_array();
    for (size_t i = 0; i < ids->size; i++)
        if (ids->keys[i] != 0)
            json_array_append_new(array, json_integer((json_int_t)ids->keys[i]));
    return array;
}

json_t *counts_json(const struct counts *counts, bool ids) {
    json_t *object = json_object();
    json_object_set_new(object, "connections", json_integer((json_int_t)counts->connections));
    json_object_set_new(object, "open", json_integer((json_int_t)counts->open));
    json_object_set_new(object, "requests", json_integer((json_int_t)counts->requests));
    json_object_set_new(object, "refused", json_integer((json_int_t)counts->refused));
    json_object_set_new(object, "held", json_integer((json_int_t)counts->held));
    json_object_set_new(object, "spans", json_integer((json_int_t)counts->spans));
    json_object_set_new(object, "distinct", json_integer((json_int_t)counts->ids.distinct));
    json_object_set_new(object, "duplicates", json_integer((json_int_t)counts->duplicates));
    json_object_set_new(object, "processes", json_integer((json_int_t)counts->pids.distinct));
    json_object_set_new(object, "names", names_json(counts));
    json_object_set_new(object, "pids", pids_json(&counts->pids));
    json_object_set_new(object, "kept", counts->kept ? json_incref(counts->kept) : json_array());
    if (ids)
        json_object_set_new(object, "ids", ids_json(&counts->ids));
    return object;
}

void counts_forget(struct counts *counts) {
    const struct counts now = { .open = counts->open, .held = counts->held };
    counts_free(counts);
    *counts = now;
}

void counts_free(struct counts *counts) {
    tally_free(&counts->ids);
    tally_free(&counts->pids);
    json_decref(counts->kept);
}
