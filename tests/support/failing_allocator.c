/* SPDX-License-Identifier: Apache-2.0 */
/* failing_allocator.c - see failing_allocator.h. */
#include "failing_allocator.h"

#include "sanitizers.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static _Thread_local unsigned fail_at;
static _Thread_local bool fail_on;
static _Thread_local unsigned failures;
static void (*_Atomic after_realloc)(void);
static void (*_Atomic after_free)(void);

void failing_allocator_fail(unsigned nth, bool all) {
    fail_at = nth;
    fail_on = all;
    failures = 0;
}

unsigned failing_allocator_failures(void) { return failures; }

void failing_allocator_after_realloc(void (*hook)(void)) { after_realloc = hook; }

void failing_allocator_after_free(void (*hook)(void)) { after_free = hook; }

#if defined(__GLIBC__) && !UNDER_ASAN && !UNDER_TSAN

bool failing_allocator_works(void) { return true; }

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool must_fail(void) {
    if (fail_at == 0 || (fail_at > 1 && fail_at--))
        return false;
    if (!fail_on)
        fail_at = 0;
    failures++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) { return must_fail() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return must_fail() ? NULL : __libc_calloc(count, size); }

void *realloc(void *block, size_t size) {
    if (must_fail())
        return NULL;
    void *larger = __libc_realloc(block, size);
    void (*const hook)(void) = after_realloc;
    if (larger && hook)
        hook();
    return larger;
}

void free(void *block) {
    __libc_free(block);
    void (*const hook)(void) = after_free;
    if (block && hook)
        hook();
}

#else

bool failing_allocator_works(void) { return false; }

#endif
