/* SPDX-License-Identifier: Apache-2.0 */
/* exemplar.c - see exemplar.h. */
#include "metrics/exemplar.h"

#include "base/clock.h"
#include "metrics/aggregation.h"
#include "metrics/attribute_set.h"
#include "metrics/cells.h"
#include "value_copy.h"

#include <string.h>

struct otel__exemplar {
    otel__lock busy; /* only ever tried */
    bool there;
    uint64_t time, value;
    uint64_t ids[3]; /* trace, span */
    otel_attrs attributes;
};

/* Attributes lie behind, where a view may take some away. */
static size_t place_size(const struct otel__stream *stream) {
    return sizeof(struct otel__exemplar) + (otel__view_filters(stream->view) ? OTEL__EXEMPLAR_BYTES : 0);
}

uint32_t otel__exemplar_places(const struct otel__stream *stream) {
    return stream->type == OTEL_METRIC_HISTOGRAM ? stream->bound_count + 1 : 1;
}

static struct otel__exemplar *at(const struct otel__series *series, struct otel__exemplar *first, uint32_t place) {
    return (struct otel__exemplar *)(void *)((char *)first + place * place_size(series->stream));
}

/* NULL: no room, or somebody else makes something just now. */
static struct otel__exemplar *make_places(struct otel__series *series) {
    if (!otel__lock_try(&otel__metrics_shared->lock))
        return NULL;
    struct otel__exemplar *first = atomic_load(&series->exemplars);
    if (!first) {
        first = otel__cells_take(otel__exemplar_places(series->stream) * place_size(series->stream));
        atomic_store_explicit(&series->exemplars, first, memory_order_release);
    }
    otel__lock_release(&otel__metrics_shared->lock);
    return first;
}

/* Those that the view does not keep. */
static otel_attrs copy_taken(const struct otel__view *view, otel_attrs attributes, char *room) {
    otel_attr taken[OTEL__SET_MAX];
    const size_t given = otel__set_given(attributes);
    size_t count = 0;
    for (size_t i = 0; i < given && count < OTEL__SET_MAX; i++)
        if (otel__set_takes(&attributes.items[i]) && !otel__view_keeps(view, attributes.items[i].key))
            taken[count++] = attributes.items[i];
    const otel_attrs list = { taken, count };
    return otel__attrs_copy_size(list) <= OTEL__EXEMPLAR_BYTES ? otel__attrs_copy(list, &room)
                                                               : (otel_attrs){ NULL, 0 };
}

void otel__exemplar_offer_(struct otel__series *series, otel_number number, otel_attrs attributes,
                           const otel_context *context) {
    const struct otel__stream *stream = series->stream;
    struct otel__exemplar *first = atomic_load_explicit(&series->exemplars, memory_order_acquire);
    if (!first && !(first = make_places(series)))
        return;
    const uint32_t place = stream->type == OTEL_METRIC_HISTOGRAM ? otel__bucket_of(stream, number.d) : 0;
    struct otel__exemplar *exemplar = at(series, first, place);
    if (!otel__lock_try(&exemplar->busy))
        return;
    exemplar->time = otel__clock_wall();
    exemplar->value = (uint64_t)number.i;
    exemplar->ids[0] = context->opaque_[OTEL__W_TRACE];
    exemplar->ids[1] = context->opaque_[OTEL__W_TRACE + 1];
    exemplar->ids[2] = context->opaque_[OTEL__W_SPAN];
    exemplar->there = (exemplar->ids[0] | exemplar->ids[1]) != 0;
    if (otel__view_filters(stream->view))
        exemplar->attributes = copy_taken(stream->view, attributes, (char *)(exemplar + 1));
    otel__lock_release(&exemplar->busy);
}

bool otel__exemplar_read(const struct otel__series *series, uint32_t place, otel_exemplar_data *out, char *room) {
    struct otel__exemplar *first = atomic_load_explicit(&series->exemplars, memory_order_acquire);
    struct otel__exemplar *exemplar = first ? at(series, first, place) : NULL;
    if (!exemplar || !otel__lock_try(&exemplar->busy))
        return false;
    const bool there = exemplar->there;
    if (there) {
        out->value.i = (int64_t)exemplar->value;
        out->time = exemplar->time;
        memcpy(out->trace_id, exemplar->ids, 16);
        memcpy(out->span_id, &exemplar->ids[2], 8);
        out->attributes = otel__attrs_copy(exemplar->attributes, &room);
    }
    otel__lock_release(&exemplar->busy);
    return there;
}
