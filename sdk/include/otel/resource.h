/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/resource.h - resources: what produces the telemetry, as attributes (specification: resource/sdk.md).
 *
 * Most programs need none of this: otel_sdk_options.resource and .service_name, the environment and the named
 * detectors are put together by otel_sdk_start(). This header is for those who put a resource together themselves:
 *
 *     otel_resource *mine = otel_resource_create(OTEL_ATTRS(OTEL_ATTR("deployment.environment.name", "prod")), NULL);
 *     otel_resource *usual = otel_resource_default();
 *     otel_resource *whole = otel_resource_merge(usual, mine);
 *     otel_sdk_start(OTEL_SDK(.whole_resource = whole));
 *
 * and release all three. A resource never changes and counts its users; every function may be called from any thread,
 * before and after otel_sdk_start(). NULL is read as the empty resource everywhere, so that only the last of several
 * steps need be looked at. Functions that make a resource return NULL when memory is short. One exception to "never":
 * in the child of a fork the running SDK's own resource gets the child's process.pid, process.parent_pid and
 * service.instance.id, where detectors had found these.
 */
#ifndef OTEL_RESOURCE_H
#define OTEL_RESOURCE_H

#include <otel/status.h>
#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct otel_resource otel_resource;

/**
 * A resource with copies of these attributes; the last of equal keys wins. `schema_url` NULL or "": none. What is
 * beyond 1,024 attributes or 1 MiB is left out, counted and reported.
 */
otel_resource *otel_resource_create(otel_attrs attributes, const char *schema_url) OTEL__OWNED;
/** The resource without attributes. It is always the same one and costs nothing; releasing it is allowed. */
otel_resource *otel_resource_empty(void) OTEL__OWNED;
/**
 * What otel_sdk_start() uses without options: service.name, telemetry.sdk.*, what the environment says
 * (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_ENTITIES), and what the detectors find that
 * OTEL_C_RESOURCE_DETECTORS names.
 */
otel_resource *otel_resource_default(void) OTEL__OWNED;
/**
 * What these detectors find: a list of names such as "process,host", later ones winning. `all` stands for the built-in
 * ones except process_command_args, `none` and NULL for no detector. An unknown name, or a detector that fails, is
 * reported and does not stop the others; one that finds nothing adds nothing. Local files are read, no network is used.
 * The names: service, process, process_command_args, host (which includes os), os, container, k8s, and those added
 * with otel_resource_detector_add(). docs/resources.md tells what each looks for.
 */
otel_resource *otel_resource_detect(const char *detectors) OTEL__OWNED;
/**
 * All attributes of both, `updating` winning, even with an empty value. Of the schema URLs the one that is there; when
 * both have one and they differ, this is reported as an error, and the result has none. Releases neither.
 */
otel_resource *otel_resource_merge(const otel_resource *old, const otel_resource *updating) OTEL__OWNED;

/** One user more. Returns `resource`. */
otel_resource *otel_resource_retain(const otel_resource *resource) OTEL__OWNED;
/** One user less; the last one frees it. NULL is ignored. */
void otel_resource_release(otel_resource *resource);

/** The attributes, with unique keys and in no particular order, as long as the resource lives. */
otel_attrs otel_resource_attributes(const otel_resource *resource);
/** The value under `key`, or NULL. */
const otel_value *otel_resource_get(const otel_resource *resource, const char *key);
/** The schema URL; empty when there is none. */
otel_str otel_resource_schema_url(const otel_resource *resource);

/**
 * Makes a detector of your own known under `name`, for otel_resource_detect(), otel_sdk_options.detectors and
 * OTEL_C_RESOURCE_DETECTORS. `name` is lowercase letters, digits and `_`, and lives for ever. `detect` returns a
 * resource, which is consumed; NULL when there is nothing to find. It reports its failures with otel_report(), is called
 * by whoever asks for detectors, and should be quick. OTEL_ERR_CONFIG, reported: the name is taken or no such name, or
 * 16 have been added. Call it before otel_sdk_start(), from one thread.
 */
otel_status otel_resource_detector_add(const char *name, otel_resource *(*detect)(void *data), void *data);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
