/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigpipe.h - keeps a write to a closed connection or pipe from killing the host program.
 *
 * Between begin and end SIGPIPE is blocked for the calling thread, and one that arose in between is taken away again;
 * one that was pending before stays. The process-wide disposition is the host's own and is never touched.
 */
#ifndef OTEL_SDK_SIGPIPE_H
#define OTEL_SDK_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct otel__sigpipe {
    sigset_t before;
    bool ours; /* what is pending at the end arose in between */
};

void otel__sigpipe_begin(struct otel__sigpipe *guard);
void otel__sigpipe_end(struct otel__sigpipe *guard);

#endif
