/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_endpoint.h - endpoints that code gives and that are no good. */
#ifndef OTEL_SDK_AUTOCONFIGURE_ENDPOINT_H
#define OTEL_SDK_AUTOCONFIGURE_ENDPOINT_H

#include <otel/sdk.h>

/* Says in `error` that the endpoint, which came as `member`, cannot be used, and why; its password is not shown. False. */
bool otel__endpoint_fails(const char *endpoint, const char *member, const char *problem, otel_error *error);
/* Whether it is a URL for HTTP, or NULL. Otherwise as above. */
bool otel__endpoint_check(const char *endpoint, const char *member, otel_error *error);

#endif
