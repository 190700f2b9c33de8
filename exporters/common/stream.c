/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - see stream.h. */
#include "common/stream.h"

#include "base/sync.h"
#include "common/file_lock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

int otel__stream_waiting_descriptor(const struct otel__stream *stream) {
    struct stat st;
    int fd = fileno(stream->file);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -1;
    return S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISSOCK(st.st_mode) ? fd : -1;
}

/* Sleeps until the descriptor takes something, or says that it never will. */
static otel_status await_room(int fd, const struct otel__write_bound *bound) {
    enum { SLICE_MS = 20 }; /* how late a cancel may be noticed */
    for (;;) {
        struct pollfd poller = { .fd = fd, .events = POLLOUT };
        if (atomic_load(bound->cancelled))
            return OTEL_ERR_CANCELLED;
        int ready = poll(&poller, 1, SLICE_MS);
        if (ready > 0)
            return OTEL_OK;
        if (ready < 0 && errno != EINTR)
            return OTEL_ERR_EXPORT;
        otel_status status = otel__write_bound_check(bound);
        if (status != OTEL_OK)
            return status;
    }
}

/* A pipe with room has it for PIPE_BUF bytes at least: no more at a time, so that the write does not wait. */
static otel_status write_all(int fd, size_t most, const char *text, size_t len, size_t *done,
                             const struct otel__write_bound *bound) {
    otel_status status = OTEL_OK;
    while (status == OTEL_OK && *done < len) {
        status = await_room(fd, bound);
        if (status != OTEL_OK)
            break;
        ssize_t wrote = write(fd, text + *done, len - *done < most ? len - *done : most);
        if (wrote > 0)
            *done += (size_t)wrote;
        else if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            status = OTEL_ERR_EXPORT;
    }
    return status;
}

/* What the program has printed comes first. */
static otel_status flush(const struct otel__stream *stream, int fd, const struct otel__write_bound *bound) {
    otel_status status = await_room(fd, bound);
    return status == OTEL_OK && fflush(stream->file) != 0 ? OTEL_ERR_EXPORT : status;
}

static otel_status write_locked(struct otel__stream *stream, int fd, size_t most, const char *text, size_t len,
                                const struct otel__write_bound *bound) {
    size_t ended = 0, done = 0;
    otel_status status = flush(stream, fd, bound);
    if (status == OTEL_OK && stream->torn)
        status = write_all(fd, most, "\n", 1, &ended, bound);
    if (status == OTEL_OK)
        status = write_all(fd, most, text, len, &done, bound);
    if (ended > 0 || done > 0)
        stream->torn = done > 0 && done < len;
    return status;
}

/* Only of files and pipes: a terminal is also other people's, and so is /dev/null. */
static otel_status lock(int fd, const struct otel__write_bound *bound) {
    otel_status status = OTEL_OK;
    while (!otel__file_lock_try(fd) && status == OTEL_OK) {
        otel__sleep_ms(1);
        status = otel__write_bound_check(bound);
    }
    return status;
}

/* Another thread of the program may be printing, to a pipe that nobody reads. */
static otel_status lock_stream(FILE *file, const struct otel__write_bound *bound) {
    while (ftrylockfile(file) != 0) {
        otel_status status = otel__write_bound_check(bound);
        if (status != OTEL_OK)
            return status;
        otel__nap();
    }
    return OTEL_OK;
}

otel_status otel__stream_write(struct otel__stream *stream, int fd, const void *text, size_t len,
                               const struct otel__write_bound *bound) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return OTEL_ERR_EXPORT;
    const bool locks = stream->shared && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
    otel_status status = lock_stream(stream->file, bound);
    if (status != OTEL_OK)
        return status;
    if (locks)
        status = lock(fd, bound);
    if (status == OTEL_OK) {
        status = write_locked(stream, fd, S_ISREG(st.st_mode) ? len : PIPE_BUF, text, len, bound);
        if (locks)
            otel__file_lock_release(fd);
    }
    funlockfile(stream->file);
    return status;
}
