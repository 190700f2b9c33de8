/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h - numbers that the kernel tells of this process. It needs libc only, so that programs that are no tests can
 * have it too.
 */
#ifndef OTEL_TEST_PROC_H
#define OTEL_TEST_PROC_H

#include <stdint.h>

#define PROC_NONE UINT64_MAX

/* The number in `base` behind `key` ("VmRSS:") at the beginning of a line of a file; PROC_NONE: there is none. */
uint64_t proc_number(const char *path, const char *key, int base);

/* Memory of this process in KiB, by a key of its status file: "VmRSS:", "VmHWM:", "VmSize:". Ends a program that has none. */
uint64_t proc_memory_kib(const char *key);

#endif
