/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_target.c - see grpc_target.h. */
#include "base/grpc_target.h"

#include "base/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_plain(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static bool begins(const char *text, const char *with) { return strncasecmp(text, with, strlen(with)) == 0; }

static const char *from_url(const char *endpoint, int port, struct otel__grpc_target *target) {
    struct otel__url url;
    const char *problem = otel__url_parse(endpoint, &url);
    if (problem)
        return problem;
    bool ipv6 = memchr(url.host.ptr, ':', url.host.len);
    bool has_port = url.host.ptr[url.host.len + (ipv6 ? 1 : 0)] == ':'; /* behind the closing bracket */
    int len = snprintf(target->text, sizeof target->text, "%s%.*s%s:%d", ipv6 ? "[" : "", (int)url.host.len,
                       url.host.ptr, ipv6 ? "]" : "", has_port ? url.port : port);
    if (len >= (int)sizeof target->text)
        return "it is too long";
    target->tls = url.https;
    target->ignored = url.user.len > 0 ? "user" : url.tail.len > 0 || url.path.len > 1 ? "path" : NULL;
    return NULL;
}

const char *otel__grpc_target(const char *endpoint, int port, bool insecure, struct otel__grpc_target *target) {
    *target = (struct otel__grpc_target){ .tls = !insecure };
    if (begins(endpoint, "http://") || begins(endpoint, "https://"))
        return from_url(endpoint, port, target);
    if (!*endpoint)
        return "it is empty";
    if (!is_plain(endpoint))
        return "it holds a space, control character or other character that is not ASCII";
    if (strstr(endpoint, "://") && !begins(endpoint, "dns://") && !begins(endpoint, "unix://"))
        return "its scheme is none of http, https, dns, ipv4, ipv6 and unix";
    bool bare = !strchr(endpoint, ':');
    int len = bare ? snprintf(target->text, sizeof target->text, "%s:%d", endpoint, port)
                   : snprintf(target->text, sizeof target->text, "%s", endpoint);
    return len < (int)sizeof target->text ? NULL : "it is too long";
}
