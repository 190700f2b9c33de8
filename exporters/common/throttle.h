/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle.h - keeps exports back while a server asks for fewer requests (specification: opentelemetry-proto, OTLP
 * throttling).
 *
 * Pure, as retry.h is. A server may name a time, before which nothing is sent any more; where it names none, the next
 * export begins later than it would have, and waits go on to grow from one export to the next.
 */
#ifndef OTEL_EXPORTERS_THROTTLE_H
#define OTEL_EXPORTERS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct otel__throttle {
    uint64_t not_before;   /* ns: the server asked for no requests until then */
    uint64_t slower_until; /* ns: it asked for fewer and named no time: the next export begins no sooner, if it can */
    unsigned asked;        /* how often it has asked since it last answered otherwise */
};

/* An answer has asked for no requests for `delay` ns. The longest time that was asked for stands. */
void otel__throttle_pause(struct otel__throttle *throttle, uint64_t delay, uint64_t now);
/* An answer has come; `asks`: for fewer requests, and for none for `delay` ns (0: it names no time). */
void otel__throttle_note(struct otel__throttle *throttle, bool asks, uint64_t delay, uint64_t now);
/* An export was given up; another attempt would have been made after `wait` ns, of which the server had `named` some. */
void otel__throttle_gave_up(struct otel__throttle *throttle, uint64_t now, uint64_t wait, bool named);
/*
 * Until when an export that begins now is held back. Where the server has named no time there are still attempts to be
 * made: half of the time up to `deadline` is left for them.
 */
uint64_t otel__throttle_until(struct otel__throttle *throttle, uint64_t now, uint64_t deadline);

#endif
