/* SPDX-License-Identifier: Apache-2.0 */
/* Small values as text: ids, durations, times, kinds. */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct view_short_text view_format_hex(const uint8_t *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    struct view_short_text result = { "" };
    for (size_t i = 0; i < len && 2 * i + 2 < sizeof result.text; i++) {
        result.text[2 * i] = digits[bytes[i] >> 4];
        result.text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return result;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool view_parse_hex(const char *text, uint8_t *bytes, size_t len) {
    if (strlen(text) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct unit {
    uint64_t nanoseconds;
    const char *name;
    uint64_t smaller;
    const char *smaller_name;
};

static struct view_short_text two_units(uint64_t nanoseconds) {
    static const struct unit units[] = {
        { UINT64_C(86400000000000), "d", UINT64_C(3600000000000), "h" },
        { UINT64_C(3600000000000), "h", UINT64_C(60000000000), "m" },
        { UINT64_C(60000000000), "m", UINT64_C(1000000000), "s" },
    };
    const struct unit *unit = units;
    while (nanoseconds < unit->nanoseconds && unit->nanoseconds != UINT64_C(60000000000)) {
        unit++;
    }
    struct view_short_text result;
    snprintf(result.text, sizeof result.text, "%" PRIu64 "%s%02" PRIu64 "%s", nanoseconds / unit->nanoseconds,
             unit->name, nanoseconds % unit->nanoseconds / unit->smaller, unit->smaller_name);
    return result;
}

struct view_short_text view_format_duration(uint64_t nanoseconds, bool utf8) {
    struct view_short_text result;
    if (nanoseconds < 1000) {
        snprintf(result.text, sizeof result.text, "%" PRIu64 "ns", nanoseconds);
        return result;
    }
    const char *names[] = { utf8 ? "µs" : "us", "ms", "s" };
    double value = (double)nanoseconds / 1e3;
    size_t unit = 0;
    /* 999.5 would be written as 1000. */
    while (value >= 999.5 && unit < 2) {
        value /= 1e3;
        unit++;
    }
    if (nanoseconds >= UINT64_C(60000000000)) {
        return two_units(nanoseconds);
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(result.text, sizeof result.text, "%.*f%s", decimals, value, names[unit]);
    return result;
}

struct view_short_text view_format_time(uint64_t unix_nanoseconds) {
    time_t seconds = (time_t)(unix_nanoseconds / 1000000000u);
    struct view_short_text result = { "" };
    struct tm local;
    if (!localtime_r(&seconds, &local)) {
        return result;
    }
    char whole[24];
    if (strftime(whole, sizeof whole, "%Y-%m-%d %H:%M:%S", &local) == 0) {
        return result;
    }
    snprintf(result.text, sizeof result.text, "%s.%03u", whole, (unsigned)(unix_nanoseconds % 1000000000u / 1000000u));
    return result;
}

static struct view_short_text name_or_number(const char *const *names, size_t count, int number) {
    struct view_short_text result;
    if (number >= 0 && (size_t)number < count) {
        snprintf(result.text, sizeof result.text, "%s", names[number]);
    } else {
        snprintf(result.text, sizeof result.text, "%d", number);
    }
    return result;
}

struct view_short_text view_format_kind(int kind) {
    static const char *const names[] = { "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER" };
    return name_or_number(names, sizeof names / sizeof *names, kind);
}

struct view_short_text view_format_status(int code) {
    static const char *const names[] = { "UNSET", "OK", "ERROR" };
    return name_or_number(names, sizeof names / sizeof *names, code);
}
