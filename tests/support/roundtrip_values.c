/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_values.c - see roundtrip_values.h. */
#include "roundtrip_values.h"

#include <math.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { PATTERN = 200 };

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Mostly short; now and then where a varint, a block or a big value begins; rarely up to 100 KiB. */
static size_t some_length(struct roundtrip_source *source) {
    static const size_t edges[] = { 31,   32,   33,   126,  127,  128,  129,   4000,
                                    4095, 4096, 4097, 8191, 8192, 8193, 16383, 16384 };
    if (source->plain)
        return roundtrip_below(source, 12);
    if (source->heavy && roundtrip_one_in(source, 4))
        return 20000 + roundtrip_below(source, 82401);
    if (roundtrip_one_in(source, 400))
        return roundtrip_below(source, 102401);
    if (roundtrip_one_in(source, 60))
        return edges[roundtrip_below(source, COUNT(edges))];
    return roundtrip_below(source, 24);
}

static const char *const good_pieces[] = { "a",
                                           "Zz",
                                           "0",
                                           " ",
                                           "/",
                                           "\"",
                                           "\\",
                                           "\n",
                                           "\x7f",
                                           "\xc2\x80",
                                           "\xc3\xa9",
                                           "\xe2\x82\xac",
                                           "\xed\x9f\xbf",
                                           "\xef\xbf\xbd",
                                           "\xf0\x9f\x92\xa9",
                                           "\xf4\x8f\xbf\xbf",
                                           "some.longer/text" };
static const char *const bad_pieces[] = { "\x80",
                                          "\xff",
                                          "\xc0\x80",
                                          "\xc3",
                                          "\xe2\x82",
                                          "\xe0\x80\xaf",
                                          "\xed\xa0\x80",
                                          "\xf0\x9f\x92",
                                          "\xf4\x90\x80\x80",
                                          "\xf8\x88\x80\x80\x80",
                                          "\xfe" };

static void fill_short(struct roundtrip_source *source, char *text, size_t len) {
    bool bad = roundtrip_one_in(source, 6);
    for (size_t at = 0; at < len;) {
        const char *piece = bad && roundtrip_one_in(source, 4)
                                ? bad_pieces[roundtrip_below(source, COUNT(bad_pieces))]
                                : good_pieces[roundtrip_below(source, COUNT(good_pieces))];
        size_t size = strlen(piece);
        if (size > len - at) {
            piece = "x";
            size = 1;
        }
        memcpy(text + at, piece, size);
        at += size;
    }
}

/* Long text repeats what it begins with, and may end within a character. */
static void fill_text(struct roundtrip_source *source, char *text, size_t len) {
    size_t filled = len < PATTERN ? len : PATTERN;
    fill_short(source, text, filled);
    while (filled < len) {
        size_t more = filled < len - filled ? filled : len - filled;
        memcpy(text + filled, text, more);
        filled += more;
    }
    if (len > PATTERN && roundtrip_one_in(source, 2))
        memset(text + len - 3, 'x', 3);
}

otel_str roundtrip_some_text(struct roundtrip_source *source) {
    size_t len = some_length(source);
    if (len == 0 && roundtrip_one_in(source, 2))
        return otel_strn(NULL, 0);
    char *text = roundtrip_make(source->pool, len);
    fill_text(source, text, len);
    if (len > 0 && roundtrip_one_in(source, 16))
        text[roundtrip_below(source, len)] = '\0';
    return otel_strn(text, len);
}

