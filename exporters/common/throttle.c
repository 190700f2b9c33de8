/* SPDX-License-Identifier: Apache-2.0 */
/* throttle.c - see throttle.h. */
#include "common/throttle.h"

#include "base/clock.h"

enum { MAX_S = 300 }; /* how long one answer can keep later exports from being sent */

void otel__throttle_pause(struct otel__throttle *throttle, uint64_t delay, uint64_t now) {
    const uint64_t most = MAX_S * OTEL__SECOND, until = now + (delay < most ? delay : most);
    if (delay > 0 && until > throttle->not_before)
        throttle->not_before = until;
}

void otel__throttle_note(struct otel__throttle *throttle, bool asks, uint64_t delay, uint64_t now) {
    throttle->asked = asks ? throttle->asked + 1 : 0;
    otel__throttle_pause(throttle, delay, now);
}

void otel__throttle_gave_up(struct otel__throttle *throttle, uint64_t now, uint64_t wait, bool named) {
    throttle->slower_until = throttle->asked > 0 && !named ? now + wait : 0;
}

uint64_t otel__throttle_until(struct otel__throttle *throttle, uint64_t now, uint64_t deadline) {
    const uint64_t half = now < deadline ? now + (deadline - now) / 2 : now;
    const uint64_t until = throttle->slower_until < half ? throttle->slower_until : half;
    throttle->slower_until = 0;
    return until > throttle->not_before ? until : throttle->not_before;
}
