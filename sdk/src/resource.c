/* SPDX-License-Identifier: Apache-2.0 */
/* resource.c - resources as values (otel/resource.h): made, merged, read, counted; and what a forked child renews. */
#include "resource.h"

#include "id_generator.h"
#include "resource_builder.h"
#include "text.h"

#include <stdlib.h>
#include <unistd.h>

const char *const otel__own_keys[OTEL__OWN_COUNT] = {
    [OTEL__OWN_PID] = "process.pid",
    [OTEL__OWN_PARENT_PID] = "process.parent_pid",
    [OTEL__OWN_INSTANCE_ID] = "service.instance.id",
};

static otel_resource empty;

/* ---- making ----------------------------------------------------------------------------------------------------- */

otel_resource *otel_resource_empty(void) { return &empty; }

otel_resource *otel_resource_create(otel_attrs attributes, const char *schema_url) {
    const otel_str url = otel_cstr(schema_url);
    if ((!attributes.items || attributes.count == 0) && url.len == 0)
        return &empty;
    struct otel__builder *builder = otel__builder_create();
    if (!builder)
        return NULL;
    otel__builder_add_list(builder, attributes);
    otel__builder_add_schema_url(builder, url);
    return otel__builder_finish(builder);
}

otel_resource *otel_resource_merge(const otel_resource *old, const otel_resource *updating) {
    struct otel__builder *builder = otel__builder_create();
    if (!builder)
        return NULL;
    otel__builder_add_resource(builder, old);
    otel__builder_add_resource(builder, updating);
    return otel__builder_finish(builder);
}

/* ---- users ------------------------------------------------------------------------------------------------------ */

otel_resource *otel_resource_retain(const otel_resource *resource) {
    otel_resource *counted = (otel_resource *)(uintptr_t)resource;
    if (counted && counted != &empty)
        atomic_fetch_add_explicit(&counted->users, 1, memory_order_relaxed);
    return counted;
}

void otel_resource_release(otel_resource *resource) {
    if (resource && resource != &empty && atomic_fetch_sub_explicit(&resource->users, 1, memory_order_acq_rel) == 1)
        free(resource);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

otel_attrs otel_resource_attributes(const otel_resource *resource) {
    return resource ? resource->data.attributes : empty.data.attributes;
}

otel_str otel_resource_schema_url(const otel_resource *resource) {
    return resource ? resource->data.schema_url : otel_strn(NULL, 0);
}

const otel_value *otel_resource_get(const otel_resource *resource, const char *key) {
    const otel_attrs attrs = otel_resource_attributes(resource);
    const otel_str wanted = otel_cstr(key);
    for (size_t i = 0; i < attrs.count; i++)
        if (wanted.len && otel__same_text(attrs.items[i].key, wanted))
            return &attrs.items[i].value;
    return NULL;
}

/* ---- what each process has its own of --------------------------------------------------------------------------- */

void otel__uuid_write(char out[OTEL__UUID_LEN]) {
    uint64_t words[2];
    unsigned char bytes[16];
    otel__random_words(words, 2);
    memcpy(bytes, words, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = "0123456789abcdef"[bytes[i] >> 4];
        *out++ = "0123456789abcdef"[bytes[i] & 15];
    }
}

void otel__resource_renew(otel_resource *resource) {
    if (resource->own[OTEL__OWN_PID])
        resource->own[OTEL__OWN_PID]->u.i = getpid();
    if (resource->own[OTEL__OWN_PARENT_PID])
        resource->own[OTEL__OWN_PARENT_PID]->u.i = getppid();
    if (resource->own[OTEL__OWN_INSTANCE_ID])
        otel__uuid_write((char *)(uintptr_t)resource->own[OTEL__OWN_INSTANCE_ID]->u.p);
    resource->pid = getpid();
}
