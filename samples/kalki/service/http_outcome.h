/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_outcome.h - what a span says of an HTTP answer, whichever side it is of.
 */
#ifndef KALKI_HTTP_OUTCOME_H
#define KALKI_HTTP_OUTCOME_H

#include <otel/trace.h>

/** Sets the status; the span is an error from `fails_from` on: 400 for a client, 500 for a server. */
void http_outcome_set(const otel_span *span, unsigned status, unsigned fails_from);

#endif
