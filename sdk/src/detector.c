/* SPDX-License-Identifier: Apache-2.0 */
/* detector.c - see detector.h. */
#include "detector.h"

#include "base/str.h"
#include "detectors/detectors.h"
#include "diagnostics.h"

#include <stdio.h>
#include <string.h>

/* Of the semantic conventions that the built-in detectors follow. */
static const char schema_url[] = "https://opentelemetry.io/schemas/1.40.0";

enum { ADDED_MAX = 16 };

static const struct built_in {
    const char *name;
    void (*detect)(const struct otel__detection *detection);
    bool by_name_only; /* `all` leaves it out */
} built_in[] = {
    { "service", otel__detect_service, false },
    { "process", otel__detect_process, false },
    { "process_command_args", otel__detect_command_args, true },
    { "host", otel__detect_host, false },
    { "os", otel__detect_os, true }, /* host includes it */
    { "container", otel__detect_container, false },
    { "k8s", otel__detect_k8s, false },
};
enum { BUILT_IN = sizeof built_in / sizeof *built_in };

static struct added {
    const char *name;
    otel_resource *(*detect)(void *data);
    void *data;
} added[ADDED_MAX];
static size_t added_count;

/* ---- names ------------------------------------------------------------------------------------------------------ */

static const struct built_in *find_built_in(otel_str name) {
    for (size_t i = 0; i < BUILT_IN; i++)
        if (otel__str_is(name, built_in[i].name))
            return &built_in[i];
    return NULL;
}

static const struct added *find_added(otel_str name) {
    for (size_t i = 0; i < added_count; i++)
        if (otel__str_is(name, added[i].name))
            return &added[i];
    return NULL;
}

static bool is_snake_case(const char *name) {
    return name && *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static const char *objection_to(const char *name) {
    if (!is_snake_case(name))
        return "is not made of lowercase letters, digits and _";
    if (find_built_in(otel_cstr(name)) || find_added(otel_cstr(name)) || strcmp(name, "all") == 0 ||
        strcmp(name, "none") == 0)
        return "is taken";
    return added_count == ADDED_MAX ? "is one too many" : NULL;
}

otel_status otel_resource_detector_add(const char *name, otel_resource *(*detect)(void *data), void *data) {
    const char *objection = detect ? objection_to(name) : "has no function";
    if (objection) {
        otel_report(OTEL_LOG_ERROR, "resource/detector", "the name of the resource detector \"%.100s\" %s",
                    name ? name : "", objection);
        return OTEL_ERR_CONFIG;
    }
    added[added_count++] = (struct added){ .name = name, .detect = detect, .data = data };
    return OTEL_OK;
}

void otel__detectors_forget(void) { added_count = 0; }

/* ---- running ---------------------------------------------------------------------------------------------------- */

static void run_built_in(struct otel__builder *builder, const struct built_in *detector,
                         const struct otel__probe *probe) {
    struct otel__builder *found = otel__builder_create();
    const struct otel__detection detection = { .probe = probe, .found = found, .detector = detector->name };
    if (found)
        detector->detect(&detection);
    otel_resource *resource = found ? otel__builder_finish(found) : NULL;
    if (!resource) {
        otel_report(OTEL_LOG_WARN, "resource/detector", "the resource detector %s is out of memory", detector->name);
        return;
    }
    if (!otel__builder_keep(builder, resource) || resource->data.attributes.count == 0)
        return;
    otel__builder_add_resource(builder, resource);
    otel__builder_add_schema_url(builder, otel_cstr(schema_url));
}

static void run_added(struct otel__builder *builder, const struct added *detector) {
    otel_resource *resource = detector->detect(detector->data);
    if (resource && otel__builder_keep(builder, resource))
        otel__builder_add_resource(builder, resource);
}

static void run_all(struct otel__builder *builder, const struct otel__probe *probe) {
    for (size_t i = 0; i < BUILT_IN; i++)
        if (!built_in[i].by_name_only)
            run_built_in(builder, &built_in[i], probe);
}

static void run(struct otel__builder *builder, otel_str name, const char *source, const struct otel__probe *probe) {
    const struct built_in *ours = find_built_in(name);
    const struct added *theirs = find_added(name);
    if (ours)
        run_built_in(builder, ours, probe);
    else if (theirs)
        run_added(builder, theirs);
    else if (otel__str_is(name, "all"))
        run_all(builder, probe);
    else if (name.len && !otel__str_is(name, "none"))
        otel_report(OTEL_LOG_WARN, "resource/detectors",
                    "%s names the resource detector \"%.*s\", which is unknown; there are service, process, "
                    "process_command_args, host, os, container, k8s, all, none and those that the program adds",
                    source, (int)(name.len < 100 ? name.len : 100), name.ptr);
}

void otel__detect(struct otel__builder *builder, const char *names, const char *source,
                  const struct otel__probe *probe) {
    otel_str rest = otel_cstr(names), name;
    while (otel__str_next(&rest, ',', &name))
        run(builder, otel__str_trim(name), source, probe);
}

otel_resource *otel_resource_detect(const char *detectors) {
    struct otel__builder *builder = otel__builder_create();
    if (!builder)
        return NULL;
    otel__detect(builder, detectors, "otel_resource_detect()", &otel__probe_system);
    return otel__builder_finish(builder);
}
