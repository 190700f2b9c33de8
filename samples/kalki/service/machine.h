/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - what Linux says of this process and of the machine it runs on. What cannot be found out is 0.
 */
#ifndef KALKI_MACHINE_H
#define KALKI_MACHINE_H

#include <stdint.h>

struct process_usage {
    double user_seconds, system_seconds; /* of processors, since the start */
    double uptime_seconds;
    uint64_t memory_bytes, virtual_bytes;
    uint64_t threads, descriptors;
};

struct machine_usage {
    double load; /* of the last minute */
    uint64_t memory_used, memory_total;
};

struct disk_usage {
    uint64_t used_bytes, free_bytes; /* free: to those who are not root */
};

void machine_process(struct process_usage *usage);
void machine_usage(struct machine_usage *usage);
void machine_disk(const char *path, struct disk_usage *usage);
/* What the process may take: the bound of its container or, where there is none, the machine's memory. */
uint64_t machine_memory_limit(void);

#endif
