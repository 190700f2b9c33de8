/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - see load.h. */
#include "load.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RANGES = 4096 };

/* Written by the one thread that loads; a range counts once `range_count` says so. */
static struct { _Atomic uintptr_t from, to; } ranges[RANGES];
static _Atomic unsigned range_count;

static int find_range(struct dl_phdr_info *info, size_t size, void *data) {
    struct loaded *loaded = data;
    (void)size;
    if (strcmp(info->dlpi_name, loaded->path) != 0)
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        const uintptr_t from = info->dlpi_addr + part->p_vaddr, to = from + part->p_memsz;
        if (part->p_type != PT_LOAD)
            continue;
        loaded->from = loaded->from && loaded->from < from ? loaded->from : from;
        loaded->to = loaded->to > to ? loaded->to : to;
    }
    return 1;
}

static bool note_range(struct loaded *loaded) {
    const unsigned count = atomic_load(&range_count);
    loaded->from = loaded->to = 0;
    if (!dl_iterate_phdr(find_range, loaded) || count == RANGES)
        return false;
    const uintptr_t within_page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
    loaded->from &= ~within_page;
    loaded->to = (loaded->to + within_page) & ~within_page;
    atomic_store(&ranges[count].from, loaded->from);
    atomic_store(&ranges[count].to, loaded->to);
    atomic_store(&range_count, count + 1);
    return true;
}

bool points_into_plugin(const void *pointer) {
    const unsigned count = atomic_load(&range_count);
    for (unsigned i = 0; i < count; i++)
        if ((uintptr_t)pointer >= atomic_load(&ranges[i].from) && (uintptr_t)pointer < atomic_load(&ranges[i].to))
            return true;
    return false;
}

bool load(struct loaded *loaded, const char *name, const char *symbol) {
    snprintf(loaded->path, sizeof loaded->path, "%s/%s.so", PLUGIN_FOLDER, name);
    loaded->handle = dlopen(loaded->path, RTLD_NOW | RTLD_LOCAL);
    loaded->offers = loaded->handle ? dlsym(loaded->handle, symbol) : NULL;
    if (!loaded->offers) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    return note_range(loaded) && points_into_plugin(loaded->offers);
}

/* Calls `found` with the path of each mapping until it returns true. */
static bool any_mapping(bool (*found)(const char *path, void *data), void *data) {
    char line[1024];
    bool any = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && !any && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = '\0';
        const char *path = strchr(line, '/');
        any = path && found(path, data);
    }
    if (maps)
        fclose(maps);
    return any;
}

static bool is_same(const char *path, void *data) { return strcmp(path, data) == 0; }

static bool is_there(struct loaded *loaded) {
    void *handle = dlopen(loaded->path, RTLD_NOW | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

bool unload(struct loaded *loaded) {
    if (dlclose(loaded->handle) != 0 || is_there(loaded) || any_mapping(is_same, loaded->path))
        return false;
    /* A thread that maps something at this moment may get these addresses: then they are nobody's any more. */
    const size_t size = loaded->to - loaded->from;
    void *wanted = (void *)loaded->from;
    void *got = mmap(wanted, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == wanted)
        return true;
    if (got != MAP_FAILED)
        munmap(got, size);
    for (unsigned i = 0; i < atomic_load(&range_count); i++)
        if (atomic_load(&ranges[i].from) == loaded->from)
            atomic_store(&ranges[i].to, loaded->from);
    return true;
}

bool close_but_keep(struct loaded *loaded) {
    return dlclose(loaded->handle) == 0 && is_there(loaded) && any_mapping(is_same, loaded->path);
}

struct files {
    const char *name;
    char last[512];
    unsigned count;
};

/* The mappings of one file stand together. */
static bool count_file(const char *path, void *data) {
    struct files *files = data;
    const char *base = strrchr(path, '/') + 1;
    if (strncmp(base, files->name, strlen(files->name)) == 0 && strcmp(path, files->last) != 0) {
        snprintf(files->last, sizeof files->last, "%s", path);
        files->count++;
    }
    return false;
}

unsigned files_mapped(const char *name) {
    struct files files = { .name = name };
    any_mapping(count_file, &files);
    return files.count;
}
