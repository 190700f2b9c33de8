/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.c - see say.h. A pipe that poll() finds ready takes PIPE_BUF bytes without waiting.
 */
#include "service/say.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>

#define PATIENCE_MS 1000

void say(FILE *where, const char *format, ...) {
    char line[PIPE_BUF - 1]; /* with the end of the line: what a pipe takes whole */
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): false where two libraries compile a file, the second time */
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    struct pollfd polled = { .fd = fileno(where), .events = POLLOUT };
    if (poll(&polled, 1, PATIENCE_MS) <= 0)
        return;
    fprintf(where, "%s\n", line);
    fflush(where);
}
