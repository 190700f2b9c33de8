/* SPDX-License-Identifier: Apache-2.0 */
/* http_status.h - what HTTP's statuses are called. */
#ifndef OTEL_EXPORTERS_HTTP_STATUS_H
#define OTEL_EXPORTERS_HTTP_STATUS_H

/* Of those that people meet; "" for others. */
const char *otel__http_status_name(int status);

#endif
