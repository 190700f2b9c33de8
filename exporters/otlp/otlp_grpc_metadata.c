/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_metadata.c - see otlp_grpc_metadata.h. */
#include "otlp/otlp_grpc_metadata.h"

#include <ctype.h>
#include <strings.h>

/* HTTP/2's and gRPC's own, which gRPC core writes. */
static bool is_reserved(otel_str name) {
    static const char *const ours[] = { "content-type", "te", "user-agent", "host", "connection", "content-length" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strlen(ours[i]) == name.len && strncasecmp(ours[i], name.ptr, name.len) == 0)
            return true;
    return name.len >= 5 && strncasecmp(name.ptr, "grpc-", 5) == 0;
}

/* Bytes under such a name may be any: gRPC core writes them in base64. */
static bool is_binary(otel_str name) { return name.len > 4 && strncasecmp(name.ptr + name.len - 4, "-bin", 4) == 0; }

const char *otel__grpc_metadata_problem(otel_str name, otel_str value) {
    if (name.len == 0)
        return "has no name";
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && (!name.ptr[i] || !strchr("_-.", name.ptr[i])))
            return "has a name that gRPC cannot send: it holds something other than letters, digits, '_', '-' and '.'";
    if (is_reserved(name))
        return "is a header that the exporter or gRPC sets itself";
    for (size_t i = 0; !is_binary(name) && i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return "has a value that gRPC cannot send: it holds something other than printable ASCII";
    return NULL;
}
