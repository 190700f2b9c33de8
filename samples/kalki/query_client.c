/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_client.c - see query_client.h. The attributes follow OpenTelemetry's semantic conventions for HTTP clients.
 */
#include "query_client.h"

#include <curl/curl.h>
#include <otel/propagation.h>
#include <otel/trace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 1000L
#define TIMEOUT_MS 2000L

OTEL_TRACER(tracer, "kalki.gateway", "1.0.0");

/* ---- the client ---- */

/* A handle for each thread keeps its connection alive from one search to the next; the thread's end closes both. */
static pthread_key_t thread_handle;

static void close_handle(void *handle) { curl_easy_cleanup(handle); }

static CURL *open_handle(void) {
    CURL *handle = pthread_getspecific(thread_handle);
    if (!handle) {
        handle = curl_easy_init();
        pthread_setspecific(thread_handle, handle);
    }
    return handle;
}

static bool read_url(struct query_client *client, CURLU *url, const char *text) {
    char *port = NULL, *user = NULL;
    bool usable = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_HOST, &client->host, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER; /* url.full must not hold secrets */
    client->port = port ? strtol(port, NULL, 10) : 0;
    client->base_url = strdup(text);
    curl_free(port);
    curl_free(user);
    return usable && client->base_url;
}

bool query_client_open(struct query_client *client, const char *url) {
    *client = (struct query_client){ NULL, NULL, 0 };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    pthread_key_create(&thread_handle, close_handle);
    CURLU *parsed = curl_url();
    bool usable = parsed && read_url(client, parsed, url);
    curl_url_cleanup(parsed);
    if (!usable)
        query_client_close(client);
    return usable;
}

void query_client_close(struct query_client *client) {
    curl_free(client->host);
    free(client->base_url);
    *client = (struct query_client){ NULL, NULL, 0 };
    pthread_key_delete(thread_handle);
    curl_global_cleanup();
}

/* ---- injecting the context ---- */

/* The list is new for each request, so that there is never an earlier value to replace. */
static void add_header(void *carrier, const char *key, const char *value, size_t value_len) {
    struct curl_slist **headers = carrier;
    char *line = NULL;
    if (asprintf(&line, "%s: %.*s", key, (int)value_len, value) < 0)
        return;
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer)
        *headers = longer;
    free(line);
}

static const otel_setter header_setter = { .size = sizeof header_setter, .set = add_header };

/* ---- a search ---- */

static void add_argument(struct text *url, CURL *handle, const char *separator, struct query_argument argument) {
    if (!argument.bytes)
        return;
    text_addf(url, "%s", separator);
    if (argument.length == 0) /* which libcurl would take for "measure it" */
        return;
    char *escaped = curl_easy_escape(handle, argument.bytes, (int)argument.length);
    text_addf(url, "%s", escaped ? escaped : "");
    curl_free(escaped);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *reply) {
    struct query_reply *taken = reply;
    return text_add(&taken->body, bytes, size * count) ? size * count : 0;
}

static CURLcode perform(CURL *handle, const char *url, struct curl_slist *headers, char *error,
                        struct query_reply *reply) {
    curl_easy_reset(handle); /* keeps the connection */
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "kalki-gateway/1.0.0");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    return curl_easy_perform(handle);
}

/* For error.type, which must have few distinct values. */
static const char *error_type(CURLcode code) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_COULDNT_CONNECT:
        return "connection_failed";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "name_not_found";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return "connection_lost";
    default:
        return "client_error";
    }
}

/* A client's span is an error for a status of 4xx and 5xx. */
static void set_answered(const otel_span *span, CURL *handle, unsigned status) {
    long version = CURL_HTTP_VERSION_NONE;
    curl_easy_getinfo(handle, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
        otel_set(span, "network.protocol.version", version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1");
    otel_set(span, "http.response.status_code", status);
    if (status < 400)
        return;
    char type[16];
    snprintf(type, sizeof type, "%u", status);
    otel_span_fail(span, type, NULL);
}

static void call(const struct query_client *client, CURL *handle, const char *url, struct query_reply *reply) {
    OTEL_SPAN(span, tracer, "GET", .kind = OTEL_CLIENT,
              .attributes =
                  OTEL_ATTRS(OTEL_ATTR("http.request.method", "GET"), OTEL_ATTR("url.full", url),
                             OTEL_ATTR("server.address", client->host), OTEL_ATTR("server.port", client->port)));
    struct curl_slist *headers = NULL;
    otel_inject(NULL, &header_setter, &headers);

    char error[CURL_ERROR_SIZE] = "";
    CURLcode code = perform(handle, url, headers, error, reply);
    curl_slist_free_all(headers);
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        reply->status = (unsigned)status;
        set_answered(&span, handle, reply->status);
    } else {
        reply->timed_out = code == CURLE_OPERATION_TIMEDOUT;
        otel_span_fail(&span, error_type(code), error[0] ? error : curl_easy_strerror(code));
    }
}

void query_client_search(const struct query_client *client, struct query_argument q, struct query_argument fail,
                         struct query_reply *reply) {
    CURL *handle = open_handle();
    if (!handle)
        return;
    struct text url = { 0 };
    text_addf(&url, "%s/query", client->base_url);
    add_argument(&url, handle, "?q=", q);
    add_argument(&url, handle, "&fail=", fail);
    if (!url.failed)
        call(client, handle, url.bytes, reply);
    text_free(&url);
}
