/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - see process.h. */
#include "process.h"

#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

double process_cpu_ns(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec) * 1e9 +
           ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) * 1e3;
}

/* Not ru_maxrss, in which the process that started this one counts. */
long process_peak_rss_kib(void) { return (long)proc_memory_kib("VmHWM:"); }

long process_rss_kib(void) { return (long)proc_memory_kib("VmRSS:"); }

/* Not this program's own threads, which are called otel-bench. */
static int is_the_sdks(const char *task) {
    char path[64];
    char name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", task);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const char *line = fgets(name, sizeof name, file);
    fclose(file);
    return line && (strcmp(line, "otel-batch\n") == 0 || strcmp(line, "otel-simple\n") == 0);
}

unsigned long long process_worker_sleeps(void) {
    unsigned long long sleeps = 0;
    char path[64];
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] == '.' || !is_the_sdks(task->d_name))
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task->d_name);
        const uint64_t number = proc_number(path, "voluntary_ctxt_switches:", 10);
        sleeps += number == PROC_NONE ? 0 : number; /* it has ended meanwhile */
    }
    if (tasks)
        closedir(tasks);
    return sleeps;
}
