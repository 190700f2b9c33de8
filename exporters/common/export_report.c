/* SPDX-License-Identifier: Apache-2.0 */
/* export_report.c - see export_report.h. */
#include "common/export_report.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/url.h"

#include <inttypes.h>
#include <stdio.h>

void otel__export_reporter_init(struct otel__export_reporter *reporter, const struct otel__export_kinds *kinds,
                                const char *url) {
    static const struct otel__export_words spans = {
        "span", "spans", "Limits of what spans hold make them smaller: see OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT."
    };
    *reporter = (struct otel__export_reporter){ .kinds = *kinds };
    if (!reporter->kinds.words)
        reporter->kinds.words = &spans;
    otel__url_show(url, reporter->endpoint, sizeof reporter->endpoint);
}

/* gRPC's own targets, such as "collector:4317", are as a URL would be behind its scheme. */
void otel__export_describe(const struct otel__export_reporter *reporter, const char *type,
                           otel_exporter_description *out) {
    char text[sizeof reporter->endpoint + 8];
    struct otel__url url;
    snprintf(text, sizeof text, "%s%s", strchr(reporter->endpoint, '/') ? "" : "http://", reporter->endpoint);
    out->type = type;
    if (otel__url_parse(text, &url))
        snprintf(out->address, sizeof out->address, "%s", reporter->endpoint);
    else if (url.socket.len > 0)
        otel__url_socket(&url, out->address);
    else
        snprintf(out->address, sizeof out->address, "%.*s", (int)url.host.len, url.host.ptr);
    out->port = out->address[0] && url.socket.len == 0 ? url.port : 0;
}

void otel__export_failure_problem(struct otel__export_failure *failure, otel_status status, const char *problem,
                                  const char *hint) {
    snprintf(failure->cause, sizeof failure->cause, "%s", problem);
    failure->hint = hint;
    failure->status = status;
}

void otel__export_failure_memory(struct otel__export_failure *failure) {
    otel__export_failure_problem(failure, OTEL_ERR_MEMORY, otel_status_text(OTEL_ERR_MEMORY), NULL);
}

void otel__export_failure_large(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                                otel_str name, size_t max) {
    char problem[192], shown[64];
    const size_t mib = 1024 * 1024;
    otel__escape(name, shown, sizeof shown);
    snprintf(problem, sizeof problem, "the %s \"%s\" takes more than %zu %s", reporter->kinds.words->one, shown,
             max % mib ? max : max / mib, max % mib ? "bytes" : "MiB");
    otel__export_failure_problem(failure, OTEL_ERR_EXPORT, problem, NULL);
}

void otel__export_failure_pause(struct otel__export_failure *failure, uint64_t left) {
    char problem[96];
    snprintf(problem, sizeof problem, "the server asked for a pause, of which %" PRIu64 " s are left",
             left / OTEL__SECOND + 1);
    otel__export_failure_problem(failure, OTEL_ERR_EXPORT, problem, NULL);
}

void otel__export_failure_alone(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                                otel_str name) {
    char shown[64];
    const size_t used = strlen(failure->cause);
    otel__escape(name, shown, sizeof shown);
    snprintf(failure->cause + used, sizeof failure->cause - used, " (the %s \"%s\" alone takes %zu bytes)",
             reporter->kinds.words->one, shown, failure->bytes);
    failure->hint = reporter->kinds.words->smaller;
}

/* How many attempts there were, and what the first met if that was something else. */
static void describe_attempts(const struct otel__export_failure *failure, char *out, size_t size) {
    const bool another = failure->first[0] && strncmp(failure->cause, failure->first, strlen(failure->first)) != 0;
    out[0] = '\0';
    if (failure->attempts > 1)
        snprintf(out, size, " (%u attempts%s%s)", failure->attempts, another ? ", the first: " : "",
                 another ? failure->first : "");
}

void otel__export_report_loss(struct otel__export_reporter *reporter, const struct otel__export_failure *failure,
                              size_t count) {
    char attempts[sizeof failure->first + 48];
    describe_attempts(failure, attempts, sizeof attempts);
    const char *stopped = failure->status != OTEL_ERR_CANCELLED ? ""
                          : failure->cause[0]                   ? "stopped after: "
                                                                : "stopped before the server answered";
    const bool explain = !reporter->failing && failure->hint;
    otel_report(OTEL_LOG_WARN, reporter->kinds.failed, "%zu %s could not be sent to %s: %s%s%s%s%s", count,
                reporter->kinds.words->many, reporter->endpoint, stopped, failure->cause, attempts, explain ? ". " : "",
                explain ? failure->hint : "");
    reporter->failing = true;
}

void otel__export_report_retry(const struct otel__export_reporter *reporter, struct otel__export_failure *failure,
                               uint64_t wait_ms) {
    if (!failure->first[0])
        snprintf(failure->first, sizeof failure->first, "%.*s", (int)sizeof failure->first - 1, failure->cause);
    otel_report(OTEL_LOG_DEBUG, reporter->kinds.tried_again,
                "attempt %u to send to %s failed, trying again in %" PRIu64 " ms: %s", failure->attempts,
                reporter->endpoint, wait_ms, failure->cause);
}

void otel__export_report_success(struct otel__export_reporter *reporter) {
    if (reporter->failing)
        otel_report(OTEL_LOG_INFO, reporter->kinds.recovered, "sending %s to %s works again",
                    reporter->kinds.words->many, reporter->endpoint);
    reporter->failing = false;
}
