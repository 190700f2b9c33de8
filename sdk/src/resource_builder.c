/* SPDX-License-Identifier: Apache-2.0 */
/* resource_builder.c - see resource_builder.h. */
#include "resource_builder.h"

#include "base/str.h"
#include "base/utf8.h"
#include "diagnostics.h"
#include "options.h"
#include "text.h"
#include "value_copy.h"

#include <stdlib.h>
#include <unistd.h>

/* Bounds that only a mistake reaches. Every exported batch repeats the resource. */
enum { ATTRIBUTES_MAX = 1024, BYTES_MAX = 1 << 20 };

struct scratch {
    struct scratch *next;
    otel_resource *resource; /* one that is kept for as long, or NULL */
    char bytes[];
};

struct otel__builder {
    otel_attr items[ATTRIBUTES_MAX];
    size_t count, bytes;
    size_t left_out;      /* for the bounds */
    uint32_t lost_before; /* what the resources that were added had lost already */
    bool out_of_memory;
    bool foreign; /* some values are another process's own */
    bool urls_differ;
    bool own[OTEL__OWN_COUNT];
    otel_str schema_url;
    struct scratch *scratch; /* texts that some items point to */
};

struct otel__builder *otel__builder_create(void) {
    return calloc(1, sizeof(struct otel__builder));
}

void otel__builder_fail(struct otel__builder *builder) { builder->out_of_memory = true; }

char *otel__builder_room(struct otel__builder *builder, size_t size) {
    struct scratch *scratch = malloc(sizeof *scratch + size);
    if (!scratch) {
        builder->out_of_memory = true;
        return NULL;
    }
    scratch->next = builder->scratch;
    scratch->resource = NULL;
    builder->scratch = scratch;
    return scratch->bytes;
}

static void builder_free(struct otel__builder *builder) {
    for (struct scratch *scratch = builder->scratch; scratch;) {
        struct scratch *next = scratch->next;
        otel_resource_release(scratch->resource);
        free(scratch);
        scratch = next;
    }
    free(builder);
}

bool otel__builder_keep(struct otel__builder *builder, otel_resource *resource) {
    const bool kept = otel__builder_room(builder, 0) != NULL;
    if (kept)
        builder->scratch->resource = resource;
    else
        otel_resource_release(resource);
    return kept;
}

/* ---- adding ----------------------------------------------------------------------------------------------------- */

static bool is_key(otel_str key, const char *name) { return key.ptr && otel__same_text(key, otel_cstr(name)); }

static bool is_scalar(otel_type type) {
    return type == OTEL_TYPE_NONE || type == OTEL_TYPE_BOOL || type == OTEL_TYPE_INT || type == OTEL_TYPE_UINT ||
           type == OTEL_TYPE_DOUBLE;
}

/* Every backend wants the service's name as text, so that it is repaired where another value would become bytes. */
static void repair_service_name(struct otel__builder *builder, otel_value *value) {
    if (value->type != OTEL_TYPE_STRING || !value->u.p || otel__utf8_valid(value->u.p, value->len))
        return;
    otel_report(OTEL_LOG_WARN, "resource/service.name",
                "the service name \"%.*s\" is not UTF-8: bad bytes are replaced", (int)value->len,
                (const char *)value->u.p);
    size_t len = otel__utf8_repair(value->u.p, value->len, NULL, 0);
    char *repaired = otel__builder_room(builder, len);
    if (repaired) {
        otel__utf8_repair(value->u.p, value->len, repaired, len);
        *value = otel_stringn(repaired, len);
    }
}

static otel_attr *find(struct otel__builder *builder, otel_str key) {
    for (size_t i = 0; key.ptr && i < builder->count; i++) {
        const otel_str other = builder->items[i].key; /* may have a length and no text */
        if (other.ptr && otel__same_text(other, key))
            return &builder->items[i];
    }
    return NULL;
}

static size_t size_of(const otel_attr *attr) {
    return otel__attrs_copy_size((otel_attrs){ .items = attr, .count = 1 });
}

void otel__builder_add(struct otel__builder *builder, otel_attr attr) {
    bool monstrous = attr.key.len > BYTES_MAX || (!is_scalar(attr.value.type) && attr.value.len > BYTES_MAX);
    if (!monstrous && is_key(attr.key, "service.name"))
        repair_service_name(builder, &attr.value);
    otel_attr *place = monstrous ? NULL : find(builder, attr.key);
    size_t rest = builder->bytes - (place ? size_of(place) : 0);
    size_t bytes = monstrous ? 0 : size_of(&attr);
    if (monstrous || (!place && builder->count == ATTRIBUTES_MAX) || bytes > BYTES_MAX - rest) {
        builder->left_out++;
        return;
    }
    builder->bytes = rest + bytes;
    *(place ? place : &builder->items[builder->count++]) = attr;
    for (int own = 0; own < OTEL__OWN_COUNT; own++)
        if (is_key(attr.key, otel__own_keys[own]))
            builder->own[own] = false;
}

