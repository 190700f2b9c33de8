/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_foreign.c - the libraries that exporters bring along: see otel__foreign_libraries(). */
#include "autoconfigure.h"

#ifdef OTEL__WITH_CURL
#include "autoconfigure_grpc.h"
#include "common/http/http_client.h"
#endif

unsigned otel__foreign_libraries(void) {
#ifdef OTEL__WITH_CURL
    return (unsigned)otel__http_global_init() + (unsigned)otel__grpc_library_found();
#else
    return 0;
#endif
}
