/* SPDX-License-Identifier: Apache-2.0 */
/* http_proxy.c - see http_proxy.h. */
#include "common/http/http_proxy.h"

#include <stddef.h>
#include <stdlib.h>

static const char *from_environment(const char *name) { return secure_getenv(name); }

/* The first of the names, up to a NULL, that is set and not empty; or "". */
static const char *first_of(const char *(*get)(const char *name), const char *const *names) {
    for (; *names; names++) {
        const char *value = get(*names);
        if (value && *value)
            return value;
    }
    return "";
}

struct otel__http_proxy otel__http_proxy_find(bool https, const char *(*get)(const char *name)) {
    static const char *const for_http[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
    static const char *const for_https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL };
    static const char *const exceptions[] = { "no_proxy", "NO_PROXY", NULL };
    if (!get)
        get = from_environment;
    return (struct otel__http_proxy){ first_of(get, https ? for_https : for_http), first_of(get, exceptions) };
}
