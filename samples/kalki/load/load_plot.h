/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_plot.h - a load's percentiles as a picture (SVG): over time, and for each endpoint.
 */
#ifndef KALKI_LOAD_PLOT_H
#define KALKI_LOAD_PLOT_H

#include "load/load_report.h"

/** False: cannot be written. */
bool load_plot_write(const struct load_outcome *outcome, const char *path);

#endif
