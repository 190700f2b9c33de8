/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_groups.h - sorts the spans of a batch by instrumentation scope, without moving them.
 *
 * Groups stand in the order of their first span, spans within a group in the order of the batch; both are walked
 * backwards, as a writer from the end wants them. Kept between exports, so that in steady state nothing is allocated.
 */
#ifndef OTEL_EXPORTERS_SCOPE_GROUPS_H
#define OTEL_EXPORTERS_SCOPE_GROUPS_H

#include <otel/exporter.h>

#define OTEL__NO_SPAN SIZE_MAX

struct otel__scope_group {
    const otel_scope_data *scope;
    size_t last; /* index in the batch of the group's last span */
};

struct otel__scope_groups {
    struct otel__scope_group *items;
    size_t count;
    size_t first;     /* index in the batch of the first span considered */
    size_t *previous; /* for each span considered: the one before it in its group, or OTEL__NO_SPAN */
    size_t capacity;  /* of both arrays */
};

/* Groups the spans [first, first + count) of `batch`. False: out of memory. */
bool otel__scope_groups_build(struct otel__scope_groups *groups, const otel_batch *batch, size_t first, size_t count);
void otel__scope_groups_free(struct otel__scope_groups *groups);

static inline size_t otel__scope_groups_previous(const struct otel__scope_groups *groups, size_t index) {
    return groups->previous[index - groups->first];
}

#endif
