/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_b3multi.c - hostile headers for the propagator that writes the several fields of B3; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_b3multi, data, size);
    return 0;
}
