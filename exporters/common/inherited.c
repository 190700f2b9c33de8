/* SPDX-License-Identifier: Apache-2.0 */
/* inherited.c - see inherited.h. */
#include "common/inherited.h"

#include <stddef.h>

static struct otel__inherited *left_behind;

void otel__inherited_leave(struct otel__inherited *what) {
    if (!what)
        return;
    what->next = left_behind;
    left_behind = what;
}
