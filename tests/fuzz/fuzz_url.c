/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_url.c - hostile endpoints. Whatever it is: what shows it is one clean line without the user's password; the parts
 * of a usable one lie in it; and the URL of trace requests is as usable, goes to the same place, and ends as it must.
 */
#include "base/url.h"
#include "must.h"

#include <curl/curl.h>
#include <stdint.h>

static bool lies_in(otel_str part, const char *text, size_t len) {
    return part.len == 0 || (part.ptr >= text && part.ptr + part.len <= text + len);
}

static bool same(otel_str one, otel_str other) {
    return one.len == other.len && (one.len == 0 || memcmp(one.ptr, other.ptr, one.len) == 0);
}

static void check_shown(const char *text) {
    char shown[160];
    otel__url_show(text, shown, sizeof shown);
    MUST(strnlen(shown, sizeof shown) < sizeof shown);
    for (const char *at = shown; *at; at++) {
        MUST((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
}

static void check_same_place(const struct otel__url *one, const char *text, const char *path_end) {
    struct otel__url other;
    MUST(text != NULL && otel__url_parse(text, &other) == NULL);
    MUST(one->https == other.https && one->port == other.port);
    MUST(same(one->user, other.user) && same(one->host, other.host) && same(one->tail, other.tail));
    const size_t len = strlen(path_end);
    MUST(other.path.len >= len && memcmp(other.path.ptr + other.path.len - len, path_end, len) == 0);
}

/* The one that sends finds the same host. */
static void ask_libcurl(const struct otel__url *url, const char *text) {
    CURLU *const theirs = curl_url();
    char *host = NULL;
    if (curl_url_set(theirs, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_get(theirs, CURLUPART_HOST, &host, 0) == CURLUE_OK && url->host.ptr[-1] != '[') {
        /* What is a number to libcurl, such as 127.1, it writes out. */
        const bool number = strspn(host, "0123456789.") == strlen(host);
        MUST(number || (strlen(host) == url->host.len && strncasecmp(host, url->host.ptr, url->host.len) == 0));
    }
    curl_free(host);
    curl_url_cleanup(theirs);
}

static void check_socket(const struct otel__url *url, const char *text) {
    char path[OTEL__URL_SOCKET_MAX];
    otel__url_socket(url, path);
    MUST(lies_in(url->socket, text, strlen(text)) && strnlen(path, sizeof path) < sizeof path);
    MUST(url->abstract ? path[0] != '\0' : path[0] == '/');
    char *const traces = otel__otlp_url(text, NULL, "/v1/traces");
    MUST(traces != NULL && strcmp(traces, text) == 0);
    free(traces);
}

static void check_usable(const struct otel__url *url, const char *text) {
    const size_t len = strlen(text);
    MUST(url->host.len > 0 && url->port >= 1 && url->port <= 65535);
    MUST(lies_in(url->user, text, len) && lies_in(url->host, text, len));
    MUST(lies_in(url->path, text, len) && lies_in(url->tail, text, len));
    char *const from_base = otel__otlp_url(text, NULL, "/v1/traces");
    char *const as_it_is = otel__otlp_url(NULL, text, "/v1/traces");
    /* One that is nearly too long may be too long with the path. */
    if (len < 8000) {
        check_same_place(url, from_base, "/v1/traces");
        check_same_place(url, as_it_is, url->path.len == 0 ? "/" : "");
    }
    ask_libcurl(url, text);
    free(from_base);
    free(as_it_is);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *const text = strndup((const char *)data, size);
    struct otel__url url;
    MUST(text != NULL);
    check_shown(text);
    if (otel__url_parse(text, &url) == NULL) {
        if (url.socket.len > 0)
            check_socket(&url, text);
        else
            check_usable(&url, text);
    }
    free(text);
    return 0;
}
