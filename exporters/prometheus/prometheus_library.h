/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_library.h - what libotel-sdk and libotel-prometheus agree on.
 *
 * DESIGN. otel_prometheus_reader() is libotel-sdk's: it settles the options by code, environment and defaults, and finds
 * `otel__prometheus_library` in the program, if that is linked with libotel-prometheus, or loads the library by its name
 * (sdk/src/autoconfigure_prometheus.c). The two may come from different builds: a change of anything below goes with
 * another OTEL__PROMETHEUS_ABI, except that `abi` stays the first member for ever.
 */
#ifndef OTEL_PROMETHEUS_LIBRARY_H
#define OTEL_PROMETHEUS_LIBRARY_H

#include <otel/prometheus.h>

enum { OTEL__PROMETHEUS_ABI = 1 };

struct otel__prometheus_library {
    unsigned abi; /* OTEL__PROMETHEUS_ABI when it was compiled; nothing else may be read when that differs */
    /* otel_pull_reader_create(): a program that has the SDK in it twice would find another one here. */
    otel_metric_reader *(*sdk)(const otel_pull_reader_ops *ops, void *self);
    /* Of options that are settled: `port` OTEL_PROMETHEUS_ANY_PORT or 1-65535; `error` is not NULL, and the option not used. */
    otel_metric_reader *(*reader)(const otel_prometheus_options *options, otel_error *error);
    int (*port)(const otel_metric_reader *reader);
};

#endif
