/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_request_id.c - hostile headers for the propagator of x-request-id; see headers.h. */
#include "headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_request_id, data, size);
    return 0;
}
