/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_family.h - which metrics are shown under which name.
 *
 * DESIGN. Prometheus knows families: all series of one name, with one type and one text of help. Metrics of several
 * scopes may make up one. A family's samples have names of their own (x_total, x_bucket, x_sum, ...), and no two families
 * may have one in common, in either format: so each family claims its names, and a metric that would need a name that
 * was claimed before is left out. What is shown does not depend on the format that was asked for.
 */
#ifndef OTEL_PROMETHEUS_FAMILY_H
#define OTEL_PROMETHEUS_FAMILY_H

#include <otel/metric_exporter.h>

enum otel__prometheus_type {
    OTEL__PROMETHEUS_COUNTER,
    OTEL__PROMETHEUS_GAUGE,
    OTEL__PROMETHEUS_HISTOGRAM,
    OTEL__PROMETHEUS_INFO
};

struct otel__family {
    otel_str name, unit; /* without _total; the unit in words, empty where it does not end the name */
    otel_str help;       /* of the first metric that has some */
    enum otel__prometheus_type type;
    size_t first, last; /* of its metrics: indices of `next`; SIZE_MAX: there are none */
    char *memory;
};

struct otel__claim {
    uint64_t hash; /* 0: the place is free */
    size_t family;
    const char *suffix;
};

struct otel__families {
    struct otel__family *items; /* by name */
    size_t count;
    size_t *next; /* for each metric, the next one of its family; SIZE_MAX: none */
    struct otel__claim *claims;
    size_t claim_mask;
};

/* What is wrong with a metric. */
enum otel__family_problem {
    OTEL__FAMILY_NAME_TAKEN, /* it is left out: a family of another type has its name, or one of its samples' */
    OTEL__FAMILY_OTHER_HELP  /* its description is: the first one counts */
};
typedef void otel__family_report(void *data, const otel_metric_data *metric, enum otel__family_problem problem);

/*
 * Sorts metrics into families; with `target_info`, its names are taken. Deltas, for which Prometheus has no form, are in
 * none. False: memory was short. The texts of help are those of the metrics.
 */
bool otel__families_make(struct otel__families *families, const otel_metrics_data *metrics, bool target_info,
                         otel__family_report *report, void *data);
void otel__families_free(struct otel__families *families);

#endif
