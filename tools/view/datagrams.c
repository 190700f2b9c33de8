/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the port of the HTTP side: what Jaeger's clients send to an agent, in either Thrift protocol. */
#include "datagrams.h"

#include "jaeger.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AT_ONCE = 256,
    BUFFER = 8 * 1024 * 1024, /* the system may grant less */
    LARGEST = 65536
};

static int bind_to(const struct addrinfo *address) {
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = BUFFER;
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int view_datagrams_open(const char *host, uint16_t port) {
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *address = NULL;
    if (getaddrinfo(host, service, &hints, &address) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = bind_to(address);
    int error = errno;
    freeaddrinfo(address);
    errno = error;
    return fd;
}

/* Counted like a request, though nobody is told what became of it. */
static void take(const uint8_t *bytes, size_t len, struct view_ingest *ingest, int64_t now) {
    struct view_decode_result result = view_decode_jaeger_message(bytes, len, ingest->store, now);
    ingest->requests.received++;
    if (result.status != VIEW_DECODE_OK) {
        ingest->requests.rejected++;
        return;
    }
    ingest->requests.accepted++;
    ingest->requests.spans_received += result.spans;
    ingest->requests.spans_rejected += result.rejected;
}

void view_datagrams_run(int fd, struct view_ingest *ingest, int64_t now) {
    static uint8_t bytes[LARGEST];
    for (int i = 0; fd >= 0 && i < AT_ONCE; i++) {
        ssize_t len = recv(fd, bytes, sizeof bytes, 0);
        if (len < 0) {
            return;
        }
        take(bytes, (size_t)len, ingest, now);
    }
}
