/* SPDX-License-Identifier: Apache-2.0 */
/* http_connection.c - see http_connection.h. */
#include "common/http/http_connection.h"

#include "common/http/http_header.h"
#include "common/http/http_proxy.h"
#include "common/http/http_wakeup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADERS_MAX = 64 * 1024, BODY_FIRST = 4096, BODY_KEEP = 64 * 1024 };
/*
 * A host that does not answer a SYN is tried again rather than waited for. The deadline of a request is not libcurl's
 * business: it counts in milliseconds, and would call a request a failed one just before its time was up.
 */
#define CONNECT_MAX_MS 10000L

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static bool add_header(struct otel__http_plan *plan, const char *line) {
    struct curl_slist *longer = curl_slist_append(plan->headers, line);
    if (longer)
        plan->headers = longer;
    return longer != NULL;
}

/* libcurl takes "Name:" for an order to remove the header, and "Name;" for a header without a value. */
static bool add_user_header(struct otel__http_plan *plan, const struct otel__http_header *header) {
    if (otel__http_header_is_ours(header->name))
        return true;
    char *line = NULL;
    const char *middle = header->value.len > 0 ? ": " : ";";
    if (asprintf(&line, "%.*s%s%.*s", (int)header->name.len, header->name.ptr, middle, (int)header->value.len,
                 header->value.len > 0 ? header->value.ptr : "") < 0)
        return false;
    bool added = add_header(plan, line);
    free(line);
    return added;
}

static bool fill_headers(struct otel__http_plan *plan, const struct otel__http_settings *settings) {
    char line[160];
    snprintf(line, sizeof line, "Content-Type: %s", settings->content_type ? settings->content_type : "");
    if ((settings->content_type && !add_header(plan, line)) || !add_header(plan, "Expect:"))
        return false;
    snprintf(line, sizeof line, "Content-Encoding: %s", settings->content_encoding ? settings->content_encoding : "");
    if (settings->content_encoding && !add_header(plan, line))
        return false;
    for (size_t i = 0; i < settings->header_count; i++)
        if (!add_user_header(plan, &settings->headers[i]))
            return false;
    return true;
}

static char *show_host(const struct otel__url *url) {
    char *shown = NULL, socket[OTEL__URL_SOCKET_MAX];
    if (url->socket.len > 0) {
        otel__url_socket(url, socket);
        return asprintf(&shown, "the %ssocket %s", url->abstract ? "abstract " : "", socket) < 0 ? NULL : shown;
    }
    bool brackets = memchr(url->host.ptr, ':', url->host.len) != NULL;
    if (asprintf(&shown, "%s%.*s%s:%d", brackets ? "[" : "", (int)url->host.len, url->host.ptr, brackets ? "]" : "",
                 url->port) < 0)
        return NULL;
    return shown;
}

static char *requested_url(const struct otel__http_settings *settings, bool socket) {
    char *url = NULL;
    if (!socket)
        return strdup(settings->url);
    return asprintf(&url, "http://localhost%s", settings->socket_target ? settings->socket_target : "/") < 0 ? NULL
                                                                                                             : url;
}

bool otel__http_plan_fill(struct otel__http_plan *plan, const struct otel__http_settings *settings) {
    *plan = (struct otel__http_plan){ .url = strdup(settings->url),
                                      .response_limit = settings->response_limit,
                                      .lanes = settings->lanes ? settings->lanes : 1,
                                      .get = settings->get,
                                      .gone_after_ms = settings->gone_after_ms,
                                      .absent_hint = settings->absent_hint,
                                      .foreign_hint = settings->foreign_hint,
                                      .trust_hint = settings->trust_hint };
    if (!plan->url)
        return false;
    otel__url_parse(plan->url, &plan->parts);
    const bool socket = plan->parts.socket.len > 0;
    struct otel__http_proxy proxy = { "", "" };
    if (!socket)
        proxy = otel__http_proxy_find(plan->parts.https, NULL);
    plan->requested = requested_url(settings, socket);
    plan->user_agent = strdup(settings->user_agent);
    plan->proxy = strdup(proxy.proxy);
    plan->no_proxy = strdup(proxy.except);
    plan->shown_host = show_host(&plan->parts);
    return plan->user_agent && plan->proxy && plan->no_proxy && plan->requested && plan->shown_host &&
           fill_headers(plan, settings);
}

void otel__http_plan_free(struct otel__http_plan *plan) {
    free(plan->url);
    free(plan->requested);
    free(plan->user_agent);
    free(plan->proxy);
    free(plan->no_proxy);
    free(plan->shown_host);
    curl_slist_free_all(plan->headers);
    *plan = (struct otel__http_plan){ 0 };
}

/* ---- what libcurl calls ------------------------------------------------------------------------------------------ */

