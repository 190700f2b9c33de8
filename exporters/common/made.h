/* SPDX-License-Identifier: Apache-2.0 */
/* made.h - what a public constructor of an exporter leaves behind. */
#ifndef OTEL_EXPORTERS_MADE_H
#define OTEL_EXPORTERS_MADE_H

#include <otel/exporter.h>

/* Why nothing was made goes to `asked`, or where nobody asked for the reason, to the diagnostics. */
static inline void otel__made_note(bool made, const char *kind, const otel_error *reason, otel_error *asked) {
    if (asked)
        *asked = made ? (otel_error){ "" } : *reason;
    else if (!made)
        otel_report(OTEL_LOG_ERROR, "exporter", "the %s exporter could not be made: %s", kind, reason->text);
}

/* Returns `exporter`, after a note about it. */
static inline otel_exporter *otel__made(otel_exporter *exporter, const char *kind, const otel_error *reason,
                                        otel_error *asked) {
    otel__made_note(exporter != NULL, kind, reason, asked);
    return exporter;
}

#endif
