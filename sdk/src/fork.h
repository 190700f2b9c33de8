/* SPDX-License-Identifier: Apache-2.0 */
/* fork.h - see fork.c. */
#ifndef OTEL_SDK_FORK_H
#define OTEL_SDK_FORK_H

#include <stdbool.h>

/* Once per process. */
bool otel__fork_handlers_register(void);

/* How many forks lie between this process and the one that registered: changes when a call returns in a child. */
unsigned otel__fork_count(void);

#endif
