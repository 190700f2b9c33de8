/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_jaeger.c - hostile headers for the propagator of Jaeger's clients; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_jaeger, data, size);
    return 0;
}
