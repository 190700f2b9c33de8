/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entities.h - OTEL_ENTITIES (specification: entities/entity-propagation.md, in development): entities of the form
 * type{id=value,...}[description=value,...]@schema_url, separated by ';'.
 *
 * What an entity is identified and described by becomes attributes of the resource. That they belong to an entity is not
 * passed on: entities are not stable yet.
 */
#ifndef OTEL_SDK_ENTITIES_H
#define OTEL_SDK_ENTITIES_H

#include "resource_builder.h"

/* `text` must live until the builder's end. Mistakes and contradictions are reported; what is sound is added. */
void otel__entities_add(struct otel__builder *builder, const char *text);

#endif
