/* SPDX-License-Identifier: Apache-2.0 */
/* tls_double.c - see tls_double.h. */
#include "tls_double.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_double {
    const enum tls_action *actions;
    size_t count;
    int listener;
    _Atomic int connection; /* -1: none */
    _Atomic bool stopping;
    _Atomic size_t resets;
    char url[64];
    SSL_CTX *context;
    pthread_t thread;
};

static char trusted[] = "/tmp/tls_double_XXXXXX"; /* the certificate, for libcurl */
static bool has_trusted;

static void die(const char *what) {
    perror(what);
    abort();
}

/* ---- trust ------------------------------------------------------------------------------------------------------- */

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void) {
    CURL *easy = __real_curl_easy_init();
    if (easy && has_trusted)
        curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    return easy;
}

static void add_extension(X509 *certificate, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    if (!extension || !X509_add_ext(certificate, extension, -1))
        die("X509_add_ext");
    X509_EXTENSION_free(extension);
}

/* Signed with its own key, and valid for an hour. */
static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"tls_double", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (!X509_sign(certificate, key, EVP_sha256()))
        die("X509_sign");
    return certificate;
}

static void trust(X509 *certificate) {
    int fd = mkstemp(trusted);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file || !PEM_write_X509(file, certificate) || fclose(file) != 0)
        die(trusted);
    has_trusted = true;
}

static SSL_CTX *make_context(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!certificate || !context || SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        die("SSL_CTX");
    trust(certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

/* ---- serving ----------------------------------------------------------------------------------------------------- */

/* Reads one request; false when the client has gone. */
static bool read_request(SSL *ssl) {
    static _Thread_local char head[16384 + 1];
    size_t len = 0;
    char *body = NULL;
    for (int got; !body; len += (size_t)got) {
        got = SSL_read(ssl, head + len, (int)(sizeof head - 1 - len));
        if (got <= 0)
            return false;
        head[len + (size_t)got] = '\0';
        body = strstr(head, "\r\n\r\n");
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    size_t left = (length ? strtoul(length + 17, NULL, 10) : 0) - (len - (size_t)(body + 4 - head));
    for (int got; left > 0; left -= (size_t)got) {
        got = SSL_read(ssl, head, (int)(left < sizeof head ? left : sizeof head));
        if (got <= 0)
            return false;
    }
    return true;
}

static bool answer(SSL *ssl) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    return SSL_write(ssl, text, sizeof text - 1) > 0;
}

/* Returns whether the connection is to be reset. */
static bool talk(SSL *ssl, enum tls_action action) {
    char some[1024];
    if (SSL_accept(ssl) != 1)
        return false;
    if (action == TLS_RESET_INSIDE_REQUEST)
        return SSL_read(ssl, some, sizeof some) > 0;
    while (read_request(ssl) && answer(ssl))
        if (action == TLS_ANSWER_THEN_RESET)
            return true;
    return false;
}

/* The end of what we send comes first: only then does the next write of the client raise SIGPIPE rather than just fail. */
static void reset(int fd) {
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    shutdown(fd, SHUT_WR);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void serve_connection(tls_double *server, int fd, enum tls_action action) {
    SSL *ssl = SSL_new(server->context);
    SSL_set_fd(ssl, fd);
    const bool resets = talk(ssl, action);
    SSL_free(ssl);
    atomic_store(&server->connection, -1);
    if (resets)
        reset(fd);
    else
        close(fd);
    atomic_fetch_add(&server->resets, resets);
}

static void *serve(void *data) {
    tls_double *server = data;
    for (size_t i = 0; !atomic_load(&server->stopping); i++) {
        const int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        atomic_store(&server->connection, fd);
        serve_connection(server, fd, server->actions[i < server->count ? i : server->count - 1]);
    }
    OPENSSL_thread_stop();
    return NULL;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static void listen_somewhere(tls_double *server) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) != 0 || listen(server->listener, 16) != 0)
        die("listen");
    snprintf(server->url, sizeof server->url, "https://127.0.0.1:%d", ntohs(address.sin_port));
}

/* Its thread takes no signal: a client that hangs up must not end the test through the server. */
static void start_thread(tls_double *server) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        die("pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

tls_double *tls_double_start(const enum tls_action *actions, size_t count) {
    tls_double *server = calloc(1, sizeof *server);
    if (!server)
        die("tls_double_start");
    server->actions = actions;
    server->count = count;
    atomic_store(&server->connection, -1);
    server->context = make_context();
    listen_somewhere(server);
    start_thread(server);
    return server;
}

void tls_double_stop(tls_double *server) {
    atomic_store(&server->stopping, true);
    shutdown(server->listener, SHUT_RDWR);
    const int connection = atomic_load(&server->connection);
    if (connection >= 0)
        shutdown(connection, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->context);
    unlink(trusted);
    memcpy(trusted + strlen(trusted) - 6, "XXXXXX", 6);
    has_trusted = false;
    free(server);
}

const char *tls_double_url(const tls_double *server) { return server->url; }

size_t tls_double_resets(const tls_double *server) { return atomic_load(&server->resets); }
