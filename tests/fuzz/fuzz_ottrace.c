/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ottrace.c - hostile headers for the propagator of OpenTracing's basic tracers; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_ottrace, data, size);
    return 0;
}
