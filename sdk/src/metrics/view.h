/* SPDX-License-Identifier: Apache-2.0 */
/* view.h - the SDK's copies of views (otel/metrics_sdk.h): which instruments they select, which attributes they keep. */
#ifndef OTEL_SDK_METRICS_VIEW_H
#define OTEL_SDK_METRICS_VIEW_H

#include <otel/sdk.h>

struct otel__view {
    otel_view is; /* whose text and lists are copies */
    struct otel__view *next;
};

/* Copies in the order of `views`. False, and nothing made: `error` says why. */
otel_status otel__views_copy(const otel_views *views, struct otel__view **out, otel_error *error);
void otel__views_free(struct otel__view *views);

/* Whether the bounds of a histogram can be used: finite, rising, and not too many. */
bool otel__bounds_valid(const double *bounds, size_t count);

/* `name` matches the pattern: `*` any text, `?` one character, ASCII letters in any case. */
bool otel__wildcard_matches(otel_str pattern, otel_str name);
bool otel__view_selects(const struct otel__view *view, const otel_instrument *instrument, const otel_scope_data *scope);
/* NULL: everything is kept. */
bool otel__view_keeps(const struct otel__view *view, otel_str key);
/* Whether the view may take attributes away. */
static inline bool otel__view_filters(const struct otel__view *view) {
    return view && (view->is.attribute_keys || view->is.excluded_keys);
}

#endif
