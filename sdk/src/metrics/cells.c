/* SPDX-License-Identifier: Apache-2.0 */
/* cells.c - see cells.h. */
#include "metrics/cells.h"

#include "base/slab.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, STEP = 256 * 1024 };
static const size_t most = (size_t)256 << 20, least = (size_t)4 << 20;

static char *base;
static size_t capacity, usable, used;

static bool reserve(void) {
    for (size_t size = most; !base && size >= least; size /= 2) {
        base = otel__wiped_reserve(size);
        capacity = base ? size : 0;
    }
    return base != NULL;
}

bool otel__cells_reset(void) {
    if (!reserve())
        return false;
    const size_t dirty = (used + STEP - 1) / STEP * STEP;
    /* Locked memory cannot be given back. */
    if (dirty && madvise(base, dirty, MADV_DONTNEED) != 0)
        memset(base, 0, used);
    used = 0;
    return true;
}

static bool reach(size_t end) {
    if (end <= usable)
        return true;
    const size_t rounded = (end + STEP - 1) / STEP * STEP;
    const int saved = errno;
    const bool reached = end <= capacity && mprotect(base, rounded, PROT_READ | PROT_WRITE) == 0;
    errno = saved;
    if (reached)
        usable = rounded;
    return reached;
}

void *otel__cells_take(size_t size) {
    const size_t rounded = (size + LINE - 1) / LINE * LINE;
    if (size > capacity || rounded > capacity - used || !reach(used + rounded))
        return NULL;
    void *block = base + used;
    used += rounded;
    return block;
}
