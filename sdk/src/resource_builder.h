/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource_builder.h - collects attributes from several sources, the weakest first, and makes a resource of them.
 *
 * A later attribute takes the place of an earlier one under the same key. What is added is borrowed until the end;
 * text that does not live that long is put into the builder's own room. Running out of memory on the way is remembered,
 * and the end tells.
 */
#ifndef OTEL_SDK_RESOURCE_BUILDER_H
#define OTEL_SDK_RESOURCE_BUILDER_H

#include "resource.h"

struct otel__builder;

/* NULL when memory is short. */
struct otel__builder *otel__builder_create(void);
/* The resource; NULL when memory was short. Frees the builder. */
otel_resource *otel__builder_finish(struct otel__builder *builder);

void otel__builder_add(struct otel__builder *builder, otel_attr attr);
void otel__builder_add_list(struct otel__builder *builder, otel_attrs attrs);
/* A text that need not live on; an empty one is not added. */
void otel__builder_add_text(struct otel__builder *builder, const char *key, otel_str text);
/* This process's value of what each process has its own of. */
void otel__builder_add_own(struct otel__builder *builder, enum otel__own own);
/* Attributes and schema URL. NULL adds nothing. */
void otel__builder_add_resource(struct otel__builder *builder, const otel_resource *resource);
/* Has the builder release the resource in the end; false when memory is short: it is released already then. */
bool otel__builder_keep(struct otel__builder *builder, otel_resource *resource);
/* Merges a schema URL, which must live on; empty: nothing. */
void otel__builder_add_schema_url(struct otel__builder *builder, otel_str url);

/* What has been added under the key, or NULL. */
const otel_value *otel__builder_find(const struct otel__builder *builder, otel_str key);
/* Memory was short elsewhere: there will be no resource. */
void otel__builder_fail(struct otel__builder *builder);
/* Memory that is freed with the builder; NULL when it is short. */
char *otel__builder_room(struct otel__builder *builder, size_t size);

#endif
