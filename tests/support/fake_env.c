/* SPDX-License-Identifier: Apache-2.0 */
/* fake_env.c - see fake_env.h. */
#include "fake_env.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES = 32 };

static struct { const char *name, *value; } variables[VARIABLES];

void fake_env_clear(void) { memset(variables, 0, sizeof variables); }

void fake_env_set(const char *name, const char *value) {
    for (int i = 0; i < VARIABLES; i++)
        if (!variables[i].name || strcmp(variables[i].name, name) == 0) {
            variables[i].name = name;
            variables[i].value = value;
            return;
        }
    abort();
}

const char *fake_env_get(const char *name) {
    for (int i = 0; i < VARIABLES && variables[i].name; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    return NULL;
}
