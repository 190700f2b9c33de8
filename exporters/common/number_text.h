/* SPDX-License-Identifier: Apache-2.0 */
/* number_text.h - doubles as text. */
#ifndef OTEL_EXPORTERS_NUMBER_TEXT_H
#define OTEL_EXPORTERS_NUMBER_TEXT_H

enum { OTEL__NUMBER_TEXT = 64 };

/*
 * As a C program would write it, with a point in any locale, and with as many digits as it takes to read the same
 * number back; or NaN, Infinity, -Infinity.
 */
void otel__number_text(double value, char out[OTEL__NUMBER_TEXT]);

#endif
