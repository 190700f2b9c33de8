/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_name.h - whose spans these are, for formats that have a place of their own for that (specification:
 * resource semantic conventions, service.name).
 */
#ifndef OTEL_EXPORTERS_SERVICE_NAME_H
#define OTEL_EXPORTERS_SERVICE_NAME_H

#include "common/line.h"

#include <otel/exporter.h>

/*
 * Puts the service's name into `line`: the resource's service.name, or as the default resource has it: unknown_service
 * and the name of the executable. The result is where it stands in the resource's attributes; their count if it does
 * not.
 */
size_t otel__service_name(const otel_resource_data *resource, struct otel__line *line);

#endif
