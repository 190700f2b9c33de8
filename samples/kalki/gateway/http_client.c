/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.c - see http_client.h. The attributes follow OpenTelemetry's semantic conventions for HTTP clients.
 */
#include "gateway/http_client.h"

#include "service/http_outcome.h"
#include "service/measures.h"
#include "service/moment.h"

#include <curl/curl.h>
#include <otel/propagation.h>
#include <otel/trace.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 1000L

OTEL_TRACER(tracer, "kalki.gateway", "1.0.0");

/* ---- the client ---- */

/* A handle for each thread keeps its connections alive from one call to the next; the thread's end closes both. */
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

static bool is_http(CURLU *url) {
    char *scheme = NULL;
    bool is = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return is;
}

static bool read_url(struct http_client *client, CURLU *url, const char *text) {
    char *port = NULL, *user = NULL;
    bool usable = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK && is_http(url) &&
                  curl_url_get(url, CURLUPART_HOST, &client->host, 0) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                  curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_NO_USER; /* url.full must not hold secrets */
    client->port = port ? strtol(port, NULL, 10) : 0;
    client->base_url = strdup(text);
    curl_free(port);
    curl_free(user);
    return usable && client->base_url;
}

bool http_clients_begin(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    pthread_key_create(&thread_handle, close_handle);
    return true;
}

void http_clients_end(void) {
    pthread_key_delete(thread_handle);
    curl_global_cleanup();
}

bool http_client_open(struct http_client *client, const char *api, const char *url) {
    *client = (struct http_client){ .api = api };
    CURLU *parsed = curl_url();
    bool usable = parsed && read_url(client, parsed, url);
    curl_url_cleanup(parsed);
    if (!usable)
        http_client_close(client);
    return usable;
}

void http_client_close(struct http_client *client) {
    curl_free(client->host);
    free(client->base_url);
    *client = (struct http_client){ .base_url = NULL };
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

/* ---- a call ---- */

void http_client_escape(struct text *target, const char *bytes, size_t length) {
    CURL *handle = open_handle();
    if (length == 0) /* which libcurl would take for "measure it" */
        return;
    char *escaped = handle ? curl_easy_escape(handle, bytes, (int)length) : NULL;
    text_addf(target, "%s", escaped ? escaped : "");
    target->failed = target->failed || !escaped;
    curl_free(escaped);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *reply) {
    struct http_reply *taken = reply;
    return text_add(&taken->body, bytes, size * count) ? size * count : 0;
}

static void set_body(CURL *handle, const struct http_call *call) {
    if (call->body) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static CURLcode perform(CURL *handle, const struct http_call *call, const char *url, struct curl_slist *headers,
                        char *error, struct http_reply *reply) {
    long connect_ms = call->timeout_ms < CONNECT_TIMEOUT_MS ? call->timeout_ms : CONNECT_TIMEOUT_MS;
    curl_easy_reset(handle); /* keeps the connection */
    curl_easy_setopt(handle, CURLOPT_URL, url);
    set_body(handle, call);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "kalki-gateway/1.0.0");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, call->timeout_ms);
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

static void set_answered(const otel_span *span, CURL *handle, unsigned status) {
    long version = CURL_HTTP_VERSION_NONE;
    curl_easy_getinfo(handle, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1)
        otel_set(span, "network.protocol.version", version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1");
    http_outcome_set(span, status, 400);
}

/* Makes the call, and says in the reply what became of it. */
static void exchange(CURL *handle, const struct http_call *call, const char *url, struct curl_slist *headers,
                     char *error, struct http_reply *reply) {
    CURLcode code = perform(handle, call, url, headers, error, reply);
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        reply->status = (unsigned)status;
    } else {
        reply->error = error_type(code);
        reply->timed_out = code == CURLE_OPERATION_TIMEDOUT;
        if (!error[0])
            snprintf(error, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    }
}

/* In Expect's place: libcurl would wait for the server's leave to send a large body. */
static struct curl_slist *first_headers(const struct http_call *call) {
    struct curl_slist *headers = NULL;
    if (call->body) {
        add_header(&headers, "Content-Type", "application/json", 16);
        add_header(&headers, "Expect", "", 0);
    }
    return headers;
}

static void exchange_traced(const struct http_client *client, CURL *handle, const struct http_call *call,
                            const char *url, struct http_reply *reply) {
    OTEL_SPAN(span, tracer, call->method, .kind = OTEL_CLIENT,
              .attributes =
                  OTEL_ATTRS(OTEL_ATTR("http.request.method", call->method), OTEL_ATTR("url.full", url),
                             OTEL_ATTR("server.address", client->host), OTEL_ATTR("server.port", client->port)));
    if (call->gen_ai_operation)
        otel_set(&span, "gen_ai.operation.name", call->gen_ai_operation);
    struct curl_slist *headers = first_headers(call);
    otel_inject(NULL, &header_setter, &headers);

    char error[CURL_ERROR_SIZE] = "";
    exchange(handle, call, url, headers, error, reply);
    curl_slist_free_all(headers);
    if (reply->error)
        otel_span_fail(&span, reply->error, error);
    else
        set_answered(&span, handle, reply->status);
}

static void exchange_aside(CURL *handle, const struct http_call *call, const char *url, struct http_reply *reply) {
    struct curl_slist *headers = first_headers(call);
    char error[CURL_ERROR_SIZE] = "";
    exchange(handle, call, url, headers, error, reply);
    curl_slist_free_all(headers);
}

static const char *outcome_of(const struct http_reply *reply) {
    if (reply->timed_out || reply->status == 504)
        return "timeout";
    return reply->error || reply->status >= 500 ? "error" : "ok";
}

void http_client_call(const struct http_client *client, const struct http_call *call, struct http_reply *reply) {
    CURL *handle = open_handle();
    struct text url = { 0 };
    text_addf(&url, "%s%s", client->base_url, call->target);
    if (!handle || url.failed) {
        reply->error = "out_of_memory";
    } else if (call->aside) {
        exchange_aside(handle, call, url.bytes, reply);
    } else {
        uint64_t began = steady_ns();
        exchange_traced(client, handle, call, url.bytes, reply);
        measure_external(client->api, outcome_of(reply), seconds_since(began));
    }
    text_free(&url);
}
