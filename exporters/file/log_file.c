/* SPDX-License-Identifier: Apache-2.0 */
/* log_file.c - see log_file.h. */
#include "file/log_file.h"

#include "base/sync.h"
#include "common/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <otel/exporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not for everybody: attributes may be confidential. */
enum { MODE = 0640 };

/* Keep threads of this process apart that write to the same file, however they spell its path; a disk that hangs holds up few others, if any. */
static otel__lock in_process[16];

static otel__lock *lock_of(const char *path) {
    unsigned sum = 0;
    while (*path)
        sum = sum * 31 + (unsigned char)*path++;
    return &in_process[sum % (sizeof in_process / sizeof *in_process)];
}

void otel__log_file_after_fork(void) {
    for (size_t i = 0; i < sizeof in_process / sizeof *in_process; i++)
        otel__lock_release(&in_process[i]);
}

const char *otel__log_file_problem(int why) { return why == ENOTSUP ? "it is no regular file" : strerror(why); }

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* Where the path leads to: behind links, without // and the like. */
static void find_target(struct otel__log_file *file) {
    if (!realpath(file->path, file->target))
        snprintf(file->target, sizeof file->target, "%s", file->path);
}

/* Brings the names in the file's folder to the disk, as far as that can be done. */
static void sync_folder(struct otel__log_file *file) {
    find_target(file);
    strrchr(file->target, '/')[1] = '\0';
    int folder = open(file->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    fsync(folder);
    close(folder);
}

/* Since when the file has held lines. */
static uint64_t birth(int fd, const struct stat *st) {
    struct statx more;
    if (st->st_size == 0)
        return otel__clock_wall();
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0 && more.stx_mask & STATX_BTIME)
        return (uint64_t)more.stx_btime.tv_sec * OTEL__SECOND + more.stx_btime.tv_nsec;
    return (uint64_t)st->st_mtim.tv_sec * OTEL__SECOND + (uint64_t)st->st_mtim.tv_nsec;
}

/* Not 0 to 2: what the program prints must not get into the file. */
static int open_high(const char *path) {
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, MODE);
    if (fd < 0 || fd > 2)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 3), why = errno;
    close(fd);
    errno = why;
    return high;
}

static void close_fd(struct otel__log_file *file) {
    int saved = errno;
    struct stat st;
    if (file->fd >= 0 && fstat(file->fd, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode)
        close(file->fd);
    file->fd = -1;
    errno = saved;
}

/* Takes the place of what is open, if that is possible. False: errno says why not. */
static bool open_path(struct otel__log_file *file) {
    struct stat st;
    int fd = open_high(file->path);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
        int why = errno;
        close(fd);
        errno = why;
        return false;
    }
    close_fd(file);
    file->fd = fd;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->born = birth(fd, &st);
    if (file->settings.durable && st.st_size == 0)
        sync_folder(file);
    return true;
}

static char *absolute(const char *path) {
    char folder[PATH_MAX], *text = NULL;
    if (*path == '/')
        return strdup(path);
    if (!getcwd(folder, sizeof folder) || asprintf(&text, "%s/%s", folder, path) < 0)
        return NULL;
    return text;
}

