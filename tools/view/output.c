/* SPDX-License-Identifier: Apache-2.0 */
/* Writing without ever waiting long. A pipe that polls as writable takes PIPE_BUF bytes at once, so no write is larger
 * than that. */
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

static bool wait_writable(struct view_output *output) {
    struct pollfd poll_fd = { .fd = output->fd, .events = POLLOUT };
    int ready;
    do {
        ready = poll(&poll_fd, 1, output->stuck ? 0 : PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    output->stuck = ready <= 0;
    return ready > 0;
}

bool view_output_write(struct view_output *output, const char *text, size_t len) {
    while (len > 0 && !output->closed) {
        if (!wait_writable(output)) {
            break;
        }
        ssize_t written = write(output->fd, text, len < PIPE_BUF ? len : PIPE_BUF);
        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            output->closed = true;
        } else if (written > 0) {
            text += written;
            len -= (size_t)written;
        }
    }
    output->lost += len > 0;
    return len == 0;
}
