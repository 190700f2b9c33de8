/* SPDX-License-Identifier: Apache-2.0 */
/* service.c - the service: its name from the environment, and a random id for this instance of it. */
#include "detectors.h"

void otel__detect_service(const struct otel__detection *detection) {
    otel__builder_add_text(detection->found, "service.name", otel__probe_variable(detection, "OTEL_SERVICE_NAME"));
    otel__builder_add_own(detection->found, OTEL__OWN_INSTANCE_ID);
}
