/* SPDX-License-Identifier: Apache-2.0 */
/* url.c - see url.h. */
#include "base/url.h"

#include "base/escape.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { URL_MAX = 8192 };

static otel_str span_of(const char *from, const char *to) { return otel_strn(from, (size_t)(to - from)); }

static const char *find_any(const char *from, const char *to, const char *any) {
    while (from < to && !strchr(any, *from))
        from++;
    return from;
}

static const char *check_characters(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return "it holds a space or control character";
    return NULL;
}

static const char *parse_port(otel_str digits, struct otel__url *url) {
    long port = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!isdigit((unsigned char)digits.ptr[i]) || port > 65535)
            return "its port is not a number from 1 to 65535";
        port = port * 10 + (digits.ptr[i] - '0');
    }
    if (digits.len == 0 || port < 1 || port > 65535)
        return "its port is not a number from 1 to 65535";
    url->port = (int)port;
    return NULL;
}

static bool all_of(otel_str text, const char *beyond_alnum) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > 0x7f || (!isalnum(c) && !strchr(beyond_alnum, c)))
            return false;
    }
    return true;
}

/*
 * What follows is refused here because libcurl refuses it, some of it only when it connects: an endpoint that is
 * accepted must be one that can be sent to.
 */
static const char *check_user(otel_str user) {
    for (size_t i = 0; i < user.len; i++) {
        if (user.ptr[i] == '@')
            return "its user or password holds an '@', which must be written as %40";
        if (i + 2 < user.len && memcmp(user.ptr + i, "%00", 3) == 0)
            return "its user or password holds a %00";
    }
    return NULL;
}

static const char *check_name(otel_str host) {
    if (host.len == 0)
        return "it has no host";
    return all_of(host, "-._~") ? NULL : "its host holds a character other than letters, digits, '-', '.' and '_'";
}

/* An address, and maybe the zone that it is to be reached through: fe80::1%25eth0 */
static const char *check_ipv6(otel_str host) {
    enum { ZONE_MAX = 15 }; /* libcurl's */
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const char *end = host.ptr + host.len, *percent = find_any(host.ptr, end, "%");
    size_t len = (size_t)(percent - host.ptr);
    if (len >= sizeof address)
        return "its IPv6 address is malformed";
    memcpy(address, host.ptr, len);
    address[len] = '\0';
    if (inet_pton(AF_INET6, address, &parsed) != 1)
        return "its IPv6 address is malformed";
    if (percent == end)
        return NULL;
    otel_str zone = span_of(percent + 1, end);
    if (zone.len > 2 && memcmp(zone.ptr, "25", 2) == 0)
        zone = span_of(percent + 3, end);
    bool usable = zone.len > 0 && zone.len <= ZONE_MAX && all_of(zone, "-._~");
    return usable ? NULL : "the zone of its IPv6 address is malformed";
}

static const char *parse_host(const char *from, const char *to, struct otel__url *url, const char **host_end) {
    if (from == to || *from != '[') {
        const char *colon = find_any(from, to, ":");
        if (colon < to && find_any(colon + 1, to, ":") < to)
            return "it holds several ':' where an IPv6 address stands in brackets, as in http://[::1]:4318";
        *host_end = find_any(from, to, ":");
        url->host = span_of(from, *host_end);
        return check_name(url->host);
    }
    *host_end = find_any(from, to, "]");
    if (*host_end == to)
        return "its IPv6 address lacks the closing bracket";
    url->host = span_of(from + 1, *host_end);
    ++*host_end;
    return check_ipv6(url->host);
}

