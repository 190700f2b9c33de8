/* SPDX-License-Identifier: Apache-2.0 */
/* http_wakeup.c - see http_wakeup.h. */
#include "common/http/http_wakeup.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 5, WAKE_UPS = 3 };

/* The numbers that the next pair of sockets is going to have. */
static bool guess(int pair[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    close(pair[0]);
    close(pair[1]);
    return true;
}

static bool is_local_stream(int fd) {
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        return false;
    size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX && type == SOCK_STREAM;
}

/* This many bytes wait at the first end, and some have left the second one exactly when that is so. */
static bool holds(const int pair[2], int bytes) {
    int received = -1, sent = -1;
    return ioctl(pair[0], FIONREAD, &received) == 0 && ioctl(pair[1], SIOCOUTQ, &sent) == 0 && received == bytes &&
           (sent > 0) == (bytes > 0);
}

static bool carries_wakeups(CURLM *multi, const int pair[2]) {
    if (!is_local_stream(pair[0]) || !is_local_stream(pair[1]))
        return false;
    bool proved = holds(pair, 0);
    for (int sent = 1; proved && sent <= WAKE_UPS; sent++)
        proved = curl_multi_wakeup(multi) == CURLM_OK && holds(pair, sent);
    curl_multi_poll(multi, NULL, 0, 0, NULL); /* takes them away */
    return proved && holds(pair, 0);
}

CURLM *otel__http_multi_create(int pair[2]) {
    for (unsigned tries = 1;; tries++) {
        const bool guessed = guess(pair);
        CURLM *multi = curl_multi_init();
        if (multi && guessed && carries_wakeups(multi, pair)) {
            fcntl(pair[0], F_SETFD, FD_CLOEXEC);
            fcntl(pair[1], F_SETFD, FD_CLOEXEC);
            return multi;
        }
        pair[0] = pair[1] = -1;
        if (!multi || !guessed || tries == TRIES)
            return multi;
        curl_multi_cleanup(multi);
    }
}
