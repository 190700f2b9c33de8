/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - the texts of statuses, and the version.
 */
#include <otel/sdk.h>

const char *otel_status_text(otel_status status) {
    switch (status) {
#define STATUS_TEXT(name, text)                                                                                        \
    case name:                                                                                                         \
        return text;
        OTEL_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

const char *otel_sdk_version(void) { return OTEL__VERSION; }
