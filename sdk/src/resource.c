/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.c - see resource.h. The sources are collected from the weakest to the strongest into one list of borrowed
 * attributes, which is then copied into one block, the last of equal keys winning.
 */
#include "resource.h"

#include "base/str.h"
#include "base/utf8.h"
#include "config_pairs.h"
#include "diagnostics.h"
#include "options.h"
#include "value_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Bounds that only a mistake reaches. Every exported batch repeats the resource. */
enum { ATTRIBUTES_MAX = 1024, BYTES_MAX = 1 << 20 };

static const char service_name_key[] = "service.name";

struct scratch {
    struct scratch *next;
    char bytes[];
};

struct collection {
    otel_attr items[ATTRIBUTES_MAX];
    size_t count, bytes, dropped;
    struct scratch *scratch; /* texts that some items point to */
    char default_name[512];
};

static char *scratch_alloc(struct collection *collection, size_t size) {
    struct scratch *scratch = malloc(sizeof *scratch + size);
    if (!scratch)
        return NULL;
    scratch->next = collection->scratch;
    collection->scratch = scratch;
    return scratch->bytes;
}

static void collection_free(struct collection *collection) {
    for (struct scratch *scratch = collection->scratch; scratch;) {
        struct scratch *next = scratch->next;
        free(scratch);
        scratch = next;
    }
    free(collection);
}

/* ---- adding ----------------------------------------------------------------------------------------------------- */

static bool is_scalar(otel_type type) {
    return type == OTEL_TYPE_NONE || type == OTEL_TYPE_BOOL || type == OTEL_TYPE_INT || type == OTEL_TYPE_UINT ||
           type == OTEL_TYPE_DOUBLE;
}

static bool is_service_name(otel_str key) {
    return key.ptr && key.len == strlen(service_name_key) && memcmp(key.ptr, service_name_key, key.len) == 0;
}

/* Every backend wants the service's name as text, so that it is repaired where another value would become bytes. */
static void repair_service_name(struct collection *collection, otel_value *value) {
    if (value->type != OTEL_TYPE_STRING || !value->u.p || otel__utf8_valid(value->u.p, value->len))
        return;
    otel_report(OTEL_LOG_WARN, "resource/service.name",
                "the service name \"%.*s\" is not UTF-8: bad bytes are replaced", (int)value->len,
                (const char *)value->u.p);
    size_t len = otel__utf8_repair(value->u.p, value->len, NULL, 0);
    char *repaired = scratch_alloc(collection, len);
    if (repaired) {
        otel__utf8_repair(value->u.p, value->len, repaired, len);
        *value = otel_stringn(repaired, len);
    }
}

static void add(struct collection *collection, otel_attr attr) {
    const otel_attrs one = { .items = &attr, .count = 1 };
    bool monstrous = attr.key.len > BYTES_MAX || (!is_scalar(attr.value.type) && attr.value.len > BYTES_MAX);
    if (!monstrous && is_service_name(attr.key))
        repair_service_name(collection, &attr.value);
    size_t bytes = monstrous ? 0 : otel__attrs_copy_size(one);
    if (monstrous || collection->count == ATTRIBUTES_MAX || bytes > BYTES_MAX - collection->bytes) {
        collection->dropped++;
        return;
    }
    collection->bytes += bytes;
    collection->items[collection->count++] = attr;
}

static void add_text(struct collection *collection, const char *key, const char *value) {
    add(collection, otel__attr(key, otel_string(value)));
}

/* ---- the sources ------------------------------------------------------------------------------------------------ */

static void add_defaults(struct collection *collection, const char *executable) {
    if (executable)
        snprintf(collection->default_name, sizeof collection->default_name, "unknown_service:%s", executable);
    else
        snprintf(collection->default_name, sizeof collection->default_name, "unknown_service");
    add_text(collection, service_name_key, collection->default_name);
    add_text(collection, "telemetry.sdk.name", "otel-c");
    add_text(collection, "telemetry.sdk.language", "c");
    add_text(collection, "telemetry.sdk.version", otel_sdk_version());
}

static const char *problem_of(const struct otel__pair *pair) {
    if (pair->problem)
        return pair->problem;
    if (!otel__utf8_valid(pair->name.ptr, pair->name.len) || !otel__utf8_valid(pair->value.ptr, pair->value.len))
        return "is not UTF-8";
    return NULL;
}

