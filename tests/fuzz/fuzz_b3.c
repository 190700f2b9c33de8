/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_b3.c - hostile headers for the B3 propagators; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_b3, data, size);
    check_propagator(&otel_propagator_b3multi, data, size);
    return 0;
}
