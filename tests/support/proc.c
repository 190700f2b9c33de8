/* SPDX-License-Identifier: Apache-2.0 */
/* proc.c - see proc.h. */
#include "proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t proc_number(const char *path, const char *key, int base) {
    char line[256];
    uint64_t number = PROC_NONE;
    FILE *file = fopen(path, "re");
    while (file && number == PROC_NONE && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            number = strtoull(line + strlen(key), NULL, base);
    if (file)
        fclose(file);
    return number;
}

uint64_t proc_memory_kib(const char *key) {
    const uint64_t kib = proc_number("/proc/self/status", key, 10);
    if (kib == PROC_NONE)
        abort();
    return kib;
}
