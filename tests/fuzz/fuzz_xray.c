/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_xray.c - hostile headers for the propagator of AWS X-Ray; see headers.h. */
#include "headers.h"

#include <otel/xray.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_propagator(&otel_propagator_xray, data, size);
    return 0;
}
