/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.h - what produces the spans: attributes from code, from the environment, from detectors, and the SDK's own
 * (specification: resource/sdk.md; semantic conventions: resource/service.md).
 *
 * Under one key the strongest source wins: options.service_name, then options.resource, then OTEL_SERVICE_NAME, then
 * OTEL_RESOURCE_ATTRIBUTES, then OTEL_ENTITIES, then the detectors, the last one first, then what the SDK knows
 * (telemetry.sdk.*, service.name unknown_service:<executable>). With options.whole_resource, which stands between
 * OTEL_SERVICE_NAME and options.resource, neither detectors nor the SDK add anything.
 */
#ifndef OTEL_SDK_RESOURCE_H
#define OTEL_SDK_RESOURCE_H

#include "config.h"
#include <otel/sdk.h>

#include <stdatomic.h>
#include <sys/types.h>

/* What holds of one process only: where a detector has found it, a forked child has to have its own. */
enum otel__own { OTEL__OWN_PID, OTEL__OWN_PARENT_PID, OTEL__OWN_INSTANCE_ID, OTEL__OWN_COUNT };
extern const char *const otel__own_keys[OTEL__OWN_COUNT];

/* Immutable; one block with all that `data` points to. Text is valid UTF-8, keys are unique. */
struct otel_resource {
    otel_resource_data data;
    _Atomic uint32_t users;
    pid_t pid;                        /* of the process whose own values these are */
    otel_value *own[OTEL__OWN_COUNT]; /* of `data`; NULL: there is none, or it is not from a detector */
};

/* `options` may be NULL. Problems are reported. NULL when memory is short. */
otel_resource *otel__resource_create(const otel_sdk_options *options, const struct otel__config *config);
/* The same for a given name of the executable, NULL when it is unknown. */
otel_resource *otel__resource_create_for(const otel_sdk_options *options, const struct otel__config *config,
                                         const char *executable);
/* In the child of a fork, when nobody else is there to look: puts the child's own values in place. No allocation. */
void otel__resource_renew(otel_resource *resource);

/* A random (version 4) UUID. */
enum { OTEL__UUID_LEN = 36 };
void otel__uuid_write(char out[OTEL__UUID_LEN]);

#endif
