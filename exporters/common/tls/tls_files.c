/* SPDX-License-Identifier: Apache-2.0 */
/* tls_files.c - see tls_files.h. */
#include "common/tls/tls_files.h"

#include "base/escape.h"
#include "common/tls/tls_check.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <otel/exporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

/* What tells one state of a file from another. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct otel__tls_files {
    char *paths[OTEL__TLS_ROLES]; /* NULL: no such file */
    char *settings[OTEL__TLS_ROLES];
    struct stamp seen[OTEL__TLS_ROLES]; /* of the last look */
    struct otel__tls_content *_Atomic content;
};

/* Says which file is wrong; false. */
static bool refuse(const struct otel__tls_files *files, enum otel__tls_role role, const char *why, otel_error *error) {
    char shown[160];
    otel__escape(otel_cstr(files->paths[role]), shown, sizeof shown);
    snprintf(error->text, sizeof error->text, "%s: the file \"%s\" cannot be used: %s", files->settings[role], shown,
             why);
    return false;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

/* The whole of it, up to a byte more than FILE_MAX. False: errno says why. */
static bool read_all(int fd, char *out, size_t *len) {
    for (;;) {
        ssize_t got = read(fd, out + *len, FILE_MAX + 1 - *len);
        if (got > 0)
            *len += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return got == 0;
    }
}

/* NULL, or why it cannot be read; the text is to be freed. */
static const char *read_open(int fd, struct otel__tls_text *text) {
    struct stat found;
    if (fstat(fd, &found) != 0)
        return strerror(errno);
    if (!S_ISREG(found.st_mode))
        return "it is not a regular file";
    if (found.st_size > FILE_MAX)
        return "it is larger than 4 MiB";
    char *room = malloc(FILE_MAX + 1);
    if (!room)
        return "memory is short";
    size_t len = 0;
    const char *problem = read_all(fd, room, &len) ? NULL : strerror(errno);
    if (!problem && len > FILE_MAX)
        problem = "it is larger than 4 MiB";
    char *kept = problem ? NULL : malloc(len + 1);
    if (kept)
        memcpy(kept, room, len);
    if (kept)
        kept[len] = '\0';
    OPENSSL_cleanse(room, len); /* it may be a key */
    free(room);
    if (!kept)
        return problem ? problem : "memory is short";
    *text = (struct otel__tls_text){ kept, len };
    return NULL;
}

static const char *read_file(const char *path, struct otel__tls_text *text) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not keep us */
    if (fd < 0)
        return strerror(errno);
    const char *problem = read_open(fd, text);
    close(fd);
    return problem;
}

/* ---- all files --------------------------------------------------------------------------------------------------- */

static void free_content(struct otel__tls_content *content) {
    for (size_t i = 0; content && i < OTEL__TLS_ROLES; i++) {
        struct otel__tls_text *text = &content->text[i];
        if (text->ptr)
            OPENSSL_cleanse(text->ptr, text->len);
        free(text->ptr);
    }
    free(content);
}

static otel_str text_of(const struct otel__tls_content *content, enum otel__tls_role role) {
    return otel_strn(content->text[role].ptr, content->text[role].len);
}

static const char *check_file(const struct otel__tls_content *content, enum otel__tls_role role) {
    otel_str text = text_of(content, role);
    if (role == OTEL__TLS_TRUST)
        return otel__tls_check_trust(text);
    if (role == OTEL__TLS_KEY)
        return otel__tls_check_key(text);
    return otel__tls_check_certificate(text, text_of(content, OTEL__TLS_KEY));
}

static bool fill(const struct otel__tls_files *files, struct otel__tls_content *content, otel_error *error) {
    for (enum otel__tls_role role = 0; role < OTEL__TLS_ROLES; role++) {
        if (!files->paths[role])
            continue;
        const char *problem = read_file(files->paths[role], &content->text[role]);
        if (!problem)
            problem = check_file(content, role);
        if (problem)
            return refuse(files, role, problem, error);
    }
    return true;
}

/* NULL: `error` says why. */
static struct otel__tls_content *read_content(const struct otel__tls_files *files, otel_error *error) {
    struct otel__tls_content *content = calloc(1, sizeof *content);
    if (content && fill(files, content, error)) {
        content->generation = files->content ? files->content->generation + 1 : 1;
        return content;
    }
    free_content(content);
    return NULL;
}

/* A file that is not there is a state like another. Returns whether one has changed since the last look. */
static bool look(struct otel__tls_files *files) {
    bool changed = false;
    for (size_t i = 0; i < OTEL__TLS_ROLES; i++) {
        struct stat found;
        struct stamp now = { .inode = 0 }, *seen = &files->seen[i];
        if (files->paths[i] && stat(files->paths[i], &found) == 0)
            now = (struct stamp){ found.st_dev, found.st_ino, found.st_size, found.st_mtim };
        changed = changed || now.device != seen->device || now.inode != seen->inode || now.size != seen->size ||
                  now.modified.tv_sec != seen->modified.tv_sec || now.modified.tv_nsec != seen->modified.tv_nsec;
        *seen = now;
    }
    return changed;
}

const struct otel__tls_content *otel__tls_content(struct otel__tls_files *files) {
    if (!look(files))
        return files->content;
    otel_error error = { "out of memory" };
    struct otel__tls_content *newer = read_content(files, &error), *older = files->content;
    if (!newer) {
        otel_report(OTEL_LOG_WARN, "tls_files", "%s; going on with what was read before", error.text);
        return older;
    }
    files->content = newer;
    free_content(older);
    return newer;
}

/* ---- their life -------------------------------------------------------------------------------------------------- */

static bool copy_settings(struct otel__tls_files *files, const struct otel__tls_settings *settings) {
    for (size_t i = 0; i < OTEL__TLS_ROLES; i++) {
        const struct otel__tls_file *file = &settings->files[i];
        if (!file->path)
            continue;
        files->paths[i] = strdup(file->path);
        files->settings[i] = strdup(file->setting);
        if (!files->paths[i] || !files->settings[i])
            return false;
    }
    return true;
}

static bool check_pair(const struct otel__tls_settings *settings, otel_error *error) {
    const struct otel__tls_file *key = &settings->files[OTEL__TLS_KEY];
    const struct otel__tls_file *certificate = &settings->files[OTEL__TLS_CERTIFICATE];
    if (!key->path == !certificate->path)
        return true;
    const struct otel__tls_file *given = key->path ? key : certificate;
    char shown[160];
    otel__escape(otel_cstr(given->path), shown, sizeof shown);
    snprintf(error->text, sizeof error->text, "%s: the file \"%s\" is of no use without %s", given->setting, shown,
             key->path ? "a client certificate, and none is set" : "the client certificate's key, and none is set");
    return false;
}

struct otel__tls_files *otel__tls_open(const struct otel__tls_settings *settings, otel_error *error) {
    snprintf(error->text, sizeof error->text, "out of memory");
    if (!check_pair(settings, error))
        return NULL;
    struct otel__tls_files *files = calloc(1, sizeof *files);
    if (files && copy_settings(files, settings)) {
        look(files); /* before they are read: a change in between is seen by the next look */
        files->content = read_content(files, error);
    }
    if (files && files->content)
        return files;
    otel__tls_close(files);
    return NULL;
}

void otel__tls_close(struct otel__tls_files *files) {
    if (!files)
        return;
    free_content(files->content);
    for (size_t i = 0; i < OTEL__TLS_ROLES; i++) {
        free(files->paths[i]);
        free(files->settings[i]);
    }
    free(files);
}
