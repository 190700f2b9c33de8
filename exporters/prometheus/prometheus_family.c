/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_family.c - see prometheus_family.h. */
#include "prometheus/prometheus_family.h"

#include "base/str.h"
#include "prometheus/prometheus_name.h"

#include <stdlib.h>

/* What a family's samples are called: its name with one of these. The name itself is taken by every family. */
static const char *const suffixes[][5] = {
    [OTEL__PROMETHEUS_COUNTER] = { "", "_total", "_created", NULL },
    [OTEL__PROMETHEUS_GAUGE] = { "", NULL },
    [OTEL__PROMETHEUS_HISTOGRAM] = { "", "_bucket", "_sum", "_count", "_created" },
    [OTEL__PROMETHEUS_INFO] = { "", "_info", NULL },
};
enum { SUFFIXES = sizeof suffixes[0] / sizeof *suffixes[0] };

static uint64_t hash_more(uint64_t hash, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_of(otel_str name, const char *suffix) {
    const uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), name.ptr, name.len);
    return hash_more(hash, suffix, strlen(suffix)) | 1;
}

static char char_at(otel_str name, const char *suffix, size_t i) {
    return i < name.len ? name.ptr[i] : suffix[i - name.len];
}

static bool same(otel_str a, const char *a_suffix, otel_str b, const char *b_suffix) {
    const size_t len = a.len + strlen(a_suffix);
    if (len != b.len + strlen(b_suffix))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (char_at(a, a_suffix, i) != char_at(b, b_suffix, i))
            return false;
    }
    return true;
}

/* The claim of that name, or the free place for it. */
static struct otel__claim *find(const struct otel__families *families, otel_str name, const char *suffix) {
    const uint64_t hash = hash_of(name, suffix);
    for (size_t i = hash & families->claim_mask;; i = (i + 1) & families->claim_mask) {
        struct otel__claim *claim = &families->claims[i];
        if (claim->hash == 0 ||
            (claim->hash == hash && same(families->items[claim->family].name, claim->suffix, name, suffix)))
            return claim;
    }
}

static bool may_claim(const struct otel__families *families, const struct otel__family *family) {
    for (size_t i = 0; i < SUFFIXES && suffixes[family->type][i]; i++) {
        if (find(families, family->name, suffixes[family->type][i])->hash)
            return false;
    }
    return true;
}

/* Adds a family, with all its names. */
static void claim_names(struct otel__families *families, const struct otel__family *family) {
    families->items[families->count] = *family;
    for (size_t i = 0; i < SUFFIXES && suffixes[family->type][i]; i++) {
        const char *suffix = suffixes[family->type][i];
        *find(families, family->name, suffix) =
            (struct otel__claim){ hash_of(family->name, suffix), families->count, suffix };
    }
    families->count++;
}

static enum otel__prometheus_type type_of(const otel_metric_data *metric) {
    if (metric->type == OTEL_METRIC_HISTOGRAM)
        return OTEL__PROMETHEUS_HISTOGRAM;
    return metric->type == OTEL_METRIC_SUM && metric->monotonic ? OTEL__PROMETHEUS_COUNTER : OTEL__PROMETHEUS_GAUGE;
}

/* Whether the name ends in the words of the unit, as OpenMetrics wants it where a unit is given. */
static bool is_unit_of(otel_str name, otel_str unit) {
    return unit.len > 0 && name.len > unit.len + 1 && name.ptr[name.len - unit.len - 1] == '_' &&
           memcmp(name.ptr + name.len - unit.len, unit.ptr, unit.len) == 0;
}

