/* SPDX-License-Identifier: Apache-2.0 */
/* http_status.c - see http_status.h. */
#include "common/http/http_status.h"

#include <stddef.h>

static const struct {
    int status;
    const char *name;
} names[] = {
    { 301, "Moved Permanently" },  { 302, "Found" },
    { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
    { 400, "Bad Request" },        { 401, "Unauthorized" },
    { 403, "Forbidden" },          { 404, "Not Found" },
    { 405, "Method Not Allowed" }, { 407, "Proxy Authentication Required" },
    { 413, "Content Too Large" },  { 415, "Unsupported Media Type" },
    { 429, "Too Many Requests" },  { 500, "Internal Server Error" },
    { 502, "Bad Gateway" },        { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
};

const char *otel__http_status_name(int status) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "";
}
