/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_report.h - what the OTLP exporter tells people: the first failure with its cause and what to look at, then the
 * same at most every 10 s (otel_report() sees to that), and that it works again.
 */
#ifndef OTEL_OTLP_REPORT_H
#define OTEL_OTLP_REPORT_H

#include "common/http/http_client.h"

struct otel__otlp_reporter {
    char endpoint[256]; /* the URL, fit for a log line */
    bool failing;       /* the last request was lost */
    bool met_foreign;   /* otel__otlp_report_foreign() has spoken */
};

/* Why a request is not delivered (yet). */
struct otel__otlp_failure {
    otel_status status; /* what the export is to return */
    unsigned attempts;
    size_t bytes;     /* of the request, before compression */
    char cause[768];  /* the last failure; "" when there was none */
    const char *hint; /* what may help; NULL: nothing known */
};

void otel__otlp_reporter_init(struct otel__otlp_reporter *reporter, const char *url);

/*
 * Record the cause of a failed attempt: an answer other than success, with the server's words; or that there was
 * none.
 */
void otel__otlp_failure_answer(struct otel__otlp_failure *failure, const struct otel__http_response *response,
                               const char *message);
void otel__otlp_failure_problem(struct otel__otlp_failure *failure, otel_status status, const char *problem,
                                const char *hint);
/* The span takes more bytes than a request may, so that none can be made. */
void otel__otlp_failure_large(struct otel__otlp_failure *failure, otel_str name, size_t max);
/* The server has asked for a pause that is longer than the export may take. */
void otel__otlp_failure_pause(struct otel__otlp_failure *failure, uint64_t left);
/* Adds to the cause that the request held this one span only, so that no smaller one can be made. */
void otel__otlp_failure_span(struct otel__otlp_failure *failure, otel_str name);

/* `count` spans are lost. */
void otel__otlp_report_failure(struct otel__otlp_reporter *reporter, const struct otel__otlp_failure *failure,
                               size_t count);
void otel__otlp_report_retry(const struct otel__otlp_reporter *reporter, const struct otel__otlp_failure *failure,
                             uint64_t wait_ms);
void otel__otlp_report_success(struct otel__otlp_reporter *reporter);
/* The server refused `rejected` of `count` spans, or just had something to say; neither: nothing is reported. */
void otel__otlp_report_partial(const struct otel__otlp_reporter *reporter, uint64_t rejected, size_t count,
                               const char *message);
/* A 2xx answer, but not of an OTLP server: told once, since the spans count as delivered all the same. */
void otel__otlp_report_foreign(struct otel__otlp_reporter *reporter, const struct otel__http_response *response);

#endif