/* The family that the metric would be of. False: memory is short. */
static bool describe(struct otel__family *family, const otel_metric_data *metric) {
    struct otel__line line = { 0 };
    *family = (struct otel__family){
        .type = type_of(metric), .help = metric->description, .first = SIZE_MAX, .last = SIZE_MAX
    };
    otel__prometheus_unit(&line, metric->unit, metric->type == OTEL_METRIC_GAUGE);
    const size_t unit_len = line.len;
    /* The name is written behind the unit, which must not move meanwhile. */
    char *unit = malloc(unit_len + 1);
    if (unit && unit_len)
        memcpy(unit, line.text, unit_len);
    if (unit && !line.cut)
        otel__prometheus_family_name(&line, metric->name, otel_strn(unit, unit_len),
                                     family->type == OTEL__PROMETHEUS_COUNTER);
    const bool made = unit && !line.cut;
    free(unit);
    if (!made) {
        otel__line_free(&line);
        return false;
    }
    family->memory = line.text;
    family->name = otel_strn(line.text + unit_len, line.len - unit_len);
    family->unit = otel_strn(line.text, unit_len);
    if (!is_unit_of(family->name, family->unit))
        family->unit.len = 0;
    return true;
}

static void append(struct otel__families *families, struct otel__family *family, size_t metric) {
    families->next[metric] = SIZE_MAX;
    if (family->first == SIZE_MAX)
        family->first = metric;
    else
        families->next[family->last] = metric;
    family->last = metric;
}

/* What the metric of this description is added to; NULL: nothing, its name is taken. Takes the description's memory over. */
static struct otel__family *place(struct otel__families *families, struct otel__family *described) {
    const struct otel__claim *claim = find(families, described->name, "");
    if (claim->hash == 0 && may_claim(families, described)) {
        claim_names(families, described);
        return &families->items[families->count - 1];
    }
    struct otel__family *known = claim->hash ? &families->items[claim->family] : NULL;
    const bool fits = known && known->type == described->type && !*claim->suffix;
    free(described->memory);
    return fits ? known : NULL;
}

static bool add(struct otel__families *families, const otel_metrics_data *metrics, size_t i,
                otel__family_report *report, void *data) {
    const otel_metric_data *metric = &metrics->metrics[i];
    struct otel__family described;
    if (metric->type != OTEL_METRIC_GAUGE && metric->temporality != OTEL_TEMPORALITY_CUMULATIVE)
        return true;
    if (!describe(&described, metric))
        return false;
    struct otel__family *family = place(families, &described);
    if (!family) {
        report(data, metric, OTEL__FAMILY_NAME_TAKEN);
        return true;
    }
    if (family->help.len == 0)
        family->help = metric->description;
    else if (metric->description.len > 0 && !otel__str_same(family->help, metric->description))
        report(data, metric, OTEL__FAMILY_OTHER_HELP);
    append(families, family, i);
    return true;
}

static int by_name(const void *one, const void *other) {
    const otel_str a = ((const struct otel__family *)one)->name, b = ((const struct otel__family *)other)->name;
    const int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool allocate(struct otel__families *families, size_t metrics) {
    size_t places = 16;
    while (places < 2 * SUFFIXES * (metrics + 1)) /* half of them stay free */
        places *= 2;
    *families = (struct otel__families){ .claim_mask = places - 1 };
    families->items = calloc(metrics + 1, sizeof *families->items);
    families->next = calloc(metrics + 1, sizeof *families->next);
    families->claims = calloc(places, sizeof *families->claims);
    return families->items && families->next && families->claims;
}

bool otel__families_make(struct otel__families *families, const otel_metrics_data *metrics, bool target_info,
                         otel__family_report *report, void *data) {
    bool made = allocate(families, metrics->metric_count);
    if (made && target_info)
        claim_names(families, &(struct otel__family){ .name = otel_cstr("target"),
                                                      .type = OTEL__PROMETHEUS_INFO,
                                                      .first = SIZE_MAX,
                                                      .last = SIZE_MAX });
    for (size_t i = 0; i < metrics->metric_count && made; i++)
        made = add(families, metrics, i, report, data);
    if (!made)
        otel__families_free(families);
    else
        qsort(families->items, families->count, sizeof *families->items, by_name);
    return made;
}

void otel__families_free(struct otel__families *families) {
    for (size_t i = 0; i < families->count; i++)
        free(families->items[i].memory);
    free(families->items);
    free(families->next);
    free(families->claims);
    *families = (struct otel__families){ 0 };
}
