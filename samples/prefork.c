/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefork.c - a server that starts tracing once and then forks its workers. Nothing has to be done for that: each child
 * exports its own spans from a thread of its own, and the context of the fork is the parent of what it does.
 */
#include <otel/sdk.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2

OTEL_TRACER(tracer, "sample.prefork", "1.0.0");

static void work(int number) {
    OTEL_SPAN(span, tracer, "work");
    otel_set(&span, "worker.number", number);
    otel_set(&span, "worker.pid", getpid());
}

/* A worker leaves with _exit(), which runs no exit handlers: so it stops tracing itself. */
static _Noreturn void worker(int number) {
    work(number);
    otel_status sent = otel_sdk_stop(3000);
    printf("worker %d, sending its trace: %s\n", number, otel_status_text(sent));
    fflush(stdout);
    _exit(0);
}

static void fork_workers(void) {
    OTEL_SPAN(span, tracer, "fork workers"); /* the parent ends it; in a child, its end would do nothing */
    for (int number = 0; number < WORKERS; number++) {
        pid_t pid = fork();
        if (pid == 0)
            worker(number);
        if (pid < 0)
            otel_span_fail(&span, "fork", "no more processes");
    }
}

int main(void) {
    otel_sdk_start(OTEL_SDK(.service_name = "prefork"));
    fork_workers();
    while (wait(NULL) > 0)
        continue;
    printf("parent, sending its trace: %s\n", otel_status_text(otel_sdk_stop(3000)));
}
