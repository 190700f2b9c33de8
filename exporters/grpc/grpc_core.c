/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_core.c - see grpc_core.h. */
#include "grpc/grpc_core.h"

#include "base/escape.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <otel/exporter.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic pid_t started_by; /* 0: nobody */

/* On any thread of gRPC core. A failed call has its own line, with what matters of this, so that people need not see it. */
static void tell(gpr_log_func_args *line) {
    char shown[400];
    otel__escape(otel_cstr(line->message), shown, sizeof shown);
    otel_report(OTEL_LOG_DEBUG, "grpc", "gRPC core: %s (%s:%d)", shown, line->file, line->line);
}

bool otel__grpc_core_inherited(void) {
    const pid_t owner = atomic_load(&started_by);
    return owner != 0 && owner != getpid();
}

bool otel__grpc_core_start(void) {
    pid_t nobody = 0, self = getpid();
    const bool first = atomic_compare_exchange_strong(&started_by, &nobody, self);
    if (!first && nobody != self)
        return false;
    if (first && !getenv("GRPC_VERBOSITY") && !grpc_is_initialized())
        gpr_set_log_function(tell);
    grpc_init();
    return true;
}

void otel__grpc_core_stop(void) {
    if (!otel__grpc_core_inherited())
        grpc_shutdown();
}