/* The value of the header `name` if `line` is one, without the spaces around it, cut to `size`. */
static void take_header(otel_str line, const char *name, char *out, size_t size) {
    size_t len = strlen(name);
    if (line.len <= len || line.ptr[len] != ':' || strncasecmp(line.ptr, name, len) != 0)
        return;
    const char *from = line.ptr + len + 1, *to = line.ptr + line.len;
    while (from < to && strchr(" \t", *from))
        from++;
    while (to > from && strchr(" \t\r\n", to[-1]))
        to--;
    snprintf(out, size, "%.*s", (int)(to - from), from);
}

static size_t on_header(char *data, size_t size, size_t count, void *user) {
    struct otel__http_lane *lane = user;
    struct otel__http_response *response = &lane->response;
    otel_str line = otel_strn(data, size * count);
    lane->header_bytes += line.len;
    if (lane->header_bytes > HEADERS_MAX) {
        lane->too_large = true;
        return 0;
    }
    if (line.len > 5 && memcmp(line.ptr, "HTTP/", 5) == 0) { /* the final response, after one with a 1xx status */
        response->content_type[0] = response->retry_after[0] = response->location[0] = '\0';
        lane->head_ended = false;
    }
    lane->head_ended |= line.len <= 2;
    take_header(line, "Content-Type", response->content_type, sizeof response->content_type);
    take_header(line, "Retry-After", response->retry_after, sizeof response->retry_after);
    take_header(line, "Location", response->location, sizeof response->location);
    return line.len;
}

static bool body_room(struct otel__http_lane *lane, size_t needed) {
    size_t capacity = lane->body_capacity > 0 ? lane->body_capacity : BODY_FIRST;
    while (capacity < needed)
        capacity *= 2;
    if (capacity == lane->body_capacity)
        return true;
    uint8_t *body = realloc(lane->response.body, capacity);
    if (!body)
        return false;
    lane->response.body = body;
    lane->body_capacity = capacity;
    return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    struct otel__http_lane *lane = user;
    struct otel__http_response *response = &lane->response;
    size_t len = size * count;
    if (len > lane->body_limit - response->body_len) {
        lane->too_large = true;
        return 0;
    }
    if (!body_room(lane, response->body_len + len))
        return 0;
    memcpy(response->body + response->body_len, data, len);
    response->body_len += len;
    return len;
}

/* What is sent has to be acknowledged in time; see otel__http_connection_watch() for when nothing is being sent. */
static void watch_socket(int fd, int family, int gone_after_ms) {
    const int on = 1, second = 1;
    if (gone_after_ms == 0 || family == AF_UNIX)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_after_ms, sizeof gone_after_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &second, sizeof second);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &second, sizeof second);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* Programs that the host starts must not inherit the connection, nor a forked child keep it open. */
static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    struct otel__http_connection *connection = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    watch_socket(fd, address->family, connection->plan->gone_after_ms);
    for (size_t i = 0; fd >= 0 && i < OTEL__HTTP_SOCKETS_MAX; i++)
        if (connection->sockets[i] == CURL_SOCKET_BAD) {
            connection->sockets[i] = fd;
            break;
        }
    return fd;
}

static int on_close(void *user, curl_socket_t fd) {
    struct otel__http_connection *connection = user;
    for (size_t i = 0; i < OTEL__HTTP_SOCKETS_MAX; i++)
        if (connection->sockets[i] == fd)
            connection->sockets[i] = CURL_SOCKET_BAD;
    return close(fd);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void set_callbacks(struct otel__http_connection *connection, struct otel__http_lane *lane) {
    CURL *easy = lane->easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, lane->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, lane);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, lane);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, connection);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, connection);
}

static void restrict_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* An older libcurl at run time refuses this option; cancelling then waits for a name look-up that is under way. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* These are libcurl's defaults, or will be: not to be left to a build or a version. */
static void insist_on_tls(CURL *easy) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
}

static bool set_socket(CURL *easy, const struct otel__url *url) {
    char path[OTEL__URL_SOCKET_MAX];
    if (url->socket.len == 0)
        return true;
    otel__url_socket(url, path);
    return curl_easy_setopt(easy, url->abstract ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH, path) ==
           CURLE_OK;
}

static bool set_options(CURL *easy, const struct otel__http_plan *plan) {
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MAX_MS);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, plan->get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, plan->headers);
    /* A libcurl without zlib refuses it, and answers then come as they are. on_body() sees them decompressed. */
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    restrict_protocols(easy);
    insist_on_tls(easy);
    /* Set even when empty, or libcurl would look into the environment. */
    return curl_easy_setopt(easy, CURLOPT_PROXY, plan->proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROXY, plan->no_proxy) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, plan->user_agent) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, plan->requested) == CURLE_OK && set_socket(easy, &plan->parts);
}

static ino_t socket_inode(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode) ? found.st_ino : 0;
}

