/* SPDX-License-Identifier: Apache-2.0 */
/* scope_groups.c - see scope_groups.h. */
#include "common/scope_groups.h"

#include <stdlib.h>

static bool make_room(struct otel__scope_groups *groups, size_t count) {
    if (count <= groups->capacity)
        return true;
    otel__scope_groups_free(groups);
    groups->items = calloc(count, sizeof *groups->items);
    groups->previous = calloc(count, sizeof *groups->previous);
    if (!groups->items || !groups->previous) {
        otel__scope_groups_free(groups);
        return false;
    }
    groups->capacity = count;
    return true;
}

/*
 * The group of `scope`, made if need be. Neighbours mostly share their scope and a process has a handful of scopes,
 * so a search from the newest group beats a table.
 */
static struct otel__scope_group *group_of(struct otel__scope_groups *groups, const otel_scope_data *scope) {
    for (size_t i = groups->count; i-- > 0;)
        if (groups->items[i].scope == scope)
            return &groups->items[i];
    struct otel__scope_group *group = &groups->items[groups->count++];
    *group = (struct otel__scope_group){ scope, OTEL__NO_SPAN };
    return group;
}

bool otel__scope_groups_build(struct otel__scope_groups *groups, const otel_batch *batch, size_t first, size_t count) {
    if (!make_room(groups, count))
        return false;
    groups->count = 0;
    groups->first = first;
    struct otel__scope_group *group = NULL;
    for (size_t i = 0; i < count; i++) {
        const otel_scope_data *scope = otel_batch_scope(batch, first + i);
        if (!group || group->scope != scope)
            group = group_of(groups, scope);
        groups->previous[i] = group->last;
        group->last = first + i;
    }
    return true;
}

void otel__scope_groups_free(struct otel__scope_groups *groups) {
    free(groups->items);
    free(groups->previous);
    *groups = (struct otel__scope_groups){ 0 };
}
