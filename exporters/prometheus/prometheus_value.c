/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_value.c - see prometheus_value.h. */
#include "prometheus/prometheus_value.h"

#include "base/str.h"
#include "base/utf8.h"
#include "common/number_text.h"
#include "common/value_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXEMPLAR_CHARACTERS = 128, TRACE_ID_TEXT = 33, SPAN_ID_TEXT = 17 };

void otel__prometheus_double(struct otel__page *page, double value) {
    char text[OTEL__NUMBER_TEXT];
    if (isinf(value)) {
        otel__page_text(page, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    otel__number_text(value, text);
    otel__page_text(page, text);
}

void otel__prometheus_count(struct otel__page *page, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    otel__page_text(page, text);
}

void otel__prometheus_number(struct otel__page *page, otel_number value, bool is_double) {
    char text[24];
    if (is_double) {
        otel__prometheus_double(page, value.d);
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, value.i);
    otel__page_text(page, text);
}

/* The digits of a positive number without zeros around them, and the power of ten of the first. */
static int take_apart(const char *text, char digits[OTEL__NUMBER_TEXT]) {
    int exponent = -1, len = 0;
    bool point = false;
    for (; *text && *text != 'e'; text++) {
        point = point || *text == '.';
        if (*text == '.')
            continue;
        if (len > 0 || *text != '0')
            digits[len++] = *text;
        exponent += !point && len > 0;
        exponent -= point && len == 0;
    }
    while (len > 0 && digits[len - 1] == '0')
        len--;
    digits[len] = '\0';
    return exponent + (*text ? (int)strtol(text + 1, NULL, 10) : 0);
}

static void with_exponent(struct otel__page *page, const char *digits, int exponent) {
    char text[16];
    otel__page_bytes(page, digits, 1);
    otel__page_text(page, digits[1] ? "." : "");
    otel__page_text(page, digits + 1);
    snprintf(text, sizeof text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    otel__page_text(page, text);
}

void otel__prometheus_bound(struct otel__page *page, double bound) {
    char text[OTEL__NUMBER_TEXT], digits[OTEL__NUMBER_TEXT] = "0";
    otel__number_text(fabs(bound), text);
    const int exponent = isfinite(bound) && bound != 0 ? take_apart(text, digits) : 0;
    if (exponent >= -4 && exponent < 6) { /* in which otel__number_text() writes no exponent */
        otel__prometheus_double(page, bound == 0 ? 0 : bound);
        return;
    }
    otel__page_text(page, bound < 0 ? "-" : "");
    with_exponent(page, digits, exponent);
}

static void to_hex(const uint8_t *bytes, size_t len, char *out) {
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static size_t characters(const char *text, size_t len) {
    size_t count = 0;
    for (size_t i = 0; i < len; count++) {
        const size_t size = otel__utf8_char(text + i, len - i);
        i += size ? size : 1;
    }
    return count;
}

/* The characters of name and value of one attribute; two that become the same label count as if they didn't. */
static size_t size_of(struct otel__labels *labels, const otel_attr *attribute) {
    otel__line_clear(&labels->value);
    otel__value_text(&labels->value, &attribute->value);
    /* A sanitised name may get one character more in front, but has none of several bytes. */
    return attribute->key.len + 1 + (labels->value.len ? characters(labels->value.text, labels->value.len) : 0);
}

static bool is_ours(otel_str key) {
    return otel__str_same(key, otel_cstr("trace_id")) || otel__str_same(key, otel_cstr("span_id"));
}

static size_t add_ids(struct otel__labels *labels, const otel_exemplar_data *exemplar, char trace_id[TRACE_ID_TEXT],
                      char span_id[SPAN_ID_TEXT]) {
    static const uint8_t none[sizeof exemplar->trace_id];
    if (memcmp(exemplar->trace_id, none, sizeof none) == 0)
        return 0;
    to_hex(exemplar->trace_id, sizeof exemplar->trace_id, trace_id);
    to_hex(exemplar->span_id, sizeof exemplar->span_id, span_id);
    otel__labels_add(labels, "", otel_cstr("trace_id"), otel_string(trace_id));
    otel__labels_add(labels, "", otel_cstr("span_id"), otel_string(span_id));
    return strlen("trace_id") + strlen(trace_id) + strlen("span_id") + strlen(span_id);
}

static void add_attributes(struct otel__labels *labels, otel_attrs attributes, size_t used) {
    for (size_t i = 0; i < attributes.count; i++) {
        const otel_attr *attribute = &attributes.items[i];
        const size_t size = size_of(labels, attribute);
        if (used + size > EXEMPLAR_CHARACTERS || is_ours(attribute->key))
            continue;
        otel__labels_add(labels, "", attribute->key, attribute->value);
        used += size;
    }
}

void otel__prometheus_exemplar(struct otel__page *page, struct otel__labels *labels, const otel_exemplar_data *exemplar,
                               bool is_double) {
    char trace_id[TRACE_ID_TEXT], span_id[SPAN_ID_TEXT], time[32];
    const uint64_t ms = exemplar->time / 1000000;
    otel__labels_begin(labels);
    add_attributes(labels, exemplar->attributes, add_ids(labels, exemplar, trace_id, span_id));
    otel__page_text(page, " # {");
    otel__page_str(page, otel__labels_text(labels));
    otel__page_text(page, "} ");
    otel__prometheus_number(page, exemplar->value, is_double);
    snprintf(time, sizeof time, " %" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    otel__page_text(page, time);
}

const otel_exemplar_data *otel__exemplar_of_counter(const otel_point_data *point) {
    const otel_exemplar_data *last = NULL;
    for (size_t i = 0; i < point->exemplar_count; i++) {
        if (!last || point->exemplars[i].time >= last->time)
            last = &point->exemplars[i];
    }
    return last;
}

const otel_exemplar_data *otel__exemplar_of_bucket(const otel_metric_data *metric, const otel_point_data *point,
                                                   size_t bucket) {
    const otel_exemplar_data *largest = NULL;
    for (size_t i = 0; i < point->exemplar_count; i++) {
        const otel_exemplar_data *exemplar = &point->exemplars[i];
        const double value = metric->doubles ? exemplar->value.d : (double)exemplar->value.i;
        const bool above = bucket == 0 || value > metric->bounds[bucket - 1];
        const bool below = bucket == metric->bound_count || value <= metric->bounds[bucket];
        if (above && below && (!largest || value > (metric->doubles ? largest->value.d : (double)largest->value.i)))
            largest = exemplar;
    }
    return largest;
}
