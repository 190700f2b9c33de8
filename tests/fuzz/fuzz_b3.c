/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_b3.c - hostile headers for the propagator that writes the single field of B3; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_b3, data, size);
    return 0;
}
