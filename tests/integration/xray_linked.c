/* SPDX-License-Identifier: Apache-2.0 */
/* xray_linked.c - names nothing of libotel-xray, which it is linked with: OTEL_PROPAGATORS=xray alone finds it. */
#include <otel/sdk.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    if (otel_sdk_start(NULL) != OTEL_OK) {
        return 1;
    }
    const otel_propagator *first = otel_propagators_get(0);
    printf("the first propagator: %s\n", first != NULL ? first->name : "none");
    otel_sdk_stop(1000);
    return first == NULL || strcmp(first->name, "xray") != 0 || otel_propagators_get(1) != NULL;
}
