/* SPDX-License-Identifier: Apache-2.0 */
/* fake_root.h - a folder that stands for / to code that reads files of the system below a root. */
#ifndef OTEL_TEST_FAKE_ROOT_H
#define OTEL_TEST_FAKE_ROOT_H

#include <stddef.h>

/* A new, empty one; the path lives until it is removed. */
const char *fake_root_make(void);
/* Puts a file there, with the folders above it. `path` begins with '/'. */
void fake_root_file(const char *path, const char *text);
void fake_root_bytes(const char *path, const void *bytes, size_t size);
/* Puts a symbolic link there, or a pipe. */
void fake_root_link(const char *path, const char *target);
void fake_root_pipe(const char *path);
/* Removes it with all that is in it. */
void fake_root_remove(void);

#endif
