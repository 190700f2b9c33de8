/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_name.c - see prometheus_name.h. */
#include "prometheus/prometheus_name.h"

#include "base/str.h"

struct word {
    const char *unit, *word;
};

static const struct word units[] = {
    { "d", "days" },          { "h", "hours" },         { "min", "minutes" },    { "s", "seconds" },
    { "ms", "milliseconds" }, { "us", "microseconds" }, { "ns", "nanoseconds" }, { "By", "bytes" },
    { "KiBy", "kibibytes" },  { "MiBy", "mebibytes" },  { "GiBy", "gibibytes" }, { "TiBy", "tibibytes" },
    { "KBy", "kilobytes" },   { "kBy", "kilobytes" },   { "MBy", "megabytes" },  { "GBy", "gigabytes" },
    { "TBy", "terabytes" },   { "bit", "bits" },        { "m", "meters" },       { "V", "volts" },
    { "A", "amperes" },       { "J", "joules" },        { "W", "watts" },        { "g", "grams" },
    { "Cel", "celsius" },     { "Hz", "hertz" },        { "%", "percent" },      { NULL, NULL },
};

/* Behind a slash. */
static const struct word per[] = {
    { "s", "second" }, { "min", "minute" }, { "h", "hour" },  { "d", "day" },   { "wk", "week" },
    { "mo", "month" }, { "a", "year" },     { "By", "byte" }, { "m", "meter" }, { NULL, NULL },
};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* One character of a name, or what stands for it; an underscore only once in a row. `from`: where the name begins. */
static void add_char(struct otel__line *out, size_t from, char c, bool colon) {
    const bool first = out->len == from;
    if (first && is_digit(c))
        otel__line_add(out, "_");
    if (!is_letter(c) && !is_digit(c) && !(colon && c == ':'))
        c = '_';
    if (c != '_' || first || out->text[out->len - 1] != '_')
        otel__line_bytes(out, &c, 1);
}

/* Goes on with the name that begins at `from`. */
static void add_sanitised(struct otel__line *out, size_t from, otel_str text, bool colon) {
    for (size_t i = 0; i < text.len && !out->cut; i++)
        add_char(out, from, text.ptr[i], colon);
    if (out->len == from)
        otel__line_add(out, "_");
}

void otel__prometheus_label_name(struct otel__line *out, const char *prefix, otel_str key) {
    const size_t from = out->len;
    otel__line_add(out, prefix);
    add_sanitised(out, from, key, false);
}

/* Without what stands in braces, which is a remark. */
static otel_str without_remark(otel_str text) {
    const char *brace = text.len ? memchr(text.ptr, '{', text.len) : NULL;
    return otel__str_trim(brace ? otel_strn(text.ptr, (size_t)(brace - text.ptr)) : text);
}

static void add_word(struct otel__line *out, const struct word *words, otel_str unit) {
    for (; words->unit; words++) {
        if (otel__str_same(unit, otel_cstr(words->unit))) {
            otel__line_add(out, words->word);
            return;
        }
    }
    const size_t from = out->len;
    add_sanitised(out, from, unit, false);
    while (out->len > from && out->text[out->len - 1] == '_')
        out->len--;
}

void otel__prometheus_unit(struct otel__line *out, otel_str unit, bool gauge) {
    const char *slash = unit.len ? memchr(unit.ptr, '/', unit.len) : NULL;
    const size_t over = slash ? (size_t)(slash - unit.ptr) : unit.len;
    const otel_str top = without_remark(otel_strn(unit.ptr, over));
    const otel_str below = slash ? without_remark(otel_strn(slash + 1, unit.len - over - 1)) : otel_strn(NULL, 0);
    const bool one = otel__str_same(top, otel_cstr("1"));
    if (one && gauge && !slash)
        otel__line_add(out, "ratio");
    else if (top.len > 0 && !one)
        add_word(out, units, top);
    if (below.len == 0)
        return;
    otel__line_add(out, out->len > 0 ? "_per_" : "per_");
    add_word(out, per, below);
}

static bool ends_with(const struct otel__line *line, size_t from, const char *end) {
    const size_t len = strlen(end);
    return line->len - from > len && memcmp(line->text + line->len - len, end, len) == 0;
}

/* Whether `words` stand in the name as a whole: between underscores, or at an end. */
static bool has_words(otel_str name, otel_str words) {
    for (size_t i = 0; i + words.len <= name.len; i++) {
        const bool begins = i == 0 || name.ptr[i - 1] == '_';
        const bool ends = i + words.len == name.len || name.ptr[i + words.len] == '_';
        if (begins && ends && memcmp(name.ptr + i, words.ptr, words.len) == 0)
            return true;
    }
    return false;
}

void otel__prometheus_family_name(struct otel__line *out, otel_str name, otel_str unit, bool counter) {
    const size_t from = out->len;
    add_sanitised(out, from, name, true);
    if (counter && ends_with(out, from, "_total"))
        out->len -= strlen("_total");
    if (unit.len == 0 || out->cut || has_words(otel_strn(out->text + from, out->len - from), unit))
        return;
    otel__line_add(out, out->text[out->len - 1] == '_' ? "" : "_");
    otel__line_bytes(out, unit.ptr, unit.len);
}
