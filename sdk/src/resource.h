/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.h - what produces the spans: attributes from code, from the environment, and the SDK's own (specification:
 * resource/sdk.md; semantic conventions: resource/service.md).
 *
 * Under one key the strongest source wins: options.service_name, then options.resource, then OTEL_SERVICE_NAME, then
 * OTEL_RESOURCE_ATTRIBUTES, then what the SDK knows (telemetry.sdk.*, service.name unknown_service:<executable>).
 */
#ifndef OTEL_SDK_RESOURCE_H
#define OTEL_SDK_RESOURCE_H

#include "config.h"
#include <otel/sdk.h>

/* Immutable; one block with all that `data` points to. Text is valid UTF-8, keys are unique. */
struct otel__resource {
    otel_resource_data data;
};

/* `options` may be NULL. Problems are reported. NULL when memory is short. */
struct otel__resource *otel__resource_create(const otel_sdk_options *options, const struct otel__config *config);
/* The same for a given name of the executable, NULL when it is unknown. */
struct otel__resource *otel__resource_create_for(const otel_sdk_options *options, const struct otel__config *config,
                                                 const char *executable);
void otel__resource_free(struct otel__resource *resource);

#endif
