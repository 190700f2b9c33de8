/* SPDX-License-Identifier: Apache-2.0 */
/* reports.h - a diagnostics sink that keeps what the library reports. */
#ifndef OTEL_TEST_REPORTS_H
#define OTEL_TEST_REPORTS_H

#include <otel/sdk.h>

/* From now on, reports at `threshold` and above are kept, the first 256 of them. Forgets earlier ones. */
void reports_start(otel_log_level threshold);
/* Back to stderr. What was kept stays. */
void reports_stop(void);
/* What keeps them: also an otel_sdk_options.diagnostic, since a start sets that anew. */
void reports_keep(void *data, otel_log_level level, const char *text);

size_t reports_count(void);
/* The text of the `index`-th report; "" past the last. */
const char *reports_text(size_t index);
otel_log_level reports_level(size_t index);
/* Whether one report holds both parts; `second` may be NULL. */
bool reports_mention(const char *first, const char *second);

#endif
