/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_identity.c - see grpc_identity.h. */
#include "grpc_identity.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(BIO *bio) {
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static char *certificate_text(const struct identity *identity) {
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, identity->certificate);
    return text_of(bio);
}

static char *key_text(const struct identity *identity) {
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL);
    return text_of(bio);
}

grpc_server_credentials *grpc_identity_credentials(const struct identity *identity, const struct identity *authority) {
    char *certificate = certificate_text(identity), *key = key_text(identity);
    char *trust = authority ? certificate_text(authority) : NULL;
    grpc_ssl_pem_key_cert_pair pair = { key, certificate };
    grpc_server_credentials *credentials =
        grpc_ssl_server_credentials_create_ex(trust, &pair, 1,
                                              authority ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                        : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
                                              NULL);
    free(certificate);
    free(key);
    free(trust);
    return credentials;
}
