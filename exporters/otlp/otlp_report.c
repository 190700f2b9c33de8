/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_report.c - see otlp_report.h. */
#include "otlp/otlp_report.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/url.h"
#include "common/http/http_status.h"

#include <inttypes.h>
#include <otel/exporter.h>
#include <stdio.h>

/* The statuses behind which usually is something that can be helped. */
static const struct explanation {
    int status;
    const char *hint;
} explanations[] = {
    { 301, "Redirects are not followed: set the endpoint to the new address." },
    { 302, "Redirects are not followed: set the endpoint to the new address." },
    { 307, "Redirects are not followed: set the endpoint to the new address." },
    { 308, "Redirects are not followed: set the endpoint to the new address." },
    { 401, "The server wants credentials: see OTEL_EXPORTER_OTLP_HEADERS." },
    { 403, "The server refuses the credentials: see OTEL_EXPORTER_OTLP_HEADERS." },
    { 404, "Is the path right? OTLP servers usually take traces at /v1/traces." },
    { 405, "Is this the address of an OTLP server?" },
    { 407, "See http_proxy and HTTPS_PROXY." },
    { 413, "Later requests will be smaller." },
    { 415, "Does the server take this protocol? See OTEL_EXPORTER_OTLP_PROTOCOL." },
};

static const char *find_hint(int status) {
    for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++)
        if (explanations[i].status == status)
            return explanations[i].hint;
    return NULL;
}

void otel__otlp_reporter_init(struct otel__otlp_reporter *reporter, const char *url) {
    *reporter = (struct otel__otlp_reporter){ .failing = false };
    otel__url_show(url, reporter->endpoint, sizeof reporter->endpoint);
}

void otel__otlp_failure_answer(struct otel__otlp_failure *failure, const struct otel__http_response *response,
                               const char *message) {
    const char *name = otel__http_status_name(response->status);
    char location[256] = "", pause[2 * sizeof response->retry_after] = "";
    otel__escape(otel_cstr(response->location), location, sizeof location);
    otel__escape(otel_cstr(response->retry_after), pause, sizeof pause);
    bool moved = response->status >= 300 && response->status < 400 && location[0];
    snprintf(failure->cause, sizeof failure->cause, "HTTP %d%s%s%s%s%s%s%s%s%s", response->status, name[0] ? " " : "",
             name, moved ? " to " : "", moved ? location : "", pause[0] ? " (Retry-After: " : "", pause,
             pause[0] ? ")" : "", message[0] ? ": " : "", message);
    failure->hint = find_hint(response->status);
    failure->status = OTEL_ERR_EXPORT;
}

void otel__otlp_failure_problem(struct otel__otlp_failure *failure, otel_status status, const char *problem,
                                const char *hint) {
    snprintf(failure->cause, sizeof failure->cause, "%s", problem);
    failure->hint = hint;
    failure->status = status;
}

void otel__otlp_failure_large(struct otel__otlp_failure *failure, otel_str name, size_t max) {
    char problem[192], shown[64];
    const size_t mib = 1024 * 1024;
    otel__escape(name, shown, sizeof shown);
    snprintf(problem, sizeof problem, "the span \"%s\" takes more than %zu %s", shown, max % mib ? max : max / mib,
             max % mib ? "bytes" : "MiB");
    otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, problem, NULL);
}

void otel__otlp_failure_pause(struct otel__otlp_failure *failure, uint64_t left) {
    char problem[96];
    snprintf(problem, sizeof problem, "the server asked for a pause, of which %" PRIu64 " s are left",
             left / OTEL__SECOND + 1);
    otel__otlp_failure_problem(failure, OTEL_ERR_EXPORT, problem, NULL);
}

void otel__otlp_failure_span(struct otel__otlp_failure *failure, otel_str name) {
    char shown[64];
    const size_t used = strlen(failure->cause);
    otel__escape(name, shown, sizeof shown);
    snprintf(failure->cause + used, sizeof failure->cause - used, " (the span \"%s\" alone takes %zu bytes)", shown,
             failure->bytes);
    failure->hint = "Limits of what spans hold make them smaller: see OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT.";
}

void otel__otlp_report_failure(struct otel__otlp_reporter *reporter, const struct otel__otlp_failure *failure,
                               size_t count) {
    char attempts[48] = "";
    if (failure->attempts > 1)
        snprintf(attempts, sizeof attempts, " (%u attempts)", failure->attempts);
    const char *stopped = failure->status != OTEL_ERR_CANCELLED ? ""
                          : failure->cause[0]                   ? "stopped after: "
                                                                : "stopped before the server answered";
    bool explain = !reporter->failing && failure->hint;
    otel_report(OTEL_LOG_WARN, "otlp.failure", "%zu spans could not be sent to %s: %s%s%s%s%s", count,
                reporter->endpoint, stopped, failure->cause, attempts, explain ? ". " : "",
                explain ? failure->hint : "");
    reporter->failing = true;
}

void otel__otlp_report_retry(const struct otel__otlp_reporter *reporter, const struct otel__otlp_failure *failure,
                             uint64_t wait_ms) {
    otel_report(OTEL_LOG_DEBUG, "otlp.retry", "attempt %u to send to %s failed, trying again in %" PRIu64 " ms: %s",
                failure->attempts, reporter->endpoint, wait_ms, failure->cause);
}

void otel__otlp_report_success(struct otel__otlp_reporter *reporter) {
    if (reporter->failing)
        otel_report(OTEL_LOG_INFO, "otlp.recovered", "sending spans to %s works again", reporter->endpoint);
    reporter->failing = false;
}

void otel__otlp_report_partial(const struct otel__otlp_reporter *reporter, uint64_t rejected, size_t count,
                               const char *message) {
    if (rejected > 0)
        otel_report(OTEL_LOG_WARN, "otlp.rejected", "%s refused %" PRIu64 " of %zu spans%s%s", reporter->endpoint,
                    rejected, count, message[0] ? ": " : "", message);
    else if (message[0])
        otel_report(OTEL_LOG_WARN, "otlp.warning", "%s took all spans and says: %s", reporter->endpoint, message);
}

void otel__otlp_report_foreign(struct otel__otlp_reporter *reporter, const struct otel__http_response *response) {
    char type[128];
    if (reporter->met_foreign)
        return;
    reporter->met_foreign = true;
    otel__escape(otel_cstr(response->content_type), type, sizeof type);
    otel_report(OTEL_LOG_WARN, "otlp.foreign",
                "%s answered %d with a body (%s) that is no OTLP answer: is this a collector?", reporter->endpoint,
                response->status, type[0] ? type : "no type");
}
