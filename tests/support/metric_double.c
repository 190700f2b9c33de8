/* SPDX-License-Identifier: Apache-2.0 */
/* metric_double.c - see metric_double.h. */
#include "metric_double.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- keeping ------------------------------------------------------------------------------------------------------ */

static void keep_text(char *to, size_t size, otel_str text) {
    snprintf(to, size, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

static int print_value(char *to, size_t size, const otel_value *value) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
        return snprintf(to, size, "\"%.*s\"", (int)value->len, (const char *)value->u.p);
    case OTEL_TYPE_BOOL:
        return snprintf(to, size, "%s", value->u.i ? "true" : "false");
    case OTEL_TYPE_INT:
        return snprintf(to, size, "%lld", (long long)value->u.i);
    case OTEL_TYPE_DOUBLE:
        return snprintf(to, size, "%g", value->u.d);
    default:
        return snprintf(to, size, "(type %d, %zu)", (int)value->type, value->len);
    }
}

static void keep_attributes(char *to, size_t size, otel_attrs attributes) {
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < attributes.count && used < size; i++) {
        const otel_attr *attribute = &attributes.items[i];
        used += (size_t)snprintf(to + used, size - used, "%s%.*s=", i ? "," : "", (int)attribute->key.len,
                                 attribute->key.ptr);
        if (used < size)
            used += (size_t)print_value(to + used, size - used, &attribute->value);
    }
}

static double number_of(const otel_metric_data *metric, otel_number number) {
    return metric->doubles ? number.d : (double)number.i;
}

static void keep_exemplars(struct metric_point *kept, const otel_metric_data *metric, const otel_point_data *point) {
    kept->exemplar_count = point->exemplar_count;
    for (size_t i = 0; i < point->exemplar_count && i < METRIC_EXEMPLARS; i++) {
        const otel_exemplar_data *exemplar = &point->exemplars[i];
        kept->exemplars[i].number = number_of(metric, exemplar->value);
        kept->exemplars[i].time = exemplar->time;
        memcpy(kept->exemplars[i].trace_id, exemplar->trace_id, 16);
        memcpy(kept->exemplars[i].span_id, exemplar->span_id, 8);
        keep_attributes(kept->exemplars[i].attributes, METRIC_TEXT, exemplar->attributes);
    }
}

static void keep_point(struct metric_point *kept, const otel_metric_data *metric, const otel_point_data *point) {
    memset(kept, 0, sizeof *kept);
    keep_text(kept->scope, sizeof kept->scope, metric->scope->name);
    keep_text(kept->name, sizeof kept->name, metric->name);
    keep_text(kept->unit, sizeof kept->unit, metric->unit);
    keep_text(kept->description, sizeof kept->description, metric->description);
    keep_attributes(kept->attributes, sizeof kept->attributes, point->attributes);
    kept->type = metric->type;
    kept->temporality = metric->temporality;
    kept->monotonic = metric->monotonic;
    kept->doubles = metric->doubles;
    kept->start_time = point->start_time;
    kept->time = point->time;
    kept->number = number_of(metric, point->value);
    kept->integer = point->value.i;
    kept->count = point->count;
    kept->sum = point->sum;
    kept->min = point->min;
    kept->max = point->max;
    kept->bound_count = metric->bound_count;
    for (size_t i = 0; i < metric->bound_count && i < METRIC_BUCKETS; i++)
        kept->bounds[i] = metric->bounds[i];
    for (size_t i = 0; metric->type == OTEL_METRIC_HISTOGRAM && i <= metric->bound_count && i < METRIC_BUCKETS; i++)
        kept->buckets[i] = point->buckets[i];
    keep_exemplars(kept, metric, point);
}

