/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_files.h - the files that TLS is set up from: whom to trust, and who we are.
 *
 * DESIGN. The files are read and checked when they are opened, and their content is kept: later a file may be missing,
 * or half written, and connections go on with what was good. A content never changes; a newer one takes its place by one
 * store of a pointer, so that a forked child finds either of them whole. Called by one thread at a time.
 */
#ifndef OTEL_EXPORTERS_TLS_FILES_H
#define OTEL_EXPORTERS_TLS_FILES_H

#include <otel/status.h>
#include <otel/types.h>

/* Where a file is named, for messages, such as "OTEL_EXPORTER_OTLP_CERTIFICATE"; a path of NULL: no such file. */
struct otel__tls_file {
    const char *path, *setting;
};

enum otel__tls_role { OTEL__TLS_TRUST, OTEL__TLS_KEY, OTEL__TLS_CERTIFICATE, OTEL__TLS_ROLES };

/* By role; all in PEM. Without a file of trust, the system's trust counts. Key and certificate come together. */
struct otel__tls_settings {
    struct otel__tls_file files[OTEL__TLS_ROLES];
};

struct otel__tls_text {
    char *ptr; /* a NUL follows */
    size_t len;
};

/* What was read: by role, of length 0 if there is no such file. */
struct otel__tls_content {
    struct otel__tls_text text[OTEL__TLS_ROLES];
    uint64_t generation; /* from 1; another one is another content */
};

struct otel__tls_files;

/* NULL when something is wrong with the files, or memory is short; `error` says what. The settings are copied. */
struct otel__tls_files *otel__tls_open(const struct otel__tls_settings *settings, otel_error *error);
void otel__tls_close(struct otel__tls_files *files);
/*
 * The content to use for the next connection; valid until the next call. Reads files that have changed since the last
 * look, which costs one stat() for each otherwise. Changes that are no good are reported once, and left out.
 */
const struct otel__tls_content *otel__tls_content(struct otel__tls_files *files);

#endif
