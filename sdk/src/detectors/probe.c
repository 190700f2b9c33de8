/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - see probe.h. */
#include "probe.h"

#include "base/str.h"
#include "diagnostics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *environment(const char *variable) { return secure_getenv(variable); }

const struct otel__probe otel__probe_system = { .root = "", .get = environment };

static bool is_absence(int error) { return error == ENOENT || error == ENOTDIR; }

static otel_str fail(const struct otel__detection *detection, const char *path, int error) {
    if (!is_absence(error))
        otel_report(OTEL_LOG_WARN, detection->detector, "the resource detector %s cannot read %s: %s",
                    detection->detector, path, strerror(error));
    return otel_strn(NULL, 0);
}

static bool place(const struct otel__detection *detection, const char *path, char *out, size_t size) {
    const int len = snprintf(out, size, "%s%s", detection->probe->root, path);
    return len > 0 && (size_t)len < size;
}

/* Until the end or until the room is full; -1 with errno. */
static ssize_t read_all(int file, char *room) {
    size_t used = 0;
    while (used < OTEL__PROBE_MAX) {
        const ssize_t got = read(file, room + used, OTEL__PROBE_MAX - used);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        used += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)used;
}

/* A device or a pipe in the file's place might keep us waiting, or react to being read. */
static int open_regular(const char *path) {
    struct stat about;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return -1;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode))
        return file;
    close(file);
    errno = EINVAL;
    return -1;
}

otel_str otel__probe_read(const struct otel__detection *detection, const char *path) {
    char where[PATH_MAX];
    if (!place(detection, path, where, sizeof where))
        return fail(detection, path, ENAMETOOLONG);
    const int file = open_regular(where);
    if (file < 0)
        return fail(detection, path, errno);
    char *room = otel__builder_room(detection->found, OTEL__PROBE_MAX);
    const ssize_t len = room ? read_all(file, room) : 0;
    const int error = errno;
    close(file);
    if (len < 0)
        return fail(detection, path, error);
    return otel_strn(room, (size_t)len);
}

otel_str otel__probe_link(const struct otel__detection *detection, const char *path) {
    char where[PATH_MAX];
    char *room = otel__builder_room(detection->found, PATH_MAX);
    if (!room)
        return otel_strn(NULL, 0);
    if (!place(detection, path, where, sizeof where))
        return fail(detection, path, ENAMETOOLONG);
    const ssize_t len = readlink(where, room, PATH_MAX);
    return len < 0 ? fail(detection, path, errno) : otel_strn(room, (size_t)len);
}

otel_str otel__probe_variable(const struct otel__detection *detection, const char *variable) {
    return otel_cstr(detection->probe->get(variable));
}

bool otel__probe_line(otel_str *rest, otel_str *line) { return rest->len > 0 && otel__str_next(rest, '\n', line); }

bool otel__probe_skip(otel_str *line, char separator, int fields) {
    otel_str field;
    for (int i = 0; i < fields; i++)
        otel__str_next(line, separator, &field);
    return line->ptr != NULL;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

otel_str otel__probe_trim(otel_str text) {
    while (text.len && is_space(text.ptr[0]))
        text = otel_strn(text.ptr + 1, text.len - 1);
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}
