/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_core.c - see grpc_core.h. */
#include "grpc/grpc_core.h"

#include "base/escape.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <otel/exporter.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic pid_t started_by; /* 0: nobody */
static atomic_bool left_behind;  /* by a fork since then */

/* On any thread of gRPC core. A failed call has its own line, with what matters of this, so that people need not see it. */
static void tell(gpr_log_func_args *line) {
    char shown[400];
    otel__escape(otel_cstr(line->message), shown, sizeof shown);
    otel_report(OTEL_LOG_DEBUG, "grpc", "gRPC core: %s (%s:%d)", shown, line->file, line->line);
}

/* A number is given to a process again, even to a descendant: it tells only of children that skip these handlers. */
bool otel__grpc_core_inherited(void) {
    const pid_t owner = atomic_load(&started_by);
    return atomic_load(&left_behind) || (owner != 0 && owner != getpid());
}

static void leave_behind(void) { atomic_store(&left_behind, true); }

bool otel__grpc_core_start(void) {
    pid_t nobody = 0;
    const bool first = atomic_compare_exchange_strong(&started_by, &nobody, getpid());
    if (otel__grpc_core_inherited())
        return false;
    if (first)
        pthread_atfork(NULL, NULL, leave_behind);
    if (first && !getenv("GRPC_VERBOSITY") && !grpc_is_initialized())
        gpr_set_log_function(tell);
    grpc_init();
    return true;
}

void otel__grpc_core_stop(void) {
    if (!otel__grpc_core_inherited())
        grpc_shutdown();
}
