/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_report.c - see otlp_report.h. */
#include "otlp/otlp_report.h"

#include "base/escape.h"

#include <inttypes.h>

void otel__otlp_report_partial(const struct otel__export_reporter *reporter, uint64_t rejected, size_t count,
                               const char *message) {
    if (rejected > 0)
        otel_report(OTEL_LOG_WARN, "otlp.rejected", "%s refused %" PRIu64 " of %zu %s%s%s", reporter->endpoint,
                    rejected, count, reporter->kinds.words->many, message[0] ? ": " : "", message);
    else if (message[0])
        otel_report(OTEL_LOG_WARN, "otlp.warning", "%s took all %s and says: %s", reporter->endpoint,
                    reporter->kinds.words->many, message);
}

void otel__otlp_report_foreign(struct otel__export_reporter *reporter, const struct otel__http_response *response) {
    char type[128];
    if (reporter->told)
        return;
    reporter->told = true;
    otel__escape(otel_cstr(response->content_type), type, sizeof type);
    otel_report(OTEL_LOG_WARN, "otlp.foreign",
                "%s answered %d with a body (%s) that is no OTLP answer: is this a collector?", reporter->endpoint,
                response->status, type[0] ? type : "no type");
}
