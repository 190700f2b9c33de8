/* SPDX-License-Identifier: Apache-2.0 */
/* tls_server.c - see tls_server.h. */
#include "tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_server {
    int listener, port;
    SSL_CTX *context;
    pthread_t thread;
    atomic_bool hangs_up;
    _Atomic size_t connections, requests;
    char client[64]; /* written before the answer, which the reader has seen */
};

static void must(bool done, const char *what) {
    if (done)
        return;
    perror(what);
    abort();
}

static void note_client(tls_server *server, SSL *ssl) {
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    server->client[0] = '\0';
    if (certificate)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, server->client,
                                  sizeof server->client);
    X509_free(certificate);
}

/* Requests here are small: head and body, whose length the head gives, fit. */
static bool read_request(SSL *ssl) {
    char text[16384 + 1];
    for (size_t len = 0; len < sizeof text - 1;) {
        int got = SSL_read(ssl, text + len, (int)(sizeof text - 1 - len));
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
        if (body && len - (size_t)(body + 4 - text) >= (length ? strtoul(length + 17, NULL, 10) : 0))
            return true;
    }
    return false;
}

static void reset(int fd) {
    struct linger at_once = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void serve_connection(tls_server *server, int fd) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char rest[64];
    SSL *ssl = SSL_new(server->context);
    SSL_set_fd(ssl, fd);
    atomic_fetch_add(&server->connections, 1);
    bool accepted = SSL_accept(ssl) == 1;
    if (atomic_load(&server->hangs_up)) {
        SSL_free(ssl);
        reset(fd);
        return;
    }
    if (accepted && read_request(ssl)) {
        note_client(server, ssl);
        atomic_fetch_add(&server->requests, 1);
        SSL_write(ssl, answer, sizeof answer - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    /* Closed with bytes unread, the connection would be reset, and an alert lost. */
    shutdown(fd, SHUT_WR);
    while (read(fd, rest, sizeof rest) > 0) {}
    close(fd);
}

static void *serve(void *data) {
    tls_server *server = data;
    for (int fd; (fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        serve_connection(server, fd);
    OPENSSL_thread_stop();
    return NULL;
}

static SSL_CTX *make_context(const struct identity *identity, const struct identity *clients, int newest) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    must(context && SSL_CTX_use_certificate(context, identity->certificate) == 1 &&
             SSL_CTX_use_PrivateKey(context, identity->key) == 1,
         "SSL_CTX");
    /* Without it, a client that resumes a session and has a certificate is turned away. */
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"tls_server", 10);
    if (clients) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), clients->certificate);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (newest) { /* which OpenSSL allows only at its lowest level of security */
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, newest);
    }
    return context;
}

/* Its thread takes no signal: a client that hangs up must not end the test. */
static void start_thread(tls_server *server) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

tls_server *tls_server_start(const struct identity *identity, const struct identity *clients, int newest) {
    tls_server *server = calloc(1, sizeof *server);
    must(server != NULL, "tls_server_start");
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    server->context = make_context(identity, clients, newest);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(server->listener >= 0 && bind(server->listener, (struct sockaddr *)&address, len) == 0 &&
             getsockname(server->listener, (struct sockaddr *)&address, &len) == 0 && listen(server->listener, 16) == 0,
         "listen");
    server->port = ntohs(address.sin_port);
    start_thread(server);
    return server;
}

void tls_server_hang_up(tls_server *server) { atomic_store(&server->hangs_up, true); }

void tls_server_stop(tls_server *server) {
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    SSL_CTX_free(server->context);
    free(server);
}

int tls_server_port(const tls_server *server) { return server->port; }

size_t tls_server_connections(const tls_server *server) { return atomic_load(&server->connections); }

size_t tls_server_requests(const tls_server *server) { return atomic_load(&server->requests); }

/* The count, which is raised after the name is written, makes that visible here. */
const char *tls_server_client(const tls_server *server) {
    return atomic_load(&server->requests) > 0 ? server->client : "";
}
