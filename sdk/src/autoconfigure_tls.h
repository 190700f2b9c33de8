/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_tls.h - whether the files that are named for TLS are of any use. */
#ifndef OTEL_SDK_AUTOCONFIGURE_TLS_H
#define OTEL_SDK_AUTOCONFIGURE_TLS_H

#include "common/tls/tls_files.h"

#include <stdbool.h>

/* What an endpoint is that nothing is encrypted to; NULL: it is. */
const char *otel__tls_plaintext(const char *endpoint);
/*
 * Whether files are named, and not `plaintext`: an endpoint that "does not begin with https://" has no use for them, which
 * is reported as of this kind.
 */
bool otel__tls_of_use(const struct otel__tls_settings *tls, const char *plaintext, const char *kind);

#endif
