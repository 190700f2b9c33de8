/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h. */
#include "prometheus/server.h"

#include "base/clock.h"
#include "prometheus/answer.h"
#include "prometheus/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES = 16 * 1024, ACCEPT_PAUSE_MS = 100 };

struct otel__server {
    struct otel__listeners listeners;
    struct otel__clients clients;
    struct otel__answerer answerer;
    struct MHD_Daemon *daemon;
    uint64_t now, accept_after; /* when connections are taken again after one that couldn't be */
    int epoll, wake;            /* wake: readable once the server is to stop */
    pthread_t thread;
};

/* ---- what libmicrohttpd tells ------------------------------------------------------------------------------------ */

static struct otel__client *client_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void connection_changed(void *data, struct MHD_Connection *connection, void **client,
                               enum MHD_ConnectionNotificationCode code) {
    struct otel__server *server = data;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        otel__clients_remove(&server->clients, *client);
        *client = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *client = info ? otel__clients_add(&server->clients, info->connect_fd, server->now) : NULL;
}

/* The first line of a request is there. */
static void *request_begins(void *data, const char *uri, struct MHD_Connection *connection) {
    struct otel__server *server = data;
    (void)uri;
    otel__client_enter(client_of(connection), false, server->now, OTEL__REQUEST_MS);
    return NULL;
}

static void request_over(void *data, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code) {
    struct otel__server *server = data;
    (void)context;
    (void)code;
    otel__client_enter(client_of(connection), true, server->now, OTEL__IDLE_MS);
}

/* Called with the head of a request, with each piece of its body, and with its end: an answer before would close. */
static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *body, size_t *body_len, void **context) {
    static char head_seen;
    struct otel__server *server = data;
    (void)version;
    (void)body;
    if (!*context || *body_len > 0) {
        *context = &head_seen;
        *body_len = 0;
        return MHD_YES;
    }
    const enum MHD_Result queued = otel__answer(&server->answerer, connection, url, method);
    server->now = otel__clock_monotonic();
    otel__client_enter(client_of(connection), false, server->now, OTEL__ANSWER_MS);
    return queued;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Takes who waits outside. Without descriptors or memory it is tried again a little later. */
static void take_connections(struct otel__server *server, int listener) {
    otel__clients_make_place(&server->clients);
    while (server->clients.count < OTEL__CLIENTS_MAX) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        const int socket = otel__clients_accept(&server->clients, listener, (struct sockaddr *)&peer, &len);
        if (socket < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                server->accept_after = server->now + ACCEPT_PAUSE_MS * OTEL__MILLISECOND;
            return;
        }
        MHD_add_connection(server->daemon, socket, (struct sockaddr *)&peer, len); /* which closes it if it fails */
        otel__clients_arrived(&server->clients);
    }
}

static uint64_t deadline_of(struct otel__server *server, bool accepting) {
    MHD_UNSIGNED_LONG_LONG ms;
    uint64_t deadline = otel__clients_deadline(&server->clients);
    if (MHD_get_timeout(server->daemon, &ms) == MHD_YES && deadline > server->now + ms * OTEL__MILLISECOND)
        deadline = server->now + ms * OTEL__MILLISECOND;
    if (!accepting && server->accept_after > server->now && deadline > server->accept_after)
        deadline = server->accept_after;
    return deadline;
}

/* Waits until there is something to do; false: the server is to stop. */
static bool wait_and_take(struct otel__server *server) {
    struct pollfd fds[2 + OTEL__LISTENERS] = { { server->wake, POLLIN, 0 }, { server->epoll, POLLIN, 0 } };
    const bool accepting = server->now >= server->accept_after && otel__clients_have_place(&server->clients);
    const size_t listeners = accepting ? server->listeners.count : 0;
    const uint64_t deadline = deadline_of(server, accepting);
    for (size_t i = 0; i < listeners; i++)
        fds[2 + i] = (struct pollfd){ server->listeners.sockets[i], POLLIN, 0 };
    poll(fds, (nfds_t)(2 + listeners), deadline == UINT64_MAX ? -1 : otel__deadline_left_ms(deadline));
    server->now = otel__clock_monotonic();
    for (size_t i = 0; i < listeners && fds[0].revents == 0; i++) {
        if (fds[2 + i].revents)
            take_connections(server, server->listeners.sockets[i]);
    }
    return fds[0].revents == 0;
}

static void *run(void *data) {
    struct otel__server *server = data;
    pthread_setname_np(pthread_self(), "otel-prometheus");
    server->now = otel__clock_monotonic();
    while (wait_and_take(server)) {
        otel__clients_end_late(&server->clients, server->now);
        MHD_run(server->daemon);
        otel__clients_announce_ends(&server->clients);
    }
    return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

static void destroy(struct otel__server *server) {
    otel__listeners_close(&server->listeners);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->wake >= 0)
        close(server->wake);
    otel__answerer_free(&server->answerer);
    free(server);
}

static bool start_daemon(struct otel__server *server) {
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, handle, server, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)OTEL__CLIENTS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, request_begins, server, MHD_OPTION_NOTIFY_COMPLETED, request_over, server,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    server->epoll = info ? info->epoll_fd : -1;
    return server->epoll >= 0;
}

/* No signal of the program's is handled on this thread. */
static bool start_thread(struct otel__server *server) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const bool started = pthread_create(&server->thread, NULL, run, server) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

struct otel__server *otel__server_start(struct otel__listeners *listeners,
                                        const struct otel__server_settings *settings) {
    struct otel__server *server = calloc(1, sizeof *server);
    if (!server) {
        otel__listeners_close(listeners);
        return NULL;
    }
    server->listeners = *listeners;
    server->clients.arriving = -1;
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (otel__answerer_init(&server->answerer, settings) && server->wake >= 0 && start_daemon(server) &&
        start_thread(server))
        return server;
    destroy(server);
    return NULL;
}

void otel__server_stop(struct otel__server *server) {
    const uint64_t one = 1;
    while (write(server->wake, &one, sizeof one) < 0 && errno == EINTR) {}
    pthread_join(server->thread, NULL);
    destroy(server);
}

void otel__server_before_fork(struct otel__server *server) { otel__lock_acquire(&server->clients.lock); }

void otel__server_after_fork(struct otel__server *server, bool in_child) {
    otel__lock_release(&server->clients.lock);
    if (!in_child)
        return;
    otel__listeners_close(&server->listeners);
    otel__clients_close(&server->clients);
    close(server->epoll);
    close(server->wake);
}
