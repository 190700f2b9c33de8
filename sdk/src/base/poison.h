/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison.h - marks free memory as off limits for AddressSanitizer and Valgrind, which know nothing of our slabs.
 *
 * Debug builds tell Valgrind wherever its header is installed; that takes some instructions, which do nothing without
 * Valgrind, and builds with NDEBUG are without them.
 */
#ifndef OTEL_SDK_POISON_H
#define OTEL_SDK_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define OTEL__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OTEL__ASAN 1
#endif
#endif

#if !defined(NDEBUG) && defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#define OTEL__VALGRIND 1
#endif
#endif

#ifdef OTEL__ASAN
#include <sanitizer/asan_interface.h>
#define OTEL__POISON(start, size) __asan_poison_memory_region((start), (size))
#define OTEL__UNPOISON(start, size) __asan_unpoison_memory_region((start), (size))
#elif defined(OTEL__VALGRIND)
#include <valgrind/memcheck.h>
#define OTEL__POISON(start, size) VALGRIND_MAKE_MEM_NOACCESS((start), (size))
#define OTEL__UNPOISON(start, size) VALGRIND_MAKE_MEM_UNDEFINED((start), (size))
#else
#define OTEL__POISON(start, size) ((void)(start), (void)(size))
#define OTEL__UNPOISON(start, size) ((void)(start), (void)(size))
#endif

#endif
