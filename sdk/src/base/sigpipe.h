/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigpipe.h - keeps a write to a closed connection or pipe, or past the process's limit of a file's size, from killing
 * the host program.
 *
 * Between begin and end SIGPIPE and SIGXFSZ are blocked for the calling thread, and what arose in between is taken away
 * again; what was pending before stays. The process-wide disposition is the host's own and is never touched.
 */
#ifndef OTEL_SDK_SIGPIPE_H
#define OTEL_SDK_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct otel__sigpipe {
    sigset_t before;
    sigset_t ours; /* of these, what is pending at the end arose in between */
    bool any;
};

void otel__sigpipe_begin(struct otel__sigpipe *guard);
void otel__sigpipe_end(struct otel__sigpipe *guard);

#endif
