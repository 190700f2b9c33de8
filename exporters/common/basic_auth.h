/* SPDX-License-Identifier: Apache-2.0 */
/* basic_auth.h - HTTP basic authentication (RFC 7617). */
#ifndef OTEL_EXPORTERS_BASIC_AUTH_H
#define OTEL_EXPORTERS_BASIC_AUTH_H

/* The value of an Authorization header, to be freed; NULL: out of memory. A user's name holds no colon. */
char *otel__basic_auth(const char *user, const char *password);

#endif