void metric_double_keep(struct metric_double *me, const otel_metrics_data *metrics) {
    if (!me->points)
        me->points = malloc(METRIC_POINTS * sizeof *me->points);
    if (!me->points)
        abort();
    me->metric_count = metrics->metric_count;
    me->point_count = 0;
    for (size_t i = 0; i < metrics->metric_count; i++)
        for (size_t j = 0; j < metrics->metrics[i].point_count && me->point_count < METRIC_POINTS; j++)
            keep_point(&me->points[me->point_count++], &metrics->metrics[i], &metrics->metrics[i].points[j]);
}

/* ---- the exporter ------------------------------------------------------------------------------------------------- */

static void enter(struct metric_double *me) {
    if (atomic_fetch_add(&me->inside, 1) != 0)
        atomic_fetch_add(&me->overlaps, 1);
    if (atomic_load(&me->shutdowns))
        atomic_fetch_add(&me->late, 1);
}

static otel_status leave(struct metric_double *me, int status) {
    atomic_fetch_sub(&me->inside, 1);
    return (otel_status)status;
}

static void wait_while_held(struct metric_double *me) {
    const struct timespec pause = { .tv_nsec = 1000000 };
    atomic_fetch_add(&me->held, 1);
    while (atomic_load(&me->hold) && (!atomic_load(&me->cancelled) || atomic_load(&me->ignores_cancel)))
        nanosleep(&pause, NULL);
}

static otel_temporality temporality(void *self, otel_instrument_kind kind) {
    const struct metric_double *me = self;
    const bool up_down = kind == OTEL_INSTRUMENT_UP_DOWN_COUNTER || kind == OTEL_INSTRUMENT_OBSERVABLE_UP_DOWN_COUNTER;
    return me->deltas && !up_down ? OTEL_TEMPORALITY_DELTA : OTEL_TEMPORALITY_CUMULATIVE;
}

static otel_status export_metrics(void *self, const otel_metrics_data *metrics, int timeout_ms) {
    struct metric_double *me = self;
    enter(me);
    atomic_store(&me->timeout, timeout_ms);
    atomic_store(&me->thread, (int)gettid());
    metric_double_keep(me, metrics);
    if (me->during)
        me->during(me, metrics);
    if (atomic_load(&me->hold))
        wait_while_held(me);
    atomic_fetch_add(&me->exports, 1);
    return leave(me, atomic_load(&me->cancelled) ? OTEL_ERR_EXPORT : atomic_load(&me->export_status));
}

static otel_status force_flush(void *self, int timeout_ms) {
    struct metric_double *me = self;
    (void)timeout_ms;
    enter(me);
    atomic_fetch_add(&me->flushes, 1);
    return leave(me, atomic_load(&me->flush_status));
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct metric_double *me = self;
    (void)timeout_ms;
    enter(me);
    atomic_fetch_add(&me->shutdowns, 1);
    return leave(me, atomic_load(&me->shutdown_status));
}

static void cancel(void *self) {
    struct metric_double *me = self;
    atomic_store(&me->cancelled, true);
    atomic_fetch_add(&me->cancels, 1);
}

static void before_fork(void *self) { atomic_fetch_add(&((struct metric_double *)self)->forks_before, 1); }

static void after_fork(void *self, bool in_child) {
    struct metric_double *me = self;
    atomic_fetch_add(in_child ? &me->forks_child : &me->forks_parent, 1);
    if (in_child)
        atomic_store(&me->inside, 0);
}

static void destroy(void *self) { atomic_fetch_add(&((struct metric_double *)self)->destroys, 1); }

otel_metric_exporter *metric_double_exporter(struct metric_double *me) {
    const otel_metric_exporter_ops ops = {
        .size = sizeof ops,
        .name = "double",
        .temporality = temporality,
        .export_metrics = export_metrics,
        .force_flush = force_flush,
        .shutdown = shut_down,
        .cancel = cancel,
        .before_fork = before_fork,
        .after_fork = after_fork,
        .destroy = destroy,
    };
    return otel_metric_exporter_create(&ops, me);
}