const char *roundtrip_some_string(struct roundtrip_source *source) {
    if (roundtrip_one_in(source, 16))
        return NULL;
    size_t len = some_length(source);
    char *text = roundtrip_make(source->pool, len + 1);
    fill_text(source, text, len);
    return text;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static otel_str numbered_key(struct roundtrip_source *source, const char *format, size_t number) {
    char text[64];
    int len = snprintf(text, sizeof text, format, number);
    return roundtrip_copy(source->pool, otel_strn(text, (size_t)len));
}

/* One of few, so that keys come again. */
static otel_str usual_key(struct roundtrip_source *source) {
    static const char *const formats[] = { "k%zu", "key.%zu", "Key.%zu", "some.longer.key/%zu",
                                           "\xc3\xa9t\xc3\xa9.%zu" };
    return numbered_key(source, formats[roundtrip_below(source, COUNT(formats))], roundtrip_below(source, 6));
}

static otel_str long_key(struct roundtrip_source *source) {
    static const size_t lengths[] = { 127, 128, 4095, 4096, 4097, 65535, 65536, 70000 };
    size_t len = lengths[roundtrip_below(source, COUNT(lengths))];
    char *text = roundtrip_make(source->pool, len);
    memset(text, 'k', len);
    return otel_strn(text, len);
}

/* Empty, monstrous, with NULs, not UTF-8 - and two different ones that are the same once repaired. */
static otel_str strange_key(struct roundtrip_source *source) {
    switch (roundtrip_below(source, source->plain ? 6 : 8)) {
    case 0:
        return otel_strn(NULL, 0);
    case 1:
        return (otel_str){ NULL, 5 };
    case 2:
        return otel_strn("", 0);
    case 3:
        return roundtrip_copy(source->pool, otel_strn("a\0b", 3));
    case 4:
        return roundtrip_copy(source->pool, otel_strn("bad\xff", 4));
    case 5:
        return roundtrip_copy(source->pool, otel_strn("bad\xef\xbf\xbd", 6));
    case 6:
        return roundtrip_some_text(source);
    default:
        return roundtrip_one_in(source, 4) ? long_key(source) : usual_key(source);
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int64_t some_int(struct roundtrip_source *source) {
    static const int64_t edges[] = { 0, 1, -1, 127, 128, 16383, 16384, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };
    return roundtrip_one_in(source, 2) ? edges[roundtrip_below(source, COUNT(edges))] : (int64_t)roundtrip_next(source);
}

static double some_double(struct roundtrip_source *source) {
    const double edges[] = { 0.0, -0.0, 1.5, -2.25, 1e308, 5e-324, INFINITY, -INFINITY, NAN, -NAN };
    return edges[roundtrip_below(source, COUNT(edges))];
}

static otel_value some_bytes(struct roundtrip_source *source) {
    size_t len = some_length(source);
    uint8_t *bytes = roundtrip_make(source->pool, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)roundtrip_next(source);
    return otel_bytes(bytes, len);
}

/* A list of tens of KiB each would be more than a span may hold. */
static otel_str some_element(struct roundtrip_source *source) {
    bool heavy = source->heavy;
    source->heavy = false;
    otel_str text = roundtrip_one_in(source, 12) ? (otel_str){ NULL, 3 } : roundtrip_some_text(source);
    source->heavy = heavy;
    return text;
}

static void fill_element(struct roundtrip_source *source, otel_type type, void *items, size_t i) {
    if (type == OTEL_TYPE_STRINGS)
        ((otel_str *)items)[i] = some_element(source);
    else if (type == OTEL_TYPE_BOOLS)
        ((bool *)items)[i] = roundtrip_one_in(source, 2);
    else if (type == OTEL_TYPE_INTS)
        ((int64_t *)items)[i] = some_int(source);
    else
        ((double *)items)[i] = some_double(source);
}

static otel_value some_array(struct roundtrip_source *source) {
    static const otel_type types[] = { OTEL_TYPE_STRINGS, OTEL_TYPE_BOOLS, OTEL_TYPE_INTS, OTEL_TYPE_DOUBLES };
    static const size_t sizes[] = { sizeof(otel_str), sizeof(bool), sizeof(int64_t), sizeof(double) };
    size_t which = roundtrip_below(source, COUNT(types));
    size_t count = roundtrip_one_in(source, 100) && !source->plain ? 600 : roundtrip_below(source, 6);
    if (count == 0 && roundtrip_one_in(source, 2))
        return (otel_value){ .type = types[which] };
    void *items = roundtrip_make(source->pool, count * sizes[which]);
    for (size_t i = 0; i < count; i++)
        fill_element(source, types[which], items, i);
    return (otel_value){ .type = types[which], .len = count, .u.p = items };
}

static otel_value some_value(struct roundtrip_source *source);

/* An array of any values, or a map, in which there may be others; of keys that come twice, or that are none, too. */
static otel_value some_nested(struct roundtrip_source *source) {
    size_t count = roundtrip_below(source, 4);
    bool heavy = source->heavy;
    source->heavy = false;
    otel_value *values = roundtrip_make(source->pool, count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = some_value(source);
    otel_attr *items = roundtrip_make(source->pool, count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (otel_attr){ roundtrip_one_in(source, 8) ? otel_cstr("") : usual_key(source), values[i] };
    source->heavy = heavy;
    return roundtrip_one_in(source, 2) ? otel_map((otel_attrs){ items, count }) : otel_array(values, count);
}

/* Made by hand, and badly. */
static otel_value some_nonsense(struct roundtrip_source *source) {
    switch (roundtrip_below(source, 5)) {
    case 0:
        return (otel_value){ .type = (otel_type)99 };
    case 1:
        return (otel_value){ .type = OTEL_TYPE_STRING, .len = 4 };
    case 2:
        return (otel_value){ .type = OTEL_TYPE_INTS, .len = 4 };
    case 3:
        return (otel_value){ .type = OTEL_TYPE_BYTES, .len = SIZE_MAX };
    default:
        return (otel_value){ .type = OTEL_TYPE_BOOL, .u.i = 7 };
    }
}

static otel_value sound_value(struct roundtrip_source *source) {
    otel_str text;
    switch (roundtrip_below(source, 10)) {
    case 0:
        return otel_bool(roundtrip_one_in(source, 2));
    case 1:
        return otel_int(some_int(source));
    case 2:
        return otel_uint(roundtrip_next(source) | (uint64_t)roundtrip_below(source, 2) << 63);
    case 3:
        return otel_double(some_double(source));
    case 4:
        return some_bytes(source);
    case 5:
        return some_array(source);
    case 6:
        return roundtrip_one_in(source, 2) ? otel_none() : some_nested(source);
    default:
        text = roundtrip_some_text(source);
        return otel_stringn(text.ptr, text.len);
    }
}

static otel_value some_value(struct roundtrip_source *source) {
    return roundtrip_one_in(source, 40) ? some_nonsense(source) : sound_value(source);
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

otel_attrs roundtrip_some_attributes(struct roundtrip_source *source, size_t most, bool one_good) {
    size_t count = roundtrip_below(source, most + 1) + one_good;
    otel_attr *items = roundtrip_make(source->pool, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        bool strange = roundtrip_one_in(source, 20) && !(one_good && i == 0);
        items[i].key = strange ? strange_key(source) : usual_key(source);
        items[i].value = one_good && i == 0 ? sound_value(source) : some_value(source);
    }
    return (otel_attrs){ count > 0 || roundtrip_one_in(source, 2) ? items : NULL, count };
}

otel_attrs roundtrip_many_attributes(struct roundtrip_source *source) {
    size_t count = 120 + roundtrip_below(source, 31);
    otel_attr *items = roundtrip_make(source->pool, count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (otel_attr){ numbered_key(source, "many.%zu", i), otel_int((int64_t)i) };
    return (otel_attrs){ items, count };
}

otel_attrs roundtrip_sound_attributes(struct roundtrip_source *source, size_t most) {
    struct roundtrip_source modest = *source;
    modest.plain = true;
    size_t count = roundtrip_below(&modest, most + 1);
    otel_attr *items = roundtrip_make(source->pool, count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (otel_attr){ usual_key(&modest), sound_value(&modest) };
    source->state = modest.state;
    return (otel_attrs){ items, count };
}

/* ---- tracers ----------------------------------------------------------------------------------------------------- */

void roundtrip_make_tracers(struct roundtrip_source *source, struct roundtrip_tracer tracers[ROUNDTRIP_TRACERS]) {
    otel_attr pair[2] = { OTEL_ATTR("region", "north"), OTEL_ATTR("shards", 3) };
    otel_attr *straight = roundtrip_make(source->pool, sizeof pair);
    otel_attr *reversed = roundtrip_make(source->pool, sizeof pair);
    memcpy(straight, pair, sizeof pair);
    reversed[0] = pair[1];
    reversed[1] = pair[0];
    otel_attr *keyless = roundtrip_make(source->pool, sizeof pair);
    keyless[0] = OTEL_ATTR("", "lost");
    keyless[1] = pair[0];
    const otel_attrs one = { straight, 1 }, both = { straight, 2 }, turned = { reversed, 2 };
    const char *url = "https://example.test/schemas/1.0";
    const struct roundtrip_tracer all[ROUNDTRIP_TRACERS] = {
        { { .name = "plain" }, 0 },
        { { .name = "plain", .version = "1.2.3" }, 1 },
        { { .name = "plain", .version = "1.2.3", .schema_url = url }, 2 },
        { { .name = "plain", .version = "1.2.3", .attributes = one }, 3 },
        { { .name = "plain", .version = "1.2.3", .attributes = both }, 4 },
        { { .name = "plain", .version = "1.2.3", .attributes = turned }, 4 },
        { { .name = "random", .attributes = roundtrip_sound_attributes(source, 6) }, 5 },
        { { .name = NULL, .version = "" }, 6 },
        { { .name = "", .schema_url = "" }, 6 },
        { { .name = "not \xff utf-8", .version = "\xc3", .schema_url = "\xe2\x82" }, 7 },
        { { .name = "not \xfe utf-8", .version = "\xc4", .schema_url = "\xe3\x82" }, 7 },
        { { .name = "keyless", .attributes = { keyless, 2 } }, 8 },
    };
    memcpy(tracers, all, sizeof all);
}
