/* SPDX-License-Identifier: Apache-2.0 */
#include "common/retry.h"

#include "common/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * The largest back-off before jitter: with the largest jitter it is 5 s, so that jitter still varies the longest
 * waits.
 */
enum { BASE_MS = 500, BASE_MAX_MS = 3333 };
/* More than a day is no delay but a mistake; it is past any deadline either way. */
enum { DELAY_MAX_S = 86400 };

bool otel__retry_http_status(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool otel__retry_next(struct otel__retry *retry, uint64_t now, uint32_t random, uint64_t floor, uint64_t *wait) {
    uint64_t base = BASE_MAX_MS;
    if (retry->failures < 3)
        base = (uint64_t)BASE_MS << retry->failures;
    retry->failures++;
    base *= OTEL__NS_PER_MS;
    uint64_t delay = base / 2 + (uint64_t)((double)base * ((double)random / 4294967296.0));
    *wait = delay > floor ? delay : floor;
    return now < retry->deadline && *wait < retry->deadline - now;
}

static bool parse_seconds(const char *text, uint64_t *seconds) {
    uint64_t value = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++)
        value = value > DELAY_MAX_S ? value : value * 10 + (uint64_t)(*at - '0');
    *seconds = value < DELAY_MAX_S ? value : DELAY_MAX_S;
    return at != text && *at == '\0';
}

static int month_number(const char *name) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (strncasecmp(name, names + 3 * i, 3) == 0)
            return i;
    return -1;
}

/* The three forms of RFC 9110, 5.6.7; strptime() is of no use here, since it speaks the user's language. */
static bool parse_date(const char *text, int64_t *seconds) {
    struct tm t = { 0 };
    char month[4] = "";
    int year = 0;
    if (sscanf(text, "%*[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &t.tm_mday, month, &year, &t.tm_hour, &t.tm_min,
               &t.tm_sec) != 6 &&
        sscanf(text, "%*[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT", &t.tm_mday, month, &year, &t.tm_hour, &t.tm_min,
               &t.tm_sec) != 6 &&
        sscanf(text, "%*[A-Za-z] %3s %2d %2d:%2d:%2d %4d", month, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec,
               &year) != 6)
        return false;
    if (year >= 0 && year < 100)
        year += year < 70 ? 2000 : 1900;
    t.tm_year = year - 1900;
    t.tm_mon = month_number(month);
    if (t.tm_mon < 0 || year < 1970 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 60)
        return false;
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
    *delay = (seconds < DELAY_MAX_S ? seconds : DELAY_MAX_S) * OTEL__NS_PER_S;
    return true;
}
