/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - loading plug-ins and unloading them for good: nothing of them is left, and nothing takes their place. */
#ifndef OTEL_TEST_LOAD_H
#define OTEL_TEST_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct loaded {
    void *handle;
    const void *offers; /* the symbol asked for */
    char path[512];
    uintptr_t from, to;
};

/* With RTLD_NOW | RTLD_LOCAL, as hosts do; false, and the reason on stderr, when that fails. */
bool load(struct loaded *loaded, const char *name, const char *symbol);
/* dlclose(), and whether it is gone. Its addresses stay reserved, so that whoever still uses them crashes. */
bool unload(struct loaded *loaded);
/* Closed, but still there: linked with -z nodelete. */
bool close_but_keep(struct loaded *loaded);
/* Whether the pointer leads into a plug-in, loaded or unloaded. From any thread. */
bool points_into_plugin(const void *pointer);
/* How many different files of this name are mapped. */
unsigned files_mapped(const char *name);

#endif
