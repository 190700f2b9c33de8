/* SPDX-License-Identifier: Apache-2.0 */
/* background.c - see background.h. */
#include "background.h"

#include <errno.h>
#include <signal.h>

enum { STACK_SIZE = 512 * 1024 };

/* With a stack of our own size if that can be had: programs with much thread-local storage need the default. */
static int create_sized(pthread_t *thread, void *(*run)(void *data), void *data, size_t stack_size) {
    pthread_attr_t attributes;
    int rc = pthread_attr_init(&attributes);
    if (rc != 0)
        return rc;
    if (stack_size)
        pthread_attr_setstacksize(&attributes, stack_size);
    rc = pthread_create(thread, &attributes, run, data);
    pthread_attr_destroy(&attributes);
    return rc;
}

int otel__background_start(pthread_t *thread, void *(*run)(void *data), void *data) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = create_sized(thread, run, data, STACK_SIZE);
    if (rc == EINVAL)
        rc = create_sized(thread, run, data, 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}
