/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_labels.h - a series' labels (specification: compatibility/prometheus_and_openmetrics.md, Metric Attributes).
 *
 *     otel__labels_begin(&labels);
 *     otel__labels_add(&labels, "otel_scope_", otel_cstr("name"), otel_string("cart"));
 *     otel__labels_add_all(&labels, "", point->attributes);
 *     otel_str text = otel__labels_text(&labels); // a="1",otel_scope_name="cart"
 *
 * The text is the same for the same labels, whatever they were called before. Labels without text, which mean the same as
 * none, are left out; where two attributes become the same label their values are joined by `;`.
 */
#ifndef OTEL_PROMETHEUS_LABELS_H
#define OTEL_PROMETHEUS_LABELS_H

#include "prometheus/page.h"
#include "common/line.h"

struct otel__label {
    size_t name, name_len; /* where it stands in `names` */
    otel_value value;      /* borrowed */
    size_t order;          /* in which it was added */
};

/* Zero-initialised: empty. Kept from one series to the next. One thread at a time. */
struct otel__labels {
    struct otel__label *items;
    size_t count, capacity;
    struct otel__line names, value;
    struct otel__page text;
    const char *reserved; /* a label that the format needs: an attribute of that name becomes exported_...; or NULL */
    bool failed;          /* memory was short: stays so */
};

void otel__labels_begin(struct otel__labels *labels);
/* For the name see otel__prometheus_label_name(). Values are borrowed until the text is made. */
void otel__labels_add(struct otel__labels *labels, const char *prefix, otel_str key, otel_value value);
void otel__labels_add_all(struct otel__labels *labels, const char *prefix, otel_attrs attributes);
/* What was added since the beginning, sorted; valid until the next call. */
otel_str otel__labels_text(struct otel__labels *labels);
void otel__labels_free(struct otel__labels *labels);

#endif
