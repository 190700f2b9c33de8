/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_report.h - what exporters that send tell people: the first loss with its cause and what to look at, then the
 * same at most every 10 s (otel_report() sees to that), and that it works again.
 */
#ifndef OTEL_EXPORTERS_EXPORT_REPORT_H
#define OTEL_EXPORTERS_EXPORT_REPORT_H

#include <otel/exporter.h>

/* What is sent, in reports. */
struct otel__export_words {
    const char *one, *many;
    const char *smaller; /* what makes one of them smaller, as a sentence */
};

/* Kinds of reports, which live for ever. */
struct otel__export_kinds {
    const char *failed, *tried_again, *recovered;
    const struct otel__export_words *words; /* NULL: those of spans */
};

struct otel__export_reporter {
    struct otel__export_kinds kinds;
    char endpoint[256]; /* the URL, fit for a log line */
    bool failing;       /* the last request was lost */
    bool told;          /* what is told once has been, whatever that is */
};

/* Why a request is not delivered (yet). */
struct otel__export_failure {
    otel_status status; /* what the export is to return */
    unsigned attempts;
    size_t bytes;     /* of the request, before compression */
    char cause[768];  /* the last failure; "" when there was none */
    char first[256];  /* the first of several, which may tell why where the last is a connection that was closed */
    const char *hint; /* what may help; NULL: nothing known */
};

void otel__export_reporter_init(struct otel__export_reporter *reporter, const struct otel__export_kinds *kinds,
                                const char *url);

/* What an exporter of this type that sends to the reporter's endpoint says of itself: see otel_exporter_ops. */
void otel__export_describe(const struct otel__export_reporter *reporter, const char *type,
                           otel_exporter_description *out);

/* Records the cause of a failed attempt. */
void otel__export_failure_problem(struct otel__export_failure *failure, otel_status status, const char *problem,
                                  const char *hint);
/* Memory is short. */
void otel__export_failure_memory(struct otel__export_failure *failure);
/* The span of this name, or whatever is sent, takes more bytes than a request may, so that none can be made. */
void otel__export_failure_large(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                                otel_str name, size_t max);
/* The server has asked for a pause that is longer than the export may take. */
void otel__export_failure_pause(struct otel__export_failure *failure, uint64_t left);
/* Adds to the cause that the request held this one only, so that no smaller request can be made. */
void otel__export_failure_alone(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                                otel_str name);

/* So many are lost. */
void otel__export_report_loss(struct otel__export_reporter *reporter, const struct otel__export_failure *failure,
                              size_t count);
/* A failure that is followed by another attempt. */
void otel__export_report_retry(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                               uint64_t wait_ms);
void otel__export_report_success(struct otel__export_reporter *reporter);

#endif
