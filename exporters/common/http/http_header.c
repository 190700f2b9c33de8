/* SPDX-License-Identifier: Apache-2.0 */
/* http_header.c - see http_header.h. */
#include "common/http/http_header.h"

#include <ctype.h>
#include <strings.h>

static bool is_token_char(char c) { return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c)); }

const char *otel__http_header_problem(otel_str name, otel_str value) {
    if (name.len == 0)
        return "it has no name";
    for (size_t i = 0; i < name.len; i++)
        if (!is_token_char(name.ptr[i]))
            return "its name holds a character that no header name may hold";
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
            return "its value holds a control character";
    return NULL;
}

bool otel__http_header_is_ours(otel_str name) {
    static const char *const ours[] = { "Content-Type",      "Content-Encoding", "Content-Length",
                                        "Transfer-Encoding", "Connection",       "Expect" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == name.len && strncasecmp(ours[i], name.ptr, name.len) == 0)
            return true;
    return false;
}
