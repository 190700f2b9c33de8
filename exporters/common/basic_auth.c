/* SPDX-License-Identifier: Apache-2.0 */
/* basic_auth.c - see basic_auth.h. */
#include "common/basic_auth.h"

#include "common/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *otel__basic_auth(const char *user, const char *password) {
    static const char scheme[] = "Basic ";
    char *plain = NULL;
    const int len = asprintf(&plain, "%s:%s", user, password);
    if (len < 0)
        return NULL;
    const size_t size = otel__base64_size((size_t)len);
    char *value = malloc(sizeof scheme + size);
    if (value) {
        memcpy(value, scheme, sizeof scheme);
        for (size_t i = 0; i < (size_t)len; i += 3)
            otel__base64_four((const unsigned char *)plain + i, (size_t)len - i, value + sizeof scheme - 1 + i / 3 * 4);
        value[sizeof scheme - 1 + size] = '\0';
    }
    free(plain);
    return value;
}
