/* SPDX-License-Identifier: Apache-2.0 */
/* sigpipe.c - see sigpipe.h. */
#include "base/sigpipe.h"

#include <errno.h>
#include <time.h>

static void only_sigpipe(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void otel__sigpipe_begin(struct otel__sigpipe *guard) {
    sigset_t pipe_set, pending;
    only_sigpipe(&pipe_set);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_set, &guard->before);
    /* A thread that blocks SIGPIPE anyway has decided what is to become of it. */
    guard->ours = !sigismember(&pending, SIGPIPE) && !sigismember(&guard->before, SIGPIPE);
}

void otel__sigpipe_end(struct otel__sigpipe *guard) {
    int saved = errno;
    if (guard->ours) {
        sigset_t pipe_set;
        only_sigpipe(&pipe_set);
        const struct timespec at_once = { 0, 0 };
        while (sigtimedwait(&pipe_set, NULL, &at_once) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
    errno = saved;
}
