/* SPDX-License-Identifier: Apache-2.0 */
/* negotiate.h - which form of an answer a request asks for (RFC 9110, Content Negotiation). */
#ifndef OTEL_PROMETHEUS_NEGOTIATE_H
#define OTEL_PROMETHEUS_NEGOTIATE_H

#include <stdbool.h>

struct otel__answer_type {
    bool openmetrics;
    const char *content_type; /* static */
};

/*
 * By the header Accept, which may be NULL. Of the formats that are wanted most the first one counts; who wants none of
 * ours gets Prometheus' text format 0.0.4, as who asks for nothing.
 */
struct otel__answer_type otel__negotiate(const char *accept);
/* By the header Accept-Encoding, which may be NULL. */
bool otel__accepts_gzip(const char *accept_encoding);

#endif
