/* SPDX-License-Identifier: Apache-2.0 */
/* sigpipe.c - see sigpipe.h. */
#include "base/sigpipe.h"

#include <errno.h>
#include <time.h>

static const int raised_by_writes[] = { SIGPIPE, SIGXFSZ };

void otel__sigpipe_begin(struct otel__sigpipe *guard) {
    sigset_t both, pending;
    sigemptyset(&both);
    sigemptyset(&guard->ours);
    guard->any = false;
    for (size_t i = 0; i < sizeof raised_by_writes / sizeof *raised_by_writes; i++)
        sigaddset(&both, raised_by_writes[i]);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &both, &guard->before);
    for (size_t i = 0; i < sizeof raised_by_writes / sizeof *raised_by_writes; i++) {
        const int number = raised_by_writes[i];
        /* A thread that blocks it anyway has decided what is to become of it. */
        if (sigismember(&pending, number) || sigismember(&guard->before, number))
            continue;
        sigaddset(&guard->ours, number);
        guard->any = true;
    }
}

void otel__sigpipe_end(struct otel__sigpipe *guard) {
    int saved = errno;
    const struct timespec at_once = { 0, 0 };
    while (guard->any && (sigtimedwait(&guard->ours, NULL, &at_once) >= 0 || errno == EINTR)) {}
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
    errno = saved;
}
