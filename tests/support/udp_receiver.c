/* SPDX-License-Identifier: Apache-2.0 */
/* udp_receiver.c - see udp_receiver.h. */
#include "udp_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024 * 1024 };

static socklen_t make_address(const char *text, int port, struct sockaddr_storage *out) {
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return sizeof *four;
    }
    inet_pton(AF_INET6, text, &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    return sizeof *six;
}

int udp_receiver_open(const char *address, int *port) {
    struct sockaddr_storage place;
    socklen_t len = make_address(address, *port, &place);
    const int fd = socket(place.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER, yes = 1;
    if (fd < 0)
        return -1;
    /* Past the system's bound where that is allowed. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (place.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&place, len) != 0 || getsockname(fd, (struct sockaddr *)&place, &len) != 0) {
        close(fd);
        return -1;
    }
    /* Both families have the port at the same place. */
    *port = ntohs(((struct sockaddr_in *)(void *)&place)->sin_port);
    return fd;
}

static int wait_for_one(int receiver, int ms) {
    struct pollfd poller = { .fd = receiver, .events = POLLIN };
    return poll(&poller, 1, ms);
}

ssize_t udp_receive(int receiver, uint8_t *bytes, size_t size) {
    return wait_for_one(receiver, 10000) == 1 ? recv(receiver, bytes, size, 0) : -1;
}

int udp_receiver_empty(int receiver) { return wait_for_one(receiver, 0) == 0; }
