/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - see clock.h. */
#include "base/clock.h"

#include <stddef.h>

uint64_t (*otel__clock_for_tests)(clockid_t id);

uint64_t otel__deadline_in(int timeout_ms, int otherwise_ms) {
    const int ms = timeout_ms < 0 ? otherwise_ms : timeout_ms;
    return otel__clock_monotonic() + (uint64_t)ms * OTEL__MILLISECOND;
}

int otel__deadline_left_ms(uint64_t deadline) {
    const uint64_t now = otel__clock_monotonic();
    if (deadline <= now)
        return 0;
    const uint64_t ms = (deadline - now + OTEL__MILLISECOND - 1) / OTEL__MILLISECOND;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}
