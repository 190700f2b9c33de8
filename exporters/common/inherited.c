/* SPDX-License-Identifier: Apache-2.0 */
/* inherited.c - see inherited.h. */
#include "common/inherited.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic(struct otel__inherited *) left_behind;

void otel__inherited_leave(struct otel__inherited *what) {
    if (!what)
        return;
    what->next = atomic_load(&left_behind);
    while (!atomic_compare_exchange_weak(&left_behind, &what->next, what)) {}
}
