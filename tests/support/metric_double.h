/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric_double.h - an exporter of metrics and a reader that is asked, which keep copies of what they get, and looking at
 * these.
 *
 * A zeroed double succeeds at everything at once, and wants cumulative numbers. It belongs to the test and must outlive
 * what is made from it, so let it be static. What it got last may be looked at when no export runs.
 */
#ifndef OTEL_TEST_METRIC_DOUBLE_H
#define OTEL_TEST_METRIC_DOUBLE_H

#include <otel/sdk.h>
#include <stdatomic.h>

enum { METRIC_POINTS = 4096, METRIC_BUCKETS = 32, METRIC_TEXT = 256, METRIC_EXEMPLARS = 16 };

/* A point, with what there is to be known of its metric. Attributes are text: `a=1,b="x",c=true`, sorted by key. */
struct metric_point {
    char scope[64], name[80], unit[32], description[80], attributes[METRIC_TEXT];
    otel_metric_type type;
    otel_temporality temporality;
    bool monotonic, doubles;
    uint64_t start_time, time;
    double number; /* of a sum or gauge, whatever its type */
    int64_t integer;
    uint64_t count;
    double sum, min, max;
    size_t bound_count;
    double bounds[METRIC_BUCKETS];
    uint64_t buckets[METRIC_BUCKETS];
    size_t exemplar_count;
    struct {
        double number;
        uint64_t time;
        uint8_t trace_id[16], span_id[8];
        char attributes[METRIC_TEXT];
    } exemplars[METRIC_EXEMPLARS];
};

struct metric_double {
    /* To be set before it is made. */
    bool deltas; /* wants deltas of all but up-down counters */
    void (*during)(struct metric_double *me, const otel_metrics_data *metrics);

    /* To be changed at any time. */
    _Atomic int export_status, flush_status, shutdown_status;
    _Atomic bool hold; /* exports wait until this is false, or they are cancelled */
    _Atomic bool ignores_cancel;

    /* What happened. */
    _Atomic unsigned exports, flushes, shutdowns, destroys, cancels, held;
    _Atomic unsigned forks_before, forks_parent, forks_child;
    _Atomic unsigned starts, stops; /* of a reader that is asked */
    _Atomic unsigned overlaps, late;
    _Atomic unsigned inside;
    _Atomic bool cancelled;
    _Atomic int timeout, thread;
    _Atomic int start_status;
    otel_metric_source *_Atomic source; /* of a reader that is asked, while it may be asked */
    /* What the last export, or the last time that it was asked, found. */
    size_t metric_count, point_count;
    struct metric_point *points;
};

otel_metric_exporter *metric_double_exporter(struct metric_double *me);
/* A periodic reader with such an exporter; by default it reads when flushed only. */
otel_metric_reader *metric_double_periodic(struct metric_double *me, int interval_ms);
otel_metric_reader *metric_double_pull(struct metric_double *me);
/* Asks; keeps what it gets. Of a double made by metric_double_pull(), while an SDK runs. */
otel_status metric_double_read(struct metric_double *me);
/* Keeps a copy, as an export does. */
void metric_double_keep(struct metric_double *me, const otel_metrics_data *metrics);
/* As if it had never been used. Not while what was made from it lives. */
void metric_double_reset(struct metric_double *me);

/* The point of this name and these attributes (as text); NULL: there is none. The first of several. */
const struct metric_point *metric_find(const struct metric_double *me, const char *name, const char *attributes);
/* How many points of this name there are; NULL: of all. */
size_t metric_count(const struct metric_double *me, const char *name);
/* Prints all that it got, for a test that fails. */
void metric_print(const struct metric_double *me);

/* For cmocka: there is such a point, and it has this number. Returns it. */
const struct metric_point *metric_expect(const struct metric_double *me, const char *name, const char *attributes,
                                         double number, const char *file, int line);
#define assert_metric(me, name, attributes, number)                                                                    \
    metric_expect((me), (name), (attributes), (double)(number), __FILE__, __LINE__)
/* There is such a point, of a histogram with this count and sum. */
const struct metric_point *metric_expect_histogram(const struct metric_double *me, const char *name,
                                                   const char *attributes, uint64_t count, double sum, const char *file,
                                                   int line);
#define assert_histogram(me, name, attributes, count, sum)                                                             \
    metric_expect_histogram((me), (name), (attributes), (count), (sum), __FILE__, __LINE__)

#endif
