/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_connection.c - see redis_connection.h.
 */
#include "cache/redis_connection.h"

#include "service/moment.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What the replies of one exchange may be at most. hiredis believes a Redis that announces an array of any size, and makes
 * room for it at once.
 */
#define REPLIES_BYTES_MAX ((size_t)4 << 20)
#define REPLIES_ELEMENTS_MAX ((size_t)4096)

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

struct redis_connection {
    int socket;
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis' own, but for arrays */
    void *(*create_array)(const redisReadTask *task, element_count count);
    size_t bytes, elements; /* of the exchange that is under way */
};

/* Waits until the socket is ready or the moment has come; false: it is not. */
static bool wait_for(int socket, short events, uint64_t deadline_ms) {
    struct pollfd polled = { .fd = socket, .events = events };
    for (;;) {
        uint64_t now = steady_ms();
        int left = now < deadline_ms ? (int)(deadline_ms - now) : 0;
        int ready = poll(&polled, 1, left);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* ---- connecting ---- */

static const char *connect_socket(int descriptor, const struct addrinfo *address, uint64_t deadline_ms) {
    static const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, address->ai_addr, address->ai_addrlen) == 0)
        return NULL;
    if (errno != EINPROGRESS)
        return "connection_failed";
    if (!wait_for(descriptor, POLLOUT, deadline_ms))
        return "timeout";
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? NULL : "connection_failed";
}

/* The first address that answers. */
static int connect_any(const struct addrinfo *addresses, uint64_t deadline_ms, const char **error) {
    *error = "connection_failed";
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0)
            continue;
        *error = connect_socket(descriptor, address, deadline_ms);
        if (!*error)
            return descriptor;
        close(descriptor);
    }
    return -1;
}

/* hiredis takes NULL for a lack of memory, and gives the whole reply up. */
static void *create_bounded_array(const redisReadTask *task, element_count count) {
    struct redis_connection *connection = task->privdata;
    if (count > 0 && (size_t)count > REPLIES_ELEMENTS_MAX - connection->elements)
        return NULL;
    connection->elements += count > 0 ? (size_t)count : 0;
    return connection->create_array(task, count);
}

static void bound_arrays(struct redis_connection *connection) {
    redisReader *reader = connection->reader;
    connection->functions = *reader->fn;
    connection->create_array = connection->functions.createArray;
    connection->functions.createArray = create_bounded_array;
    reader->fn = &connection->functions;
    reader->privdata = connection;
}

static struct redis_connection *new_connection(int descriptor) {
    struct redis_connection *connection = malloc(sizeof *connection);
    redisReader *reader = redisReaderCreate();
    if (connection && reader) {
        *connection = (struct redis_connection){ .socket = descriptor, .reader = reader };
        bound_arrays(connection);
        return connection;
    }
    if (reader)
        redisReaderFree(reader);
    free(connection);
    close(descriptor);
    return NULL;
}

struct redis_connection *redis_connection_open(const char *host, const char *port, uint64_t deadline_ms,
                                               const char **error) {
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *addresses = NULL;
    if (getaddrinfo(host, port, &hints, &addresses) != 0) {
        *error = "name_not_found";
        return NULL;
    }
    int descriptor = connect_any(addresses, deadline_ms, error);
    freeaddrinfo(addresses);
    if (descriptor < 0)
        return NULL;
    struct redis_connection *connection = new_connection(descriptor);
    if (!connection)
        *error = "out_of_memory";
    return connection;
}

void redis_connection_close(struct redis_connection *connection) {
    close(connection->socket);
    redisReaderFree(connection->reader);
    free(connection);
}

bool redis_connection_is_quiet(const struct redis_connection *connection) {
    return !wait_for(connection->socket, POLLIN, 0);
}

/* ---- sending and receiving ---- */

static const char *send_all(int descriptor, const char *bytes, size_t length, uint64_t deadline_ms) {
    while (length > 0) {
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (!wait_for(descriptor, POLLOUT, deadline_ms))
                return "timeout";
        } else if (errno != EINTR) {
            return "connection_lost";
        }
    }
    return NULL;
}

static const char *receive_some(struct redis_connection *connection, uint64_t deadline_ms) {
    char bytes[16384];
    /* Who never stops sending is always ready. */
    if (steady_ms() >= deadline_ms || !wait_for(connection->socket, POLLIN, deadline_ms))
        return "timeout";
    ssize_t received = recv(connection->socket, bytes, sizeof bytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return NULL;
    if (received <= 0)
        return "connection_lost";
    connection->bytes += (size_t)received;
    if (connection->bytes > REPLIES_BYTES_MAX)
        return "reply_too_large";
    return redisReaderFeed(connection->reader, bytes, (size_t)received) == REDIS_OK ? NULL : "protocol_error";
}

static const char *take_reply(struct redis_connection *connection, redisReply **reply, uint64_t deadline_ms) {
    for (;;) {
        void *read = NULL;
        if (redisReaderGetReply(connection->reader, &read) != REDIS_OK)
            return "protocol_error";
        if (read) {
            *reply = read;
            return NULL;
        }
        const char *error = receive_some(connection, deadline_ms);
        if (error)
            return error;
    }
}

const char *redis_connection_exchange(struct redis_connection *connection, const char *commands, size_t length,
                                      redisReply **replies, size_t count, uint64_t deadline_ms) {
    const char *error = send_all(connection->socket, commands, length, deadline_ms);
    size_t taken = 0;
    connection->bytes = connection->elements = 0;
    while (!error && taken < count) {
        error = take_reply(connection, &replies[taken], deadline_ms);
        if (!error)
            taken++;
    }
    while (error && taken > 0) {
        freeReplyObject(replies[--taken]);
        replies[taken] = NULL;
    }
    return error;
}
