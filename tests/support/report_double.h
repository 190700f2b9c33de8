/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_double.h - collects what the library reports, in place of stderr.
 */
#ifndef REPORT_DOUBLE_H
#define REPORT_DOUBLE_H

#include <otel/status.h>
#include <stdbool.h>
#include <stddef.h>

/* Begins anew: every kind of report is told again. Reports of `threshold` and above are collected. */
void report_double_start(otel_log_level threshold);
void report_double_stop(void);

size_t report_double_count(void);
/* The n-th report, from 0; "" past the last. Valid until the next start. */
const char *report_double_text(size_t index);
otel_log_level report_double_level(size_t index);
/* Whether any report of this level holds `text`. */
bool report_double_has(otel_log_level level, const char *text);

#endif
