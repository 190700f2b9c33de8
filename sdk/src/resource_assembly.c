/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource_assembly.c - the resource of the running SDK (resource.h): its sources, collected from the weakest to the
 * strongest.
 */
#include "resource.h"

#include "base/utf8.h"
#include "config_pairs.h"
#include "detector.h"
#include "detectors/detectors.h"
#include "diagnostics.h"
#include "entities.h"
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char service_name_key[] = "service.name";

/* ---- the SDK's own ---------------------------------------------------------------------------------------------- */

static void add_text(struct otel__builder *builder, const char *key, const char *value) {
    otel__builder_add(builder, otel__attr(key, otel_string(value)));
}

static void add_defaults(struct otel__builder *builder, const char *executable) {
    char name[512];
    snprintf(name, sizeof name, executable ? "unknown_service:%s" : "unknown_service", executable);
    otel__builder_add_text(builder, service_name_key, otel_cstr(name));
    add_text(builder, "telemetry.sdk.name", "otel-c");
    add_text(builder, "telemetry.sdk.language", "c");
    add_text(builder, "telemetry.sdk.version", otel_sdk_version());
}

/* ---- the environment -------------------------------------------------------------------------------------------- */

static const char *problem_of(const struct otel__pair *pair) {
    if (pair->problem)
        return pair->problem;
    if (!otel__utf8_valid(pair->name.ptr, pair->name.len) || !otel__utf8_valid(pair->value.ptr, pair->value.len))
        return "is not UTF-8";
    return NULL;
}

static bool is_sound(const char *text, char *room) {
    struct otel__pairs pairs = { .rest = otel_cstr(text) };
    struct otel__pair pair;
    while (otel__pairs_next(&pairs, true, &room, &pair)) {
        const char *problem = problem_of(&pair);
        if (!problem)
            continue;
        otel_report(OTEL_LOG_WARN, "OTEL_RESOURCE_ATTRIBUTES",
                    "OTEL_RESOURCE_ATTRIBUTES=\"%.400s%s\": item %zu, \"%.*s\", %s; all of it is ignored", text,
                    strlen(text) > 400 ? "..." : "", pairs.number, (int)(pair.item.len < 100 ? pair.item.len : 100),
                    pair.item.ptr, problem);
        return false;
    }
    return true;
}

/* OTEL_RESOURCE_ATTRIBUTES: all of it, or after one mistake nothing of it. */
static void add_variable(struct otel__builder *builder, const char *text) {
    char *room = otel__builder_room(builder, strlen(text));
    if (!room || !is_sound(text, room))
        return;
    struct otel__pairs pairs = { .rest = otel_cstr(text) };
    struct otel__pair pair;
    while (otel__pairs_next(&pairs, true, &room, &pair))
        otel__builder_add(builder,
                          (otel_attr){ .key = pair.name, .value = otel_stringn(pair.value.ptr, pair.value.len) });
}

static void add_environment(struct otel__builder *builder, const struct otel__config *config) {
    if (config->entities)
        otel__entities_add(builder, config->entities);
    if (config->resource_attributes)
        add_variable(builder, config->resource_attributes);
    if (config->service_name)
        add_text(builder, service_name_key, config->service_name);
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static void detect(struct otel__builder *builder, const otel_sdk_options *options, const struct otel__config *config) {
    const char *names = options->detectors ? options->detectors : config->detectors;
    otel__detect(builder, names, options->detectors ? "otel_sdk_options.detectors" : "OTEL_C_RESOURCE_DETECTORS",
                 &otel__probe_system);
}

static void add_options(struct otel__builder *builder, const otel_sdk_options *options) {
    otel__builder_add_list(builder, options->resource);
    otel__builder_add_schema_url(builder, otel_cstr(options->resource_schema_url));
    if (options->service_name && *options->service_name)
        add_text(builder, service_name_key, options->service_name);
}

/* `fallback` is what the SDK made up. */
static void check_name(const struct otel__builder *builder, const void *fallback) {
    const otel_value *name = otel__builder_find(builder, otel_cstr(service_name_key));
    if (!name)
        otel_report(OTEL_LOG_WARN, "resource/service.name",
                    "no service name is given, nor is one in the whole resource");
    else if (name->u.p == fallback)
        otel_report(OTEL_LOG_WARN, "resource/service.name",
                    "no service name is given, by code or OTEL_SERVICE_NAME; using %.*s", (int)name->len,
                    (const char *)name->u.p);
}

otel_resource *otel__resource_create_for(const otel_sdk_options *options, const struct otel__config *config,
                                         const char *executable) {
    static const otel_sdk_options none = { .size = sizeof none };
    otel_sdk_options known;
    options = options ? otel__options_fit(options, sizeof known, &known) : &none;
    struct otel__builder *builder = otel__builder_create();
    if (!builder)
        return NULL;
    if (!options->whole_resource)
        add_defaults(builder, executable);
    const otel_value *made_up = otel__builder_find(builder, otel_cstr(service_name_key));
    const void *fallback = made_up ? made_up->u.p : NULL;
    if (!options->whole_resource)
        detect(builder, options, config);
    add_environment(builder, config);
    otel__builder_add_resource(builder, options->whole_resource);
    add_options(builder, options);
    check_name(builder, fallback);
    return otel__builder_finish(builder);
}

otel_resource *otel__resource_create(const otel_sdk_options *options, const struct otel__config *config) {
    char path[PATH_MAX], name[NAME_MAX + 1];
    const ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    if (len <= 0)
        return otel__resource_create_for(options, config, program_invocation_short_name);
    const otel_str found = otel__executable_name(otel_strn(path, (size_t)len));
    snprintf(name, sizeof name, "%.*s", (int)found.len, found.ptr);
    return otel__resource_create_for(options, config, name);
}

otel_resource *otel_resource_default(void) {
    struct otel__config config;
    otel__config_load(&config, NULL, NULL);
    otel_resource *resource = otel__resource_create(NULL, &config);
    otel__config_free(&config);
    return resource;
}
