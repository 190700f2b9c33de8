/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_endpoint.c - see autoconfigure_endpoint.h. */
#include "autoconfigure_endpoint.h"

#include "base/url.h"

#include <stdio.h>

bool otel__endpoint_fails(const char *endpoint, const char *member, const char *problem, otel_error *error) {
    char shown[88];
    otel__url_show(endpoint, shown, sizeof shown);
    snprintf(error->text, sizeof error->text, "%s: \"%s\" cannot be used: %.120s", member, shown, problem);
    return false;
}

bool otel__endpoint_check(const char *endpoint, const char *member, otel_error *error) {
    struct otel__url url;
    const char *problem = endpoint ? otel__url_parse(endpoint, &url) : NULL;
    return !problem || otel__endpoint_fails(endpoint, member, problem, error);
}
