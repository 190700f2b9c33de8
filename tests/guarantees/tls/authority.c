/* SPDX-License-Identifier: Apache-2.0 */
/* authority.c - see authority.h. */
#include "authority.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool done, const char *what) {
    if (done)
        return;
    perror(what);
    abort();
}

static void add_extension(X509 *certificate, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    must(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static struct identity unsigned_identity(const char *name, long from, long to) {
    static long serial;
    struct identity made = { .certificate = X509_new(), .key = EVP_EC_gen("P-256") };
    must(made.certificate && made.key, name);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.certificate), "CN", MBSTRING_ASC, (const unsigned char *)name,
                               -1, -1, 0);
    X509_set_pubkey(made.certificate, made.key);
    return made;
}

static void sign(struct identity *made, const struct identity *by) {
    X509_set_issuer_name(made->certificate, X509_get_subject_name(by->certificate));
    must(X509_sign(made->certificate, by->key, EVP_sha256()) > 0, "X509_sign");
}

struct identity authority_create(const char *name) {
    struct identity made = unsigned_identity(name, -60, 3600);
    add_extension(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
    sign(&made, &made);
    return made;
}

struct identity authority_issue(const struct identity *authority, const char *name, const char *host, long from,
                                long to) {
    struct identity made = unsigned_identity(name, from, to);
    add_extension(made.certificate, NID_subject_alt_name, host);
    sign(&made, authority);
    return made;
}

void identity_free(struct identity *identity) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

/* Put in place as a whole, as those who rotate certificates do. */
static FILE *begin(const char *path, char *beside, size_t size) {
    snprintf(beside, size, "%s.new", path);
    FILE *file = fopen(beside, "w");
    must(file != NULL, beside);
    return file;
}

static void finish(FILE *file, const char *beside, const char *path) {
    must(fclose(file) == 0 && rename(beside, path) == 0, path);
}

void write_certificate(const char *path, const struct identity *identity) {
    char beside[256];
    FILE *file = begin(path, beside, sizeof beside);
    must(PEM_write_X509(file, identity->certificate), path);
    finish(file, beside, path);
}

void write_key(const char *path, const struct identity *identity, const char *password) {
    char beside[256];
    FILE *file = begin(path, beside, sizeof beside);
    const EVP_CIPHER *cipher = password ? EVP_aes_128_cbc() : NULL;
    must(PEM_write_PKCS8PrivateKey(file, identity->key, cipher, password, password ? (int)strlen(password) : 0, NULL,
                                   NULL),
         path);
    finish(file, beside, path);
}

void write_text(const char *path, const char *text) {
    char beside[256];
    FILE *file = begin(path, beside, sizeof beside);
    must(fputs(text, file) >= 0, path);
    finish(file, beside, path);
}
