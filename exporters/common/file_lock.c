/* SPDX-License-Identifier: Apache-2.0 */
/* file_lock.c - see file_lock.h. */
#include "common/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

/* A byte that no file has. Of the program's own lock on the file, giving ours back ends only that byte. */
static const off_t place = sizeof(off_t) == 8 ? (off_t)(INT64_MAX - 1) : (off_t)(INT32_MAX - 1);

static int set_lock(int fd, short type) {
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1 };
    return fcntl(fd, F_SETLK, &lock);
}

bool otel__file_lock_try(int fd) {
    int saved = errno;
    bool held_elsewhere = set_lock(fd, F_WRLCK) != 0 && (errno == EAGAIN || errno == EACCES);
    errno = saved;
    return !held_elsewhere;
}

void otel__file_lock_release(int fd) {
    int saved = errno;
    set_lock(fd, F_UNLCK);
    errno = saved;
}
