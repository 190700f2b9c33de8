/* SPDX-License-Identifier: Apache-2.0 */
/* authority.h - an authority that issues certificates to tests, and writes them to files. Mistakes abort the test. */
#ifndef AUTHORITY_H
#define AUTHORITY_H

#include <openssl/x509.h>

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

/* Signs itself. */
struct identity authority_create(const char *name);
/* Valid from `from` to `to`, in seconds from now; `host` is what it may serve, such as "IP:127.0.0.1". */
struct identity authority_issue(const struct identity *authority, const char *name, const char *host, long from,
                                long to);
void identity_free(struct identity *identity);

void write_certificate(const char *path, const struct identity *identity);
/* `password` may be NULL. */
void write_key(const char *path, const struct identity *identity, const char *password);
void write_text(const char *path, const char *text);

#endif