/* user@host:port */
static const char *parse_authority(const char *from, const char *to, struct otel__url *url) {
    for (const char *at = to; at > from; at--)
        if (at[-1] == '@') {
            url->user = span_of(from, at - 1);
            from = at;
            break;
        }
    const char *host_end;
    const char *problem = check_user(url->user);
    if (!problem)
        problem = parse_host(from, to, url, &host_end);
    if (problem || host_end == to)
        return problem;
    return *host_end == ':' ? parse_port(span_of(host_end + 1, to), url)
                            : "something other than a port follows its host";
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

/* NULL: `out` is written. A raw text that is longer than three times the limit is too long however it is encoded. */
static const char *decode_socket(otel_str raw, char out[OTEL__URL_SOCKET_MAX]) {
    char decoded[3 * OTEL__URL_SOCKET_MAX];
    size_t len = OTEL__URL_SOCKET_MAX;
    if (raw.len < sizeof decoded && !otel__str_percent_decode(raw, decoded, &len))
        return "its socket holds a '%' that no two hexadecimal digits follow";
    if (len >= OTEL__URL_SOCKET_MAX)
        return "the path of its socket is longer than 107 bytes";
    if (memchr(decoded, '\0', len))
        return "the path of its socket holds a %00";
    memcpy(out, decoded, len);
    out[len] = '\0';
    return NULL;
}

void otel__url_socket(const struct otel__url *url, char out[OTEL__URL_SOCKET_MAX]) {
    if (decode_socket(url->socket, out) != NULL)
        out[0] = '\0';
}

/* What follows the scheme of a socket; NULL: it is another. */
static const char *skip_socket_scheme(const char *text, bool *abstract) {
    *abstract = strncasecmp(text, "unix-abstract:", 14) == 0;
    if (*abstract)
        return text + 14;
    return strncasecmp(text, "unix:", 5) == 0 ? text + 5 : NULL;
}

static const char *parse_socket(const char *from, struct otel__url *url) {
    char path[OTEL__URL_SOCKET_MAX];
    if (!url->abstract && strncmp(from, "//", 2) == 0)
        from += 2;
    const char *end = from + strlen(from);
    url->socket = span_of(from, end);
    url->host = otel_cstr("localhost");
    url->port = 80;
    url->path = url->tail = span_of(end, end);
    if (!url->abstract && *from != '/')
        return "the path of its socket does not begin with '/', as in unix:///run/otel.sock";
    if (from == end)
        return "its socket has no name";
    if (find_any(from, end, "?#") < end)
        return "a socket has no query and no fragment";
    return decode_socket(url->socket, path);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

const char *otel__url_parse(const char *text, struct otel__url *url) {
    *url = (struct otel__url){ 0 };
    if (!text || !*text)
        return "it is empty";
    if (strnlen(text, URL_MAX + 1) > URL_MAX)
        return "it is longer than 8192 bytes";
    const char *problem = check_characters(text);
    if (problem)
        return problem;
    const char *socket = skip_socket_scheme(text, &url->abstract);
    if (socket)
        return parse_socket(socket, url);
    if (strncasecmp(text, "https://", 8) == 0)
        url->https = true;
    else if (strncasecmp(text, "http://", 7) != 0)
        return "it begins with neither http:// nor https:// nor unix:";
    url->port = url->https ? 443 : 80;
    const char *authority = text + (url->https ? 8 : 7);
    const char *end = text + strlen(text);
    const char *path = find_any(authority, end, "/?#");
    const char *tail = find_any(path, end, "?#");
    url->path = span_of(path, tail);
    url->tail = span_of(tail, end);
    return parse_authority(authority, path, url);
}

/* `text` up to and with `head`, then `middle`, then `tail`. */
static char *join(const char *text, size_t head, const char *middle, otel_str tail) {
    size_t middle_len = strlen(middle);
    char *out = malloc(head + middle_len + tail.len + 1);
    if (!out)
        return NULL;
    memcpy(out, text, head);
    memcpy(out + head, middle, middle_len);
    if (tail.len > 0)
        memcpy(out + head + middle_len, tail.ptr, tail.len);
    out[head + middle_len + tail.len] = '\0';
    return out;
}

char *otel__otlp_url(const char *base, const char *specific, const char *path) {
    struct otel__url url;
    const char *text = specific ? specific : base;
    if (otel__url_parse(text, &url) != NULL)
        return NULL;
    if (url.socket.len > 0)
        return strdup(text);
    size_t head = (size_t)(url.tail.ptr - text);
    if (specific)
        return join(text, head, url.path.len == 0 ? "/" : "", url.tail);
    while (url.path.len > 0 && url.path.ptr[url.path.len - 1] == '/') {
        url.path.len--;
        head--;
    }
    return join(text, head, path, url.tail);
}

/*
 * Of what is no usable URL: before an '@' may be a password, and behind a '?' a token. Where both may be meant, which one
 * cannot be told.
 */
static otel_str harmless_part(const char *text) {
    const char *at = strrchr(text, '@'), *query = strpbrk(text, "?#");
    if (at && query && query < at)
        return otel_cstr("...");
    return span_of(at ? at : text, query ? query : text + strlen(text));
}

void otel__url_show(const char *text, char *out, size_t size) {
    struct otel__url url;
    if (otel__url_parse(text, &url) != NULL) {
        otel__escape(harmless_part(text ? text : ""), out, size);
        return;
    }
    if (url.socket.len > 0) {
        otel__escape(otel_cstr(text), out, size);
        return;
    }
    bool brackets = memchr(url.host.ptr, ':', url.host.len) != NULL;
    bool usual = url.port == (url.https ? 443 : 80);
    char port[16] = "", whole[1024];
    if (!usual)
        snprintf(port, sizeof port, ":%d", url.port);
    snprintf(whole, sizeof whole, "%s://%s%.*s%s%s%.*s", url.https ? "https" : "http", brackets ? "[" : "",
             (int)url.host.len, url.host.ptr, brackets ? "]" : "", port, (int)url.path.len, url.path.ptr);
    otel__escape(otel_cstr(whole), out, size);
}
