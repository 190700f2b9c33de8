/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_report.h - what only OTLP's answers tell people, beside common/export_report.h. */
#ifndef OTEL_OTLP_REPORT_H
#define OTEL_OTLP_REPORT_H

#include "common/export_report.h"
#include "common/http/http_client.h"

/* Of reports on OTLP, whichever the transport. */
#define OTEL__OTLP_KINDS                                                                                               \
    { "otlp.failure", "otlp.retry", "otlp.recovered" }

/* The server refused `rejected` of `count` spans, or just had something to say; neither: nothing is reported. */
void otel__otlp_report_partial(const struct otel__export_reporter *reporter, uint64_t rejected, size_t count,
                               const char *message);
/* A 2xx answer, but not of an OTLP server: told once, since the spans count as delivered all the same. */
void otel__otlp_report_foreign(struct otel__export_reporter *reporter, const struct otel__http_response *response);

/* What exporters/grpc calls the common functions by. */
#define otel__otlp_reporter otel__export_reporter
#define otel__otlp_failure otel__export_failure
#define otel__otlp_failure_problem otel__export_failure_problem
#define otel__otlp_failure_large otel__export_failure_large
#define otel__otlp_failure_pause otel__export_failure_pause
#define otel__otlp_failure_span otel__export_failure_span
#define otel__otlp_report_failure otel__export_report_loss
#define otel__otlp_report_retry otel__export_report_retry
#define otel__otlp_report_success otel__export_report_success
static inline void otel__otlp_reporter_init(struct otel__export_reporter *reporter, const char *url) {
    otel__export_reporter_init(reporter, &(struct otel__export_kinds)OTEL__OTLP_KINDS, url);
}

#endif