void otel__builder_add_list(struct otel__builder *builder, otel_attrs attrs) {
    const size_t count = attrs.items ? attrs.count : 0;
    if (count > OTEL__LIST_MAX) {
        builder->left_out += count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        otel__builder_add(builder, attrs.items[i]);
}

void otel__builder_add_text(struct otel__builder *builder, const char *key, otel_str text) {
    char *copy = text.len ? otel__builder_room(builder, text.len) : NULL;
    if (!copy)
        return;
    memcpy(copy, text.ptr, text.len);
    otel__builder_add(builder, otel__attr(key, otel_stringn(copy, text.len)));
}

/* Whether the value that was just added is there: it may have had no room. */
static bool holds(struct otel__builder *builder, enum otel__own own, const otel_value *value) {
    const otel_attr *found = find(builder, otel_cstr(otel__own_keys[own]));
    if (!found || found->value.type != value->type)
        return false;
    return value->type == OTEL_TYPE_STRING ? found->value.u.p == value->u.p : found->value.u.i == value->u.i;
}

void otel__builder_add_own(struct otel__builder *builder, enum otel__own own) {
    otel_value value = otel_int(own == OTEL__OWN_PID ? getpid() : getppid());
    if (own == OTEL__OWN_INSTANCE_ID) {
        char *uuid = otel__builder_room(builder, OTEL__UUID_LEN);
        if (!uuid)
            return;
        otel__uuid_write(uuid);
        value = otel_stringn(uuid, OTEL__UUID_LEN);
    }
    otel__builder_add(builder, otel__attr(otel__own_keys[own], value));
    if (holds(builder, own, &value))
        builder->own[own] = true;
}

void otel__builder_add_schema_url(struct otel__builder *builder, otel_str url) {
    const otel_str before = builder->schema_url;
    if (url.len == 0 || builder->urls_differ)
        return;
    if (before.len == 0 || otel__same_text(before, url)) {
        builder->schema_url = url;
        return;
    }
    otel_report(OTEL_LOG_ERROR, "resource/schema_url",
                "resources with the schema URLs \"%.*s\" and \"%.*s\" are merged: the result has none",
                (int)(before.len < 200 ? before.len : 200), before.ptr, (int)(url.len < 200 ? url.len : 200), url.ptr);
    builder->schema_url = otel_strn(NULL, 0);
    builder->urls_differ = true;
}

static uint32_t plus(uint32_t a, size_t b) { return b < UINT32_MAX - a ? a + (uint32_t)b : UINT32_MAX; }

void otel__builder_add_resource(struct otel__builder *builder, const otel_resource *resource) {
    if (!resource)
        return;
    otel__builder_add_list(builder, resource->data.attributes);
    otel__builder_add_schema_url(builder, resource->data.schema_url);
    builder->lost_before = plus(builder->lost_before, resource->data.dropped_attributes);
    for (enum otel__own own = 0; own < OTEL__OWN_COUNT; own++) {
        if (!resource->own[own] || !holds(builder, own, resource->own[own]))
            continue;
        builder->own[own] = true;
        builder->foreign = builder->foreign || resource->pid != getpid();
    }
}

const otel_value *otel__builder_find(const struct otel__builder *builder, otel_str key) {
    const otel_attr *found = find((struct otel__builder *)(uintptr_t)builder, key);
    return found ? &found->value : NULL;
}

/* ---- the resource ----------------------------------------------------------------------------------------------- */

static otel_resource *copy(const struct otel__builder *builder) {
    const otel_attrs attrs = { .items = builder->items, .count = builder->count };
    size_t size = sizeof(otel_resource) + otel__attrs_copy_size(attrs) + otel__str_copy_size(builder->schema_url);
    otel_resource *resource = calloc(1, size);
    if (!resource)
        return NULL;
    char *room = (char *)(resource + 1);
    resource->data.attributes = otel__attrs_copy(attrs, &room);
    resource->data.schema_url = otel__str_copy(builder->schema_url, &room);
    resource->data.dropped_attributes =
        plus(plus(builder->lost_before, builder->left_out), otel__attrs_copy_drops(attrs));
    atomic_init(&resource->users, 1);
    return resource;
}

/* The copy lies in memory of the resource's own, which may be written to. */
static void find_own(const struct otel__builder *builder, otel_resource *resource) {
    resource->pid = getpid();
    for (int own = 0; own < OTEL__OWN_COUNT; own++)
        if (builder->own[own])
            resource->own[own] = (otel_value *)(uintptr_t)otel_resource_get(resource, otel__own_keys[own]);
    if (builder->foreign)
        otel__resource_renew(resource);
}

otel_resource *otel__builder_finish(struct otel__builder *builder) {
    if (builder->left_out)
        otel_report(OTEL_LOG_WARN, "resource/size",
                    "the resource is limited to %d attributes and %d bytes; %zu attributes are left out",
                    ATTRIBUTES_MAX, BYTES_MAX, builder->left_out);
    otel_resource *resource = builder->out_of_memory ? NULL : copy(builder);
    if (resource)
        find_own(builder, resource);
    builder_free(builder);
    return resource;
}
