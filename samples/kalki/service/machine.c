/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - see machine.h.
 */
#include "service/machine.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* The file's first bytes as text; "" when it cannot be read. */
static void read_text(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
}

static uint64_t count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 3 ? count - 3 : 0; /* `.`, `..` and the folder's own */
}

/* Field `number` of /proc/self/stat, counted from 1 as its manual does; the second may hold blanks and brackets. */
static uint64_t stat_field(const char *stat, int number) {
    const char *at = strrchr(stat, ')');
    for (int field = 2; at && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static double uptime(const char *stat) {
    struct timespec now = { 0 };
    clock_gettime(CLOCK_BOOTTIME, &now);
    const double started = (double)stat_field(stat, 22) / (double)sysconf(_SC_CLK_TCK);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - started;
}

void machine_process(struct process_usage *usage) {
    char stat[1024], statm[128];
    struct rusage times = { 0 };
    read_text("/proc/self/stat", stat, sizeof stat);
    read_text("/proc/self/statm", statm, sizeof statm);
    char *rest = statm;
    const uint64_t virtual_pages = strtoull(statm, &rest, 10), pages = strtoull(rest, NULL, 10);
    getrusage(RUSAGE_SELF, &times);
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *usage = (struct process_usage){
        .user_seconds = seconds_of(times.ru_utime),
        .system_seconds = seconds_of(times.ru_stime),
        .uptime_seconds = uptime(stat),
        .memory_bytes = pages * page,
        .virtual_bytes = virtual_pages * page,
        .threads = stat_field(stat, 20),
        .descriptors = count_descriptors(),
    };
}

static uint64_t meminfo_bytes(const char *text, const char *key) {
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

void machine_usage(struct machine_usage *usage) {
    char memory[2048], load[64];
    read_text("/proc/meminfo", memory, sizeof memory);
    read_text("/proc/loadavg", load, sizeof load);
    const uint64_t total = meminfo_bytes(memory, "MemTotal:"), available = meminfo_bytes(memory, "MemAvailable:");
    *usage = (struct machine_usage){ .load = strtod(load, NULL), .memory_total = total };
    usage->memory_used = total > available ? total - available : 0;
}

void machine_disk(const char *path, struct disk_usage *usage) {
    struct statvfs disk;
    *usage = (struct disk_usage){ 0 };
    if (statvfs(path, &disk) != 0)
        return;
    usage->used_bytes = (uint64_t)(disk.f_blocks - disk.f_bfree) * disk.f_frsize;
    usage->free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
}

uint64_t machine_memory_limit(void) {
    /* Inside of a container its own group is mounted here: of the second version of cgroups, then of the first. */
    static const char *const files[] = { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
    struct machine_usage machine;
    machine_usage(&machine);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char text[64];
        read_text(files[i], text, sizeof text);
        const uint64_t limit = strtoull(text, NULL, 10); /* "max" is 0 */
        if (limit > 0 && limit < machine.memory_total)
            return limit;
    }
    return machine.memory_total;
}
