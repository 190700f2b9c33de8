/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_file.h - a file to which lines are appended, by several processes at once, and which is replaced by a new one when
 * it gets too large or too old.
 *
 * DESIGN. Whoever writes holds the file's lock (common/file_lock.h), and a lock in the process, which keeps its
 * threads apart. That one goes by where the path led when it was opened first: not by the file, which changes. Under both it looks whether the path still leads to the file that it has open; whether
 * the file is to be replaced first; and whether it ends in the middle of a line, because a process was killed there:
 * then that line is ended. A line is one write at the file's end. If it does not fit, because the disk is full, the file
 * is cut back to where the line began. So a reader finds whole lines, but for those of processes that were killed.
 *
 * A file that was renamed or removed by others, such as logrotate, is left for a new one under the path.
 *
 * A forked child goes on with the descriptor that it inherited. A daemon may have closed it, and got another file with
 * its number: the file behind it is compared before each use.
 *
 * Any thread; the functions exclude each other.
 */
#ifndef OTEL_FILE_LOG_FILE_H
#define OTEL_FILE_LOG_FILE_H

#include "base/sync.h"
#include "common/write_bound.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct otel__log_file_settings {
    const char *path;
    uint64_t max_bytes; /* 0: it grows */
    uint64_t max_age;   /* ns; 0: it gets older */
    unsigned kept;      /* full files, at least 1 */
    bool durable;       /* names of new files are brought to the disk at once, and old files before they are left */
};

struct otel__log_file_news {
    const char *event, *text; /* NULL: none */
    int why;                  /* an errno */
};

struct otel__log_file {
    struct otel__log_file_settings settings;
    otel__lock *in_process; /* shared by all whose paths led to this file at first; NULL: never opened */
    char *path;             /* absolute */
    char target[PATH_MAX];  /* where that leads, for whoever has found out just now */
    int fd;                 /* -1: not open */
    dev_t device;           /* what fd is, if it is still ours */
    ino_t inode;
    uint64_t born;                   /* ns since 1970 */
    bool cannot_rotate, cannot_open; /* told once */
    struct otel__log_file_news news; /* to be told when the locks are free */
};

/* Opens the file, which is made if need be. False: errno says why; nothing is to be closed then. */
bool otel__log_file_open(struct otel__log_file *file, const struct otel__log_file_settings *settings);
/* As otel__stream_write(); `line` ends in a line break. A line that failed has left nothing behind, if possible. */
otel_status otel__log_file_append(struct otel__log_file *file, const void *line, size_t len,
                                  const struct otel__write_bound *bound);
/* What was written has reached the disk. False: errno says why. */
bool otel__log_file_sync(struct otel__log_file *file);
/* The next append opens it again. */
void otel__log_file_close(struct otel__log_file *file);
/* Closes it for good. */
void otel__log_file_free(struct otel__log_file *file);
/* What that errno means for a file of lines. */
const char *otel__log_file_problem(int why);
/* In a forked child: another thread may have been writing when the process was copied. */
void otel__log_file_after_fork(void);

#endif
