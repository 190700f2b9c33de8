/* SPDX-License-Identifier: Apache-2.0 */
/* service_name.c - see service_name.h. */
#include "common/service_name.h"

#include "base/str.h"
#include "common/value_text.h"

#include <limits.h>
#include <unistd.h>

static void add_default(struct otel__line *line) {
    char path[PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    otel__line_add(line, "unknown_service");
    if (len <= 0)
        return;
    path[len] = '\0';
    char *slash = strrchr(path, '/'), *deleted = strstr(path, " (deleted)");
    if (deleted)
        *deleted = '\0';
    otel__line_add(line, ":");
    otel__line_add(line, slash ? slash + 1 : path);
}

size_t otel__service_name(const otel_resource_data *resource, struct otel__line *line) {
    const otel_attrs attributes = resource->attributes;
    size_t i = 0;
    while (i < attributes.count && !otel__str_same(attributes.items[i].key, otel_cstr("service.name")))
        i++;
    otel__line_clear(line);
    if (i < attributes.count)
        otel__value_text(line, &attributes.items[i].value);
    if (line->len == 0)
        add_default(line);
    return i;
}
