/* SPDX-License-Identifier: Apache-2.0 */
/* negotiate.c - see negotiate.h. */
#include "prometheus/negotiate.h"

#include "base/str.h"

enum format { TEXT, TEXT_1, OPENMETRICS, OPENMETRICS_0, FORMATS };

/* Without and with `escaping`, which only those are told about who know of it. */
static const char *const content_types[FORMATS][2] = {
    [TEXT] = { "text/plain; version=0.0.4; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8" },
    [TEXT_1] = { "text/plain; version=1.0.0; charset=utf-8",
                 "text/plain; version=1.0.0; charset=utf-8; escaping=underscores" },
    [OPENMETRICS] = { "application/openmetrics-text; version=1.0.0; charset=utf-8",
                      "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores" },
    [OPENMETRICS_0] = { "application/openmetrics-text; version=0.0.1; charset=utf-8",
                        "application/openmetrics-text; version=0.0.1; charset=utf-8" },
};

/* One item of such a header. */
struct item {
    otel_str name, version;
    double weight;
    bool escaping;
};

static otel_str unquoted(otel_str text) {
    const bool quoted = text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';
    return quoted ? otel_strn(text.ptr + 1, text.len - 2) : text;
}

/* A weight that is none makes an item that asks for nothing. */
static double weight_of(otel_str text) {
    double weight = 0;
    return otel__str_to_double(text, &weight) && weight >= 0 && weight <= 1 ? weight : 0;
}

static void read_parameter(struct item *item, otel_str parameter) {
    otel_str name = { 0 };
    if (!otel__str_next(&parameter, '=', &name))
        return;
    name = otel__str_trim(name);
    const otel_str value = unquoted(otel__str_trim(parameter));
    if (otel__str_is(name, "q"))
        item->weight = weight_of(value);
    else if (otel__str_is(name, "version"))
        item->version = value;
    else if (otel__str_is(name, "escaping"))
        item->escaping = true;
}

static bool next_item(otel_str *rest, struct item *item) {
    otel_str text, parameter;
    if (!otel__str_next(rest, ',', &text))
        return false;
    *item = (struct item){ .weight = 1 };
    otel__str_next(&text, ';', &item->name);
    item->name = otel__str_trim(item->name);
    while (otel__str_next(&text, ';', &parameter))
        read_parameter(item, parameter);
    return true;
}

static bool has_version(const struct item *item, const char *version) {
    return otel__str_same(item->version, otel_cstr(version));
}

/* FORMATS: none of ours, or any. */
static enum format format_of(const struct item *item) {
    const bool any = item->version.len == 0;
    if (otel__str_is(item->name, "text/plain"))
        return any || has_version(item, "0.0.4") ? TEXT : has_version(item, "1.0.0") ? TEXT_1 : FORMATS;
    if (otel__str_is(item->name, "application/openmetrics-text"))
        return any || has_version(item, "1.0.0") ? OPENMETRICS : has_version(item, "0.0.1") ? OPENMETRICS_0 : FORMATS;
    return FORMATS;
}

/* What a name with a star stands for: the first one of ours that isn't refused. */
static enum format any_of(const struct item *item, const bool refused[FORMATS]) {
    const bool all = otel__str_is(item->name, "*/*");
    if ((all || otel__str_is(item->name, "text/*")) && !refused[TEXT])
        return TEXT;
    if ((all || otel__str_is(item->name, "application/*")) && !refused[OPENMETRICS])
        return OPENMETRICS;
    return FORMATS;
}

struct otel__answer_type otel__negotiate(const char *accept) {
    enum format best = TEXT;
    double weight = 0;
    bool escaping = false, refused[FORMATS + 1] = { false };
    struct item item;
    for (otel_str rest = otel_cstr(accept); next_item(&rest, &item);)
        refused[format_of(&item)] = item.weight <= 0;
    for (otel_str rest = otel_cstr(accept); next_item(&rest, &item);) {
        enum format format = format_of(&item);
        if (format == FORMATS)
            format = any_of(&item, refused);
        if (format == FORMATS || item.weight <= weight)
            continue;
        best = format;
        weight = item.weight;
        escaping = item.escaping;
    }
    return (struct otel__answer_type){ best >= OPENMETRICS, content_types[best][escaping] };
}

bool otel__accepts_gzip(const char *accept_encoding) {
    double gzip = -1, any = 0;
    struct item item;
    for (otel_str rest = otel_cstr(accept_encoding); next_item(&rest, &item);) {
        if (otel__str_is(item.name, "gzip") || otel__str_is(item.name, "x-gzip"))
            gzip = item.weight;
        else if (otel__str_is(item.name, "*"))
            any = item.weight;
    }
    return (gzip >= 0 ? gzip : any) > 0;
}