/* Without one, for lack of descriptors, there is little that could be lost. */
static void call_witness(struct otel__http_connection *connection) {
    connection->witness = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    connection->witness_inode = socket_inode(connection->witness);
}

bool otel__http_connection_lost(const struct otel__http_connection *connection) {
    return connection->witness_inode != socket_inode(connection->witness);
}

bool otel__http_lane_open(struct otel__http_connection *connection, struct otel__http_lane *lane) {
    if (lane->easy)
        return true;
    lane->easy = curl_easy_init();
    if (!lane->easy || !set_options(lane->easy, connection->plan)) {
        curl_easy_cleanup(lane->easy);
        lane->easy = NULL;
        return false;
    }
    set_callbacks(connection, lane);
    lane->body_limit = connection->plan->response_limit;
    return true;
}

struct otel__http_connection *otel__http_connection_create(const struct otel__http_plan *plan) {
    struct otel__http_connection *connection =
        calloc(1, sizeof *connection + plan->lanes * sizeof connection->lanes[0]);
    if (!connection)
        return NULL;
    for (size_t i = 0; i < OTEL__HTTP_SOCKETS_MAX; i++)
        connection->sockets[i] = CURL_SOCKET_BAD;
    connection->plan = plan;
    call_witness(connection);
    connection->multi = otel__http_multi_create(connection->wakeup);
    if (!connection->multi || !otel__http_lane_open(connection, &connection->lanes[0])) {
        otel__http_connection_destroy(connection);
        return NULL;
    }
    curl_multi_setopt(connection->multi, CURLMOPT_MAXCONNECTS, (long)plan->lanes);
    return connection;
}

bool otel__http_connection_busy(const struct otel__http_connection *connection) {
    for (size_t i = 0; i < connection->plan->lanes; i++)
        if (connection->lanes[i].under_way)
            return true;
    return false;
}

void otel__http_connection_watch(struct otel__http_connection *connection, bool under_way) {
    const int on = under_way;
    for (size_t i = 0; connection->plan->gone_after_ms > 0 && i < OTEL__HTTP_SOCKETS_MAX; i++)
        if (connection->sockets[i] != CURL_SOCKET_BAD)
            setsockopt(connection->sockets[i], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static bool set_blob(CURL *easy, CURLoption option, struct otel__tls_text text) {
    struct curl_blob blob = { .data = text.ptr, .len = text.len, .flags = CURL_BLOB_COPY };
    return text.len == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

bool otel__http_lane_secure(struct otel__http_lane *lane, const struct otel__tls_content *content) {
    CURL *easy = lane->easy;
    if (lane->tls_generation == content->generation)
        return true;
    /* Beside the blob, libcurl would go on trusting the system's folder. */
    if (content->text[OTEL__TLS_TRUST].len > 0 && curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK)
        return false;
    if (!set_blob(easy, CURLOPT_CAINFO_BLOB, content->text[OTEL__TLS_TRUST]) ||
        !set_blob(easy, CURLOPT_SSLKEY_BLOB, content->text[OTEL__TLS_KEY]) ||
        !set_blob(easy, CURLOPT_SSLCERT_BLOB, content->text[OTEL__TLS_CERTIFICATE]))
        return false;
    lane->tls_generation = content->generation;
    return true;
}

void otel__http_connection_destroy(struct otel__http_connection *connection) {
    if (!connection)
        return;
    for (size_t i = 0; i < connection->plan->lanes; i++) {
        curl_easy_cleanup(connection->lanes[i].easy);
        free(connection->lanes[i].response.body);
    }
    curl_multi_cleanup(connection->multi); /* closes the connections, which calls on_close() */
    if (connection->witness >= 0)
        close(connection->witness);
    free(connection);
}

void otel__http_lane_clear(struct otel__http_lane *lane) {
    uint8_t *body = lane->response.body;
    if (lane->body_capacity > BODY_KEEP) {
        free(body);
        body = NULL;
        lane->body_capacity = 0;
    }
    lane->response = (struct otel__http_response){ .body = body };
    lane->header_bytes = 0;
    lane->head_ended = false;
    lane->too_large = false;
    lane->error[0] = '\0';
}

static void close_sockets(struct otel__http_connection *connection) {
    for (size_t i = 0; i < OTEL__HTTP_SOCKETS_MAX; i++)
        if (connection->sockets[i] != CURL_SOCKET_BAD)
            close(connection->sockets[i]);
    for (size_t i = 0; i < 2; i++)
        if (connection->wakeup[i] >= 0)
            close(connection->wakeup[i]);
    if (connection->witness >= 0)
        close(connection->witness);
}

void otel__http_connection_leave(struct otel__http_connection *connection) {
    if (!connection)
        return;
    if (!otel__http_connection_lost(connection))
        close_sockets(connection);
    otel__inherited_leave(&connection->inherited);
}
