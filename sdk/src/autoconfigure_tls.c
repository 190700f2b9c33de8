/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_tls.c - see autoconfigure_tls.h. */
#ifdef OTEL__WITH_CURL
#include "autoconfigure_tls.h"

#include "base/url.h"
#include "diagnostics.h"

const char *otel__tls_plaintext(const char *endpoint) {
    struct otel__url url;
    const bool encrypted = !otel__url_parse(endpoint, &url) && url.https;
    return encrypted ? NULL : "does not begin with https://";
}

bool otel__tls_of_use(const struct otel__tls_settings *tls, const char *plaintext, const char *kind) {
    const char *first = NULL;
    for (size_t i = OTEL__TLS_ROLES; i-- > 0;)
        first = tls->files[i].path ? tls->files[i].setting : first;
    if (first && plaintext)
        otel_report(OTEL_LOG_WARN, kind, "%s is of no use, as the endpoint %s: nothing is encrypted", first, plaintext);
    return first && !plaintext;
}

#endif
