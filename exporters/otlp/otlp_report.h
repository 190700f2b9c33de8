/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_report.h - what only OTLP's answers tell people, beside common/export_report.h. */
#ifndef OTEL_OTLP_REPORT_H
#define OTEL_OTLP_REPORT_H

#include "common/export_report.h"
#include "common/http/http_client.h"

/* Of reports on OTLP, whichever the transport. */
#define OTEL__OTLP_KINDS                                                                                               \
    { "otlp.failure", "otlp.retry", "otlp.recovered", NULL }

/* The server refused `rejected` of `count` spans or data points, or just had something to say; neither: nothing is reported. */
void otel__otlp_report_partial(const struct otel__export_reporter *reporter, uint64_t rejected, size_t count,
                               const char *message);
/* A 2xx answer, but not of an OTLP server: told once, since what was sent counts as delivered all the same. */
void otel__otlp_report_foreign(struct otel__export_reporter *reporter, const struct otel__http_response *response);

#endif
