/* SPDX-License-Identifier: Apache-2.0 */
/* stack.c - see stack.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr() */
#endif
#include "stack.h"

#include <errno.h>

#if defined(__GLIBC__)
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>

enum { FRAMES_MAX = 64 };

/* The address of a frame is that of the instruction after the call, which may be another line's. */
static int frame_text(char *text, size_t size, const void *address) {
    const char *call = (const char *)address - 1;
    Dl_info where;
    if (!dladdr(call, &where) || where.dli_fname == NULL) {
        return snprintf(text, size, "%p\n", address);
    }
    const size_t in_object = (size_t)(call - (const char *)where.dli_fbase);
    if (where.dli_sname == NULL) {
        return snprintf(text, size, "%s+0x%zx\n", where.dli_fname, in_object);
    }
    return snprintf(text, size, "%s+0x%zx (%s+0x%zx)\n", where.dli_sname,
                    (size_t)(call - (const char *)where.dli_saddr), where.dli_fname, in_object);
}

static int first_frame(void *const *frames, int count, const void *address) {
    for (int i = 0; i < count; i++) {
        if (frames[i] == address) {
            return i;
        }
    }
    return 0;
}

void otel__stack_text(char *text, size_t size, const void *address) {
    void *frames[FRAMES_MAX];
    const int saved = errno;
    const int count = backtrace(frames, FRAMES_MAX);
    size_t used = 0;
    for (int i = first_frame(frames, count, address); i < count; i++) {
        const int len = frame_text(text + used, size - used, frames[i]);
        if (len < 0 || (size_t)len >= size - used) {
            break;
        }
        used += (size_t)len;
    }
    text[used] = '\0';
    errno = saved;
}
#else
void otel__stack_text(char *text, size_t size, const void *address) {
    (void)size;
    (void)address;
    text[0] = '\0';
}
#endif
