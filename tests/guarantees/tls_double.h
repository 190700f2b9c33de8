/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_double.h - an HTTPS server that hangs up when a test wants it to. One connection at a time, on a thread of its own
 * and a free port of 127.0.0.1, with a certificate of its own making.
 *
 * Programs that link this with -Wl,--wrap=curl_easy_init let libcurl trust that certificate.
 */
#ifndef TLS_DOUBLE_H
#define TLS_DOUBLE_H

#include <stddef.h>

enum tls_action {
    TLS_ANSWER,               /* each request of the connection, until the client closes it */
    TLS_ANSWER_THEN_RESET,    /* the first request; then the connection is reset */
    TLS_RESET_INSIDE_REQUEST, /* as soon as some of a request has come */
};

typedef struct tls_double tls_double;

/* The n-th connection gets the n-th action, later ones the last. The actions must live until the stop. */
tls_double *tls_double_start(const enum tls_action *actions, size_t count);
void tls_double_stop(tls_double *server);
/* "https://127.0.0.1:PORT"; valid until the stop. */
const char *tls_double_url(const tls_double *server);
/* Connections that were reset so far. */
size_t tls_double_resets(const tls_double *server);

#endif
