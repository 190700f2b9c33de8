/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - when to try again after a failed request (specification: protocol/exporter.md, Retry; OTLP failures and
 * throttling).
 *
 * Pure: time and randomness are arguments, and waiting is the caller's business.
 */
#ifndef OTEL_EXPORTERS_RETRY_H
#define OTEL_EXPORTERS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* What users may set; zero members are the defaults. */
struct otel__retry_policy {
    unsigned initial_ms; /* 500: the first wait, before jitter; each one is twice as long as the one before */
    unsigned max_ms;     /* 5000: the longest wait, jitter included */
    bool disabled;       /* nothing is tried again */
};

/* NULL: the policy is usable; otherwise why not, a static phrase. */
const char *otel__retry_policy_problem(const struct otel__retry_policy *policy);

/* One export with all its attempts. */
struct otel__retry {
    struct otel__retry_policy policy;
    uint64_t deadline; /* ns: no attempt begins later */
    unsigned failures; /* attempts so far */
};

/* Whether a request that was answered with this HTTP status is worth another attempt. */
bool otel__retry_http_status(int status);

/*
 * After a failed attempt: how long to wait, in ns, before the next one. `random`, any 32 random bits, varies the
 * policy's back-off between half and one and a half times. It is never below `floor`, in ns, which the server asked
 * for. False: the policy wants no other attempt, or the wait would not end before the deadline, so the export has
 * failed.
 */
bool otel__retry_next(struct otel__retry *retry, uint64_t now, uint32_t random, uint64_t floor, uint64_t *wait);

/*
 * What a server asks for once more, `asked` times before already: each time twice as long, up to the policy's longest
 * wait, and never shorter than the delay itself.
 */
uint64_t otel__retry_grow(const struct otel__retry_policy *policy, uint64_t delay, unsigned asked);

/*
 * The delay that a Retry-After header asks for, in ns: seconds, or an HTTP date, of which `wall_seconds` (since 1970)
 * is subtracted; a date in the past is no delay. False: `text` is neither.
 */
bool otel__retry_after(const char *text, int64_t wall_seconds, uint64_t *delay);

#endif
