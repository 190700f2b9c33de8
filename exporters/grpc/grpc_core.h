/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_core.h - gRPC core as this process has it.
 *
 * DESIGN. gRPC core is started by the first use, so that a process that never exported may fork: its threads would stay
 * behind in the parent. A process that finds it started by another one never touches it again. What it has to say goes
 * to our diagnostics instead of to standard error, unless somebody else has started it before, whose it is then, or
 * asks for its own way of telling by GRPC_VERBOSITY.
 */
#ifndef OTEL_GRPC_CORE_H
#define OTEL_GRPC_CORE_H

#include <stdbool.h>

/* Once more each time it succeeds. False: this process cannot, because it was forked from one that did. Thread-safe. */
bool otel__grpc_core_start(void);
/* Undoes one start; in a child of who started, nothing. */
void otel__grpc_core_stop(void);
/* Whether this process is a child of the one that started it. */
bool otel__grpc_core_inherited(void);

#endif
