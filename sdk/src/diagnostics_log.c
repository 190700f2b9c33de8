/* SPDX-License-Identifier: Apache-2.0 */
/* diagnostics_log.c - the SDK's own messages as lines of the log (otel/sdk.h). */
#include <otel/log.h>
#include <otel/sdk.h>

OTEL_LOGGER(sdk_logger, "otel");

static otel_severity severity_of(otel_log_level level) {
    switch (level) {
    case OTEL_LOG_TRACE:
    case OTEL_LOG_DEBUG:
        return OTEL_SEVERITY_DEBUG;
    case OTEL_LOG_INFO:
        return OTEL_SEVERITY_INFO;
    case OTEL_LOG_WARN:
        return OTEL_SEVERITY_WARNING;
    default:
        return OTEL_SEVERITY_ERROR;
    }
}

void otel_diagnostic_log(void *logger, otel_log_level level, const char *text) {
    const otel_log_line line = { .size = sizeof line, .message = text };
    otel_log_write(logger != NULL ? logger : sdk_logger, severity_of(level), &line);
}
