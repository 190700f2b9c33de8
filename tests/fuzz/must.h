/* SPDX-License-Identifier: Apache-2.0 */
/* must.h - what a fuzzer wants to hold, whatever the input. */
#ifndef OTEL_FUZZ_MUST_H
#define OTEL_FUZZ_MUST_H

#include <stdlib.h>

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