bool otel__log_file_open(struct otel__log_file *file, const struct otel__log_file_settings *settings) {
    *file = (struct otel__log_file){ .settings = *settings, .fd = -1 };
    file->path = absolute(settings->path);
    if (file->path && open_path(file)) {
        find_target(file);
        file->in_process = lock_of(file->target);
        return true;
    }
    int why = errno;
    otel__log_file_free(file);
    errno = why;
    return false;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

static bool is_ours(const struct otel__log_file *file, const struct stat *st) {
    return st->st_dev == file->device && st->st_ino == file->inode;
}

/* Opens the file unless it is open still. */
static bool ensure_open(struct otel__log_file *file) {
    struct stat st;
    if (file->fd >= 0 && fstat(file->fd, &st) == 0 && is_ours(file, &st))
        return true;
    file->fd = -1; /* whatever has this number now, it is somebody else's */
    return open_path(file);
}

/* Whether the path leads to another file, or to none. If that cannot be found out, it does not. */
static bool has_moved(const struct otel__log_file *file) {
    struct stat st;
    if (stat(file->path, &st) != 0)
        return errno == ENOENT;
    return !is_ours(file, &st);
}

/* Nobody could read any more what is written to it. */
static bool is_removed(const struct otel__log_file *file) {
    struct stat st;
    return fstat(file->fd, &st) == 0 && st.st_nlink == 0;
}

/* Of something that goes on, once. */
static void note(struct otel__log_file *file, bool *known, const char *event, const char *text) {
    if (!*known)
        file->news = (struct otel__log_file_news){ event, text, errno };
    *known = true;
}

/* Who hears of what is wrong may wait for another thread: it is told when no lock is held any more. */
static void leave(struct otel__log_file *file) {
    const struct otel__log_file_news news = file->news;
    file->news = (struct otel__log_file_news){ 0 };
    if (file->fd >= 0)
        otel__file_lock_release(file->fd);
    otel__lock_release(file->in_process);
    if (news.text)
        otel_report(OTEL_LOG_WARN, news.event, "%s %s: %s", file->path, news.text, otel__log_file_problem(news.why));
}

/* With both locks: whether the file that is open may be written to. False: it was left for another, or is of no use. */
static bool settle_path(struct otel__log_file *file, otel_status *status) {
    if (!has_moved(file)) {
        file->cannot_open = false;
        return true;
    }
    if (open_path(file))
        return false; /* the lock is not that of the new file */
    if (is_removed(file)) {
        *status = OTEL_ERR_EXPORT;
        return false;
    }
    note(file, &file->cannot_open, "otlp_file.open", "cannot be opened, and lines go on to the file that was there");
    return true;
}

/* One attempt. False: somebody else writes just now, or `status` says what is wrong. */
static bool try_enter(struct otel__log_file *file, otel_status *status) {
    if (!otel__lock_try(file->in_process))
        return false;
    if (!ensure_open(file))
        *status = OTEL_ERR_EXPORT;
    else if (otel__file_lock_try(file->fd)) {
        if (settle_path(file, status))
            return true;
        otel__file_lock_release(file->fd);
    }
    otel__lock_release(file->in_process);
    return false;
}

static otel_status enter(struct otel__log_file *file, const struct otel__write_bound *bound) {
    otel_status status = OTEL_OK;
    while (!try_enter(file, &status)) {
        if (status == OTEL_OK)
            status = otel__write_bound_check(bound);
        if (status != OTEL_OK)
            return status;
        otel__nap();
    }
    return OTEL_OK;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

/* False: errno says why, and `done` bytes were written. */
static bool write_all(int fd, const char *text, size_t len, size_t *done) {
    while (*done < len) {
        ssize_t wrote = write(fd, text + *done, len - *done);
        if (wrote > 0)
            *done += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR)
            return false;
    }
    return true;
}

/* Ends the line within which a process was killed, if there is one. As write_all(). */
static bool end_torn_line(int fd, off_t size, size_t *done) {
    char last = '\n';
    return size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n' || write_all(fd, "\n", 1, done);
}

/* ---- a new file -------------------------------------------------------------------------------------------------- */

/* traces.jsonl and 2: traces.2.jsonl. What is too long then cannot be renamed. */
static void name_full(const char *target, unsigned number, char out[PATH_MAX]) {
    const char *base = strrchr(target, '/') + 1, *dot = strrchr(base, '.');
    if (!dot || dot == base)
        dot = base + strlen(base);
    snprintf(out, PATH_MAX, "%.*s.%u%s", (int)(dot - target), target, number, dot);
}

static bool is_due(const struct otel__log_file *file, const struct stat *st, size_t len) {
    if (st->st_size == 0)
        return false;
    const uint64_t size = (uint64_t)st->st_size, now = otel__clock_wall();
    if (file->settings.max_bytes > 0 && size + len > file->settings.max_bytes)
        return true;
    return file->settings.max_age > 0 && now > file->born && now - file->born > file->settings.max_age;
}

/* The oldest full file makes place for the one before it, and so on. Behind a link it is the file that is renamed. */
static bool make_place(struct otel__log_file *file) {
    char from[PATH_MAX], to[PATH_MAX];
    find_target(file);
    for (unsigned number = file->settings.kept; number-- > 1;) {
        name_full(file->target, number, from);
        name_full(file->target, number + 1, to);
        if (rename(from, to) != 0 && errno != ENOENT)
            return false;
    }
    name_full(file->target, 1, to);
    return rename(file->target, to) == 0;
}

/* The new file is for whom the old one was for. False: there is none, and the old one has to do. */
static bool rotate(struct otel__log_file *file, const struct stat *st) {
    size_t ended = 0;
    end_torn_line(file->fd, st->st_size, &ended);
    if (file->settings.durable)
        fdatasync(file->fd);
    if (!make_place(file)) {
        note(file, &file->cannot_rotate, "otlp_file.rotate", "cannot be renamed, and grows");
        return false;
    }
    file->cannot_rotate = false;
    int old = file->fd;
    file->fd = -1;
    if (open_path(file))
        fchmod(file->fd, st->st_mode & 0777);
    close(old); /* only now: it takes the process's locks of it along */
    return true;
}

/* ---- a line ------------------------------------------------------------------------------------------------------ */

/* Unless others, who know no locks, have written behind it. */
static void cut_back(int fd, off_t size, size_t done) {
    int saved = errno;
    struct stat st;
    if (done > 0 && fstat(fd, &st) == 0 && st.st_size == size + (off_t)done)
        (void)!ftruncate(fd, size); /* if not, the next line ends it */
    errno = saved;
}

static otel_status write_line(int fd, const char *line, size_t len, off_t size) {
    size_t done = 0, ended = 0;
    if (end_torn_line(fd, size, &ended) && write_all(fd, line, len, &done))
        return OTEL_OK;
    cut_back(fd, size, ended + done);
    return OTEL_ERR_EXPORT;
}

otel_status otel__log_file_append(struct otel__log_file *file, const void *line, size_t len,
                                  const struct otel__write_bound *bound) {
    for (;;) {
        struct stat st;
        otel_status status = enter(file, bound);
        if (status != OTEL_OK)
            return status;
        if (fstat(file->fd, &st) != 0)
            status = OTEL_ERR_EXPORT;
        else if (is_due(file, &st, len) && !has_moved(file) && rotate(file, &st)) {
            leave(file);
            continue; /* the new file's lock is another one */
        } else
            status = write_line(file->fd, line, len, st.st_size);
        leave(file);
        return status;
    }
}

bool otel__log_file_sync(struct otel__log_file *file) {
    otel__lock_acquire(file->in_process);
    struct stat st;
    bool fine = file->fd < 0 || fstat(file->fd, &st) != 0 || !is_ours(file, &st) || fdatasync(file->fd) == 0;
    otel__lock_release(file->in_process);
    return fine;
}

void otel__log_file_close(struct otel__log_file *file) {
    otel__lock_acquire(file->in_process);
    close_fd(file);
    otel__lock_release(file->in_process);
}

void otel__log_file_free(struct otel__log_file *file) {
    if (file->in_process)
        otel__log_file_close(file);
    free(file->path);
    *file = (struct otel__log_file){ .fd = -1 };
}
