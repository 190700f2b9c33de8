/* SPDX-License-Identifier: Apache-2.0 */
/* retry.c - see retry.h. */
#include "common/retry.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { INITIAL_MS = 500, MAX_MS = 5000 };
/* More than a day is no delay but a mistake; it is past any deadline either way. */
enum { DELAY_MAX_S = 86400 };

bool otel__retry_http_status(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

static uint64_t initial_ms(const struct otel__retry_policy *policy) {
    return policy->initial_ms ? policy->initial_ms : INITIAL_MS;
}

static uint64_t max_ms(const struct otel__retry_policy *policy) { return policy->max_ms ? policy->max_ms : MAX_MS; }

const char *otel__retry_policy_problem(const struct otel__retry_policy *policy) {
    return initial_ms(policy) > max_ms(policy) ? "the initial back-off is longer than the longest" : NULL;
}

/*
 * The back-off before jitter, in ns. The longest one is two thirds of what is allowed, so that jitter still varies the
 * longest waits.
 */
static uint64_t back_off(const struct otel__retry *retry) {
    const uint64_t most = max_ms(&retry->policy) * 2 / 3 * OTEL__MILLISECOND;
    uint64_t delay = initial_ms(&retry->policy) * OTEL__MILLISECOND;
    for (unsigned i = 0; i < retry->failures && delay < most; i++)
        delay *= 2;
    return delay < most ? delay : most;
}

bool otel__retry_next(struct otel__retry *retry, uint64_t now, uint32_t random, uint64_t floor, uint64_t *wait) {
    const uint64_t base = back_off(retry);
    retry->failures++;
    uint64_t delay = base / 2 + (uint64_t)((double)base * ((double)random / 4294967296.0));
    *wait = delay > floor ? delay : floor;
    return !retry->policy.disabled && now < retry->deadline && *wait < retry->deadline - now;
}

uint64_t otel__retry_grow(const struct otel__retry_policy *policy, uint64_t delay, unsigned asked) {
    const uint64_t most = max_ms(policy) * OTEL__MILLISECOND;
    uint64_t grown = delay;
    for (unsigned i = 0; i < asked && grown < most; i++)
        grown *= 2;
    return delay >= most || grown < most ? grown : most;
}

static bool parse_seconds(const char *text, uint64_t *seconds) {
    uint64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++)
        value = value > DELAY_MAX_S ? value : value * 10 + (uint64_t)(*at - '0');
    *seconds = value < DELAY_MAX_S ? value : DELAY_MAX_S;
    return at != text && *at == '\0';
}

/* ---- HTTP dates (RFC 9110, 5.6.7); strptime() speaks the user's language ----------------------------------------- */

static void skip(const char **at, const char *any) { *at += strspn(*at, any); }

static bool take_number(const char **at, int *value) {
    *value = 0;
    const char *digits = *at;
    for (; isdigit((unsigned char)**at) && *value < 10000; ++*at)
        *value = *value * 10 + (**at - '0');
    bool taken = *at != digits;
    skip(at, " -:,");
    return taken;
}

static bool take_month(const char **at, int *month) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (*month = 0; *month < 12; ++*month)
        if (strncasecmp(*at, names + 3 * (size_t)*month, 3) == 0) {
            *at += 3;
            skip(at, " -");
            return true;
        }
    return false;
}

static bool take_time(const char **at, struct tm *t) {
    return take_number(at, &t->tm_hour) && take_number(at, &t->tm_min) && take_number(at, &t->tm_sec);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" or "Sun Nov  6 08:49:37 1994" */
static bool take_fields(const char *at, struct tm *t, int *year) {
    skip(&at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    skip(&at, " ,");
    if (isdigit((unsigned char)*at))
        return take_number(&at, &t->tm_mday) && take_month(&at, &t->tm_mon) && take_number(&at, year) &&
               take_time(&at, t) && strcmp(at, "GMT") == 0;
    return take_month(&at, &t->tm_mon) && take_number(&at, &t->tm_mday) && take_time(&at, t) &&
           take_number(&at, year) && *at == '\0';
}

static bool parse_date(const char *text, int64_t *seconds) {
    struct tm t = { 0 };
    int year = 0;
    if (!take_fields(text, &t, &year))
        return false;
    if (year < 100)
        year += year < 70 ? 2000 : 1900;
    if (year < 1970 || year > 9999 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 60)
        return false;
    t.tm_year = year - 1900;
    *seconds = timegm(&t);
    return true;
}

bool otel__retry_after(const char *text, int64_t wall_seconds, uint64_t *delay) {
    uint64_t seconds = 0;
    int64_t date = 0;
    if (!parse_seconds(text, &seconds)) {
        if (!parse_date(text, &date))
            return false;
        seconds = date > wall_seconds ? (uint64_t)(date - wall_seconds) : 0;
    }
    *delay = (seconds < DELAY_MAX_S ? seconds : DELAY_MAX_S) * OTEL__SECOND;
    return true;
}
