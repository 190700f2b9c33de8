/* SPDX-License-Identifier: Apache-2.0 */
/* file_lock.c - see file_lock.h. */
#include "common/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int set_lock(int fd, short type) {
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
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
