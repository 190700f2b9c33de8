/* SPDX-License-Identifier: Apache-2.0 */
/* background.h - threads of our own: they block every signal, and have a stack of our own size. */
#ifndef OTEL_SDK_BACKGROUND_H
#define OTEL_SDK_BACKGROUND_H

#include <pthread.h>

/* 0, or an error number. */
int otel__background_start(pthread_t *thread, void *(*run)(void *data), void *data);

#endif
