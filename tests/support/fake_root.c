/* SPDX-License-Identifier: Apache-2.0 */
/* fake_root.c - see fake_root.h. */
#include "fake_root.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char root[64];

const char *fake_root_make(void) {
    snprintf(root, sizeof root, "/tmp/otel-root-XXXXXX");
    assert_non_null(mkdtemp(root));
    return root;
}

/* The path below the root, whose folders exist afterwards. */
static const char *place(const char *path) {
    static char where[PATH_MAX];
    snprintf(where, sizeof where, "%s%s", root, path);
    for (char *slash = strchr(where + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(where, 0700);
        *slash = '/';
    }
    unlink(where);
    return where;
}

void fake_root_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(place(path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void fake_root_file(const char *path, const char *text) { fake_root_bytes(path, text, strlen(text)); }

void fake_root_link(const char *path, const char *target) { assert_int_equal(symlink(target, place(path)), 0); }

void fake_root_pipe(const char *path) { assert_int_equal(mkfifo(place(path), 0600), 0); }

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

void fake_root_remove(void) {
    if (root[0])
        nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    root[0] = '\0';
}
