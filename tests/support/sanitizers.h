/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizers.h - which sanitizer the test was built with: what one of them cannot bear is skipped, and says so. */
#ifndef OTEL_TEST_SANITIZERS_H
#define OTEL_TEST_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#elif __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Skips the rest of a cmocka test when the condition holds. */
#define SKIP_IF(condition, why)                                                                                        \
    do {                                                                                                               \
        if (condition) {                                                                                               \
            print_message("    skipped: %s\n", (why));                                                                 \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
