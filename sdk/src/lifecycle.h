/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle.h - what the life of the SDK (lifecycle.c) offers to its fork handlers.
 */
#ifndef OTEL_SDK_LIFECYCLE_H
#define OTEL_SDK_LIFECYCLE_H

#include "provider.h"

/* The running provider, kept from being freed until unuse; NULL: none runs, and there is nothing to unuse. */
struct otel__provider *otel__sdk_use(void);
void otel__sdk_unuse(void);

void otel__exit_handler_register(void);
/* In a forked child. */
void otel__sdk_after_fork(void);

#endif