otel_metric_reader *metric_double_periodic(struct metric_double *me, int interval_ms) {
    const otel_periodic_options options = { .size = sizeof options,
                                            .interval_ms = interval_ms ? interval_ms : 3600 * 1000 };
    return otel_periodic_reader(&options, metric_double_exporter(me));
}

/* ---- being asked -------------------------------------------------------------------------------------------------- */

static otel_status start(void *self, otel_metric_source *source) {
    struct metric_double *me = self;
    atomic_store(&me->source, source);
    atomic_fetch_add(&me->starts, 1);
    return (otel_status)atomic_load(&me->start_status);
}

static void stop(void *self) {
    struct metric_double *me = self;
    atomic_store(&me->source, NULL);
    atomic_fetch_add(&me->stops, 1);
}

otel_metric_reader *metric_double_pull(struct metric_double *me) {
    const otel_pull_reader_ops ops = { .size = sizeof ops,
                                       .name = "double",
                                       .start = start,
                                       .stop = stop,
                                       .before_fork = before_fork,
                                       .after_fork = after_fork,
                                       .destroy = destroy };
    return otel_pull_reader_create(&ops, me);
}

static void visit(void *data, const otel_metrics_data *metrics) { metric_double_keep(data, metrics); }

otel_status metric_double_read(struct metric_double *me) {
    return otel_metric_source_read(atomic_load(&me->source), visit, me);
}

void metric_double_reset(struct metric_double *me) {
    free(me->points);
    memset(me, 0, sizeof *me);
}

/* ---- looking ------------------------------------------------------------------------------------------------------ */

const struct metric_point *metric_find(const struct metric_double *me, const char *name, const char *attributes) {
    for (size_t i = 0; i < me->point_count; i++)
        if (strcmp(me->points[i].name, name) == 0 && strcmp(me->points[i].attributes, attributes) == 0)
            return &me->points[i];
    return NULL;
}

size_t metric_count(const struct metric_double *me, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < me->point_count; i++)
        count += !name || strcmp(me->points[i].name, name) == 0;
    return count;
}

void metric_print(const struct metric_double *me) {
    for (size_t i = 0; i < me->point_count; i++) {
        const struct metric_point *point = &me->points[i];
        if (point->type == OTEL_METRIC_HISTOGRAM)
            print_message("  %s: %s{%s} count %llu sum %g min %g max %g\n", point->scope, point->name,
                          point->attributes, (unsigned long long)point->count, point->sum, point->min, point->max);
        else
            print_message("  %s: %s{%s} %g\n", point->scope, point->name, point->attributes, point->number);
    }
}

static const struct metric_point *find_or_fail(const struct metric_double *me, const char *name, const char *attributes,
                                               const char *file, int line) {
    const struct metric_point *point = metric_find(me, name, attributes);
    if (!point) {
        print_error("there is no %s{%s} among these %zu:\n", name, attributes, me->point_count);
        metric_print(me);
        _fail(file, line);
    }
    return point;
}

const struct metric_point *metric_expect(const struct metric_double *me, const char *name, const char *attributes,
                                         double number, const char *file, int line) {
    const struct metric_point *point = find_or_fail(me, name, attributes, file, line);
    if (fabs(point->number - number) > 0) {
        print_error("%s{%s} is %.17g, not %.17g\n", name, attributes, point->number, number);
        _fail(file, line);
    }
    return point;
}

const struct metric_point *metric_expect_histogram(const struct metric_double *me, const char *name,
                                                   const char *attributes, uint64_t count, double sum, const char *file,
                                                   int line) {
    const struct metric_point *point = find_or_fail(me, name, attributes, file, line);
    if (point->count != count || fabs(point->sum - sum) > 1e-9 * fabs(sum)) {
        print_error("%s{%s} has count %llu and sum %.17g, not %llu and %.17g\n", name, attributes,
                    (unsigned long long)point->count, point->sum, (unsigned long long)count, sum);
        _fail(file, line);
    }
    return point;
}
