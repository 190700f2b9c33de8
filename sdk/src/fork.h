/* SPDX-License-Identifier: Apache-2.0 */
/* fork.h - see fork.c. */
#ifndef OTEL_SDK_FORK_H
#define OTEL_SDK_FORK_H

#include "provider.h"

/* Once per process. */
bool otel__fork_handlers_register(void);

/* How many forks lie between this process and the one that registered: changes when a call returns in a child. */
unsigned otel__fork_count(void);

/* Waits, so long at most for all exporters together, until no thread is inside of foreign code, and keeps it so. */
void otel__foreign_code_rests(struct otel__provider *provider, int most_ms);

#endif
