/* SPDX-License-Identifier: Apache-2.0 */
/* tls_check.h - whether the content of TLS files can be used. Private to tls_files.c. */
#ifndef OTEL_EXPORTERS_TLS_CHECK_H
#define OTEL_EXPORTERS_TLS_CHECK_H

#include <otel/types.h>

/* Each gives NULL, or why the text (PEM) cannot be used. None leaves anything in OpenSSL's queue of errors. */
const char *otel__tls_check_trust(otel_str text);
const char *otel__tls_check_key(otel_str text);
/* `key` is usable by itself. */
const char *otel__tls_check_certificate(otel_str text, otel_str key);

#endif
