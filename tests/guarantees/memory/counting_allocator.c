/* SPDX-License-Identifier: Apache-2.0 */
/* counting_allocator.c - see counting_allocator.h. */
#include "counting_allocator.h"

#include "sanitizers.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t own, curls;

uint64_t allocations(void) { return own; }

uint64_t allocations_by_curl(void) { return curls; }

#if defined(__GLIBC__) && !UNDER_ASAN && !UNDER_TSAN

bool counting_allocator_works(void) { return true; }

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

/* Or libc and libcurl would not find them. */
#pragma GCC visibility push(default)

void *malloc(size_t size) {
    own++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    own++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    own++;
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size) {
    own++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

/* Defined for its company: the linker would take it from the allocator that fails, and that one's malloc() along. */
void free(void *block) { __libc_free(block); }

#pragma GCC visibility pop

/* ---- libcurl's --------------------------------------------------------------------------------------------------- */

static void *curl_malloc(size_t size) {
    curls++;
    return __libc_malloc(size);
}

static void *curl_calloc(size_t count, size_t size) {
    curls++;
    return __libc_calloc(count, size);
}

static void *curl_realloc(void *block, size_t size) {
    curls++;
    return __libc_realloc(block, size);
}

static char *curl_strdup(const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = curl_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

bool counting_allocator_tell_curl(void) {
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc, curl_strdup, curl_calloc) ==
           CURLE_OK;
}

#else

bool counting_allocator_works(void) { return false; }

bool counting_allocator_tell_curl(void) { return false; }

#endif