/* OTEL_RESOURCE_ATTRIBUTES: all of it, or after one mistake nothing of it. */
static void add_variable(struct collection *collection, const char *text) {
    char *room = scratch_alloc(collection, strlen(text));
    if (!room)
        return;
    size_t count = collection->count, bytes = collection->bytes, dropped = collection->dropped;
    struct otel__pairs pairs = { .rest = otel_cstr(text) };
    struct otel__pair pair;
    while (otel__pairs_next(&pairs, true, &room, &pair)) {
        const char *problem = problem_of(&pair);
        if (problem) {
            otel_report(OTEL_LOG_WARN, "OTEL_RESOURCE_ATTRIBUTES",
                        "OTEL_RESOURCE_ATTRIBUTES=\"%.400s%s\": item %zu, \"%.*s\", %s; all of it is ignored", text,
                        strlen(text) > 400 ? "..." : "", pairs.number, (int)(pair.item.len < 100 ? pair.item.len : 100),
                        pair.item.ptr, problem);
            collection->count = count;
            collection->bytes = bytes;
            collection->dropped = dropped;
            return;
        }
        add(collection, (otel_attr){ .key = pair.name, .value = otel_stringn(pair.value.ptr, pair.value.len) });
    }
}

static void add_options(struct collection *collection, const otel_sdk_options *options) {
    const size_t count = options->resource.items ? options->resource.count : 0;
    if (count > OTEL__LIST_MAX) {
        collection->dropped += count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        add(collection, options->resource.items[i]);
}

static bool is_named(const struct collection *collection) {
    for (size_t i = 1; i < collection->count; i++) /* the first is the default */
        if (is_service_name(collection->items[i].key))
            return true;
    return false;
}

static void collect(struct collection *collection, const otel_sdk_options *options, const struct otel__config *config,
                    const char *executable) {
    add_defaults(collection, executable);
    if (config->resource_attributes)
        add_variable(collection, config->resource_attributes);
    if (config->service_name)
        add_text(collection, service_name_key, config->service_name);
    add_options(collection, options);
    if (options->service_name && *options->service_name)
        add_text(collection, service_name_key, options->service_name);
    if (!is_named(collection))
        otel_report(OTEL_LOG_WARN, "resource/service.name",
                    "no service name is given, by code or OTEL_SERVICE_NAME; using %s", collection->default_name);
    if (collection->dropped)
        otel_report(OTEL_LOG_WARN, "resource/size",
                    "the resource is limited to %d attributes and %d bytes; %zu attributes are left out",
                    ATTRIBUTES_MAX, BYTES_MAX, collection->dropped);
}

/* ---- the resource ----------------------------------------------------------------------------------------------- */

static struct otel__resource *copy(const struct collection *collection, const char *schema_url) {
    otel_str url = otel_cstr(schema_url);
    const otel_attrs attrs = { .items = collection->items, .count = collection->count };
    size_t size = sizeof(struct otel__resource) + otel__attrs_copy_size(attrs) + otel__str_copy_size(url);
    struct otel__resource *resource = malloc(size);
    if (!resource)
        return NULL;
    char *room = (char *)(resource + 1);
    resource->data.attributes = otel__attrs_copy(attrs, &room);
    const uint32_t keyless = otel__attrs_copy_drops(attrs);
    const bool countable = collection->dropped < UINT32_MAX - keyless;
    resource->data.dropped_attributes = countable ? (uint32_t)collection->dropped + keyless : UINT32_MAX;
    resource->data.schema_url = otel__str_copy(url, &room);
    return resource;
}

struct otel__resource *otel__resource_create_for(const otel_sdk_options *options, const struct otel__config *config,
                                                 const char *executable) {
    static const otel_sdk_options none = { .size = sizeof none };
    otel_sdk_options known;
    options = options ? otel__options_fit(options, sizeof known, &known) : &none;
    struct collection *collection = calloc(1, sizeof *collection);
    if (!collection)
        return NULL;
    collect(collection, options, config, executable);
    struct otel__resource *resource = copy(collection, options->resource_schema_url);
    collection_free(collection);
    return resource;
}

static const char *base_name(char *path) {
    static const char deleted[] = " (deleted)"; /* what the kernel appends when the file is gone */
    size_t len = strlen(path), suffix = strlen(deleted);
    if (len > suffix && strcmp(path + len - suffix, deleted) == 0)
        path[len - suffix] = '\0';
    char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct otel__resource *otel__resource_create(const otel_sdk_options *options, const struct otel__config *config) {
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0)
        return otel__resource_create_for(options, config, program_invocation_short_name);
    path[len] = '\0';
    return otel__resource_create_for(options, config, base_name(path));
}

void otel__resource_free(struct otel__resource *resource) { free(resource); }
