/* SPDX-License-Identifier: Apache-2.0 */
/* tls_check.c - see tls_check.h. */
#include "common/tls/tls_check.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static BIO *open_text(otel_str text) { return BIO_new_mem_buf(text.ptr, (int)text.len); }

/* Never asks at the terminal. */
static int no_password(char *out, int size, int writing, void *asked) {
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static X509 *next_certificate(BIO *bio) {
    bool asked = false;
    return bio ? PEM_read_bio_X509_AUX(bio, NULL, no_password, &asked) : NULL;
}

static EVP_PKEY *read_key(otel_str text, bool *asked) {
    BIO *bio = open_text(text);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, asked) : NULL;
    BIO_free(bio);
    return key;
}

static const char *date_problem(const X509 *certificate) {
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return "its certificate is not valid yet";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return "its certificate has expired";
    return NULL;
}

/* Collections of trust often hold a few that have expired: one that is valid will do. */
static const char *trust_problem(BIO *bio) {
    const char *problem = "it holds no certificate in PEM form";
    bool valid = false;
    for (X509 *one; (one = next_certificate(bio)) != NULL; X509_free(one)) {
        problem = date_problem(one);
        valid = valid || !problem;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return "a certificate in it is damaged";
    return valid ? NULL : problem;
}

const char *otel__tls_check_trust(otel_str text) {
    ERR_set_mark();
    BIO *bio = open_text(text);
    const char *problem = trust_problem(bio);
    BIO_free(bio);
    ERR_pop_to_mark();
    return problem;
}

const char *otel__tls_check_key(otel_str text) {
    ERR_set_mark();
    bool asked = false;
    EVP_PKEY *key = read_key(text, &asked);
    ERR_pop_to_mark();
    const char *problem = asked ? "its key is locked with a password" : "it holds no private key in PEM form";
    if (key)
        problem = NULL;
    EVP_PKEY_free(key);
    return problem;
}

static const char *certificate_problem(const X509 *certificate, otel_str key_text) {
    if (!certificate)
        return "it holds no certificate in PEM form";
    bool asked = false;
    EVP_PKEY *key = read_key(key_text, &asked);
    const bool fits = key && X509_check_private_key(certificate, key) == 1;
    EVP_PKEY_free(key);
    return fits ? date_problem(certificate) : "the key is not that of its certificate";
}

const char *otel__tls_check_certificate(otel_str text, otel_str key) {
    ERR_set_mark();
    BIO *bio = open_text(text);
    X509 *certificate = next_certificate(bio);
    const char *problem = certificate_problem(certificate, key);
    X509_free(certificate);
    BIO_free(bio);
    ERR_pop_to_mark();
    return problem;
}
