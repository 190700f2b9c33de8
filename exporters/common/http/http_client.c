/* SPDX-License-Identifier: Apache-2.0 */
/* http_client.c - see http_client.h. */
#include "common/http/http_client.h"

#include "base/clock.h"
#include "base/escape.h"
#include "base/sigpipe.h"
#include "base/url.h"
#include "common/fork_gate.h"
#include "common/http/http_connection.h"
#include "common/http/http_header.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* How much longer than its deadline a request may wait for a fork() to end, to be taken down in order. */
enum { GRACE_MS = 1000 };

struct otel__http_client {
    struct otel__http_plan plan;
    struct otel__tls_files *tls;              /* NULL: none are set */
    struct otel__http_connection *connection; /* NULL in a child that has not posted yet */
    _Atomic(CURLM *) wakeable; /* the connection's multi handle; for cancel, which comes from any thread */
    atomic_bool cancelled;
    struct otel__fork_gate gate;
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static bool global_ready;

static void global_init(void) { global_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

bool otel__http_global_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    return global_ready;
}

static bool refuse_header(const struct otel__http_header *header, const char *problem, otel_error *error) {
    char name[64];
    otel__escape(header->name, name, sizeof name); /* never the value: it is often a secret */
    snprintf(error->text, sizeof error->text, "header \"%s\" cannot be sent: %s", name, problem);
    return false;
}

static bool refuse_url(const char *text, const char *problem, otel_error *error) {
    char shown[160];
    otel__url_show(text, shown, sizeof shown);
    snprintf(error->text, sizeof error->text, "the URL \"%s\" cannot be used: %s", shown, problem);
    return false;
}

/* libcurl has the last word on a URL, and it should have it now rather than at the first export. */
static const char *ask_libcurl(const char *text, const struct otel__url *parts) {
    const int features = curl_version_info(CURLVERSION_NOW)->features;
    if (parts->https && !(features & CURL_VERSION_SSL))
        return "libcurl has been built without TLS";
    if (parts->socket.len > 0)
        return features & CURL_VERSION_UNIX_SOCKETS ? NULL : "libcurl has been built without Unix sockets";
    CURLU *url = curl_url();
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(url);
    if (code == CURLUE_OUT_OF_MEMORY)
        return "memory is short";
    return code == CURLUE_OK ? NULL : "it is malformed";
}

/* False: `error` says why. */
static bool check(const struct otel__http_settings *settings, otel_error *error) {
    struct otel__url url;
    const char *problem = otel__url_parse(settings->url, &url);
    if (!problem)
        problem = ask_libcurl(settings->url, &url);
    if (problem)
        return refuse_url(settings->url, problem, error);
    for (size_t i = 0; i < settings->header_count; i++) {
        const struct otel__http_header *header = &settings->headers[i];
        problem = otel__http_header_problem(header->name, header->value);
        if (problem)
            return refuse_header(header, problem, error);
    }
    return true;
}

/* Never to touch the connection again. */
static void leave_connection(struct otel__http_client *client) {
    atomic_store(&client->wakeable, NULL);
    otel__http_connection_leave(client->connection);
    client->connection = NULL;
}

static bool connect_client(struct otel__http_client *client) {
    if (client->connection && otel__http_connection_lost(client->connection))
        leave_connection(client);
    if (!client->connection) {
        client->connection = otel__http_connection_create(&client->plan);
        if (client->connection)
            atomic_store(&client->wakeable, client->connection->multi);
    }
    return client->connection != NULL;
}

/* False: libcurl refuses, or memory is short; without the files that are set nothing is to be sent. */
static bool secure_client(struct otel__http_client *client) {
    return !client->tls || otel__http_connection_secure(client->connection, otel__tls_content(client->tls));
}

/* False: `error` says why. */
static bool open_tls(struct otel__http_client *client, const struct otel__tls_settings *settings, otel_error *error) {
    if (!settings)
        return true;
    client->tls = otel__tls_open(settings, error);
    if (!client->tls)
        return false;
    if (secure_client(client))
        return true;
    snprintf(error->text, sizeof error->text, "libcurl %s cannot take certificates from memory",
             curl_version_info(CURLVERSION_NOW)->version);
    return false;
}

struct otel__http_client *otel__http_create(const struct otel__http_settings *settings, otel_error *error) {
    static const otel_error short_of_memory = { "out of memory, or libcurl cannot be initialised" };
    *error = short_of_memory;
    if (!otel__http_global_init() || !check(settings, error))
        return NULL;
    struct otel__http_client *client = calloc(1, sizeof *client);
    if (!client || !otel__http_plan_fill(&client->plan, settings) || !connect_client(client) ||
        !open_tls(client, settings->tls, error)) {
        otel__http_destroy(client);
        return NULL;
    }
    return client;
}

void otel__http_destroy(struct otel__http_client *client) {
    if (!client)
        return;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    bool inside = otel__fork_gate_enter(&client->gate, otel__clock_monotonic() + GRACE_MS * OTEL__MILLISECOND);
    if (client->connection && otel__http_connection_lost(client->connection))
        leave_connection(client);
    otel__http_connection_destroy(client->connection);
    if (inside)
        otel__fork_gate_leave(&client->gate);
    otel__sigpipe_end(&guard);
    otel__tls_close(client->tls);
    otel__http_plan_free(&client->plan);
    free(client);
}

/* ---- one request ------------------------------------------------------------------------------------------------- */

static void set_request(CURL *easy, const void *body, size_t len) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
}

/* Drives the transfer until libcurl is done with it (ANSWERED: for better or worse), or it has to be given up. */
static enum otel__http_result drive(struct otel__http_client *client, uint64_t deadline) {
    CURLM *multi = client->connection->multi;
    for (;;) {
        int running = 0;
        if (otel__clock_monotonic() >= deadline || !otel__fork_gate_enter(&client->gate, deadline))
            return OTEL__HTTP_TIMED_OUT;
        CURLMcode code = curl_multi_perform(multi, &running);
        otel__fork_gate_leave(&client->gate);
        if (running == 0 || code != CURLM_OK)
            return OTEL__HTTP_ANSWERED;
        if (otel__http_cancelled(client))
            return OTEL__HTTP_CANCELLED;
        curl_multi_poll(multi, NULL, 0, otel__deadline_left_ms(deadline), NULL);
    }
}

static CURLcode transfer_result(CURLM *multi) {
    int more = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &more)) != NULL;)
        if (message->msg == CURLMSG_DONE)
            return message->data.result;
    return CURLE_FAILED_INIT;
}

/* Judges the transfer; `*stale` becomes true when a connection kept from before turned out to be dead. */
static enum otel__http_result conclude(struct otel__http_client *client, enum otel__http_result driven, bool *stale) {
    struct otel__http_connection *connection = client->connection;
    if (driven == OTEL__HTTP_TIMED_OUT)
        otel__http_explain_timeout(connection, &client->plan);
    if (driven != OTEL__HTTP_ANSWERED)
        return driven;
    CURLcode code = transfer_result(connection->multi);
    long connects = 1;
    curl_easy_getinfo(connection->easy, CURLINFO_NUM_CONNECTS, &connects);
    bool broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
    *stale = broken && connects == 0 && connection->header_bytes == 0;
    return otel__http_judge(connection, &client->plan, code);
}

/* Hands the request to libcurl; inside the gate. */
static bool begin(struct otel__http_client *client, const void *body, size_t len) {
    if (!connect_client(client) || !secure_client(client))
        return false;
    set_request(client->connection->easy, body, len);
    return curl_multi_add_handle(client->connection->multi, client->connection->easy) == CURLM_OK;
}

static enum otel__http_result attempt(struct otel__http_client *client, const void *body, size_t len, uint64_t deadline,
                                      bool *stale) {
    if (client->connection)
        otel__http_connection_clear(client->connection);
    if (!otel__fork_gate_enter(&client->gate, deadline))
        return OTEL__HTTP_TIMED_OUT;
    bool begun = begin(client, body, len);
    otel__fork_gate_leave(&client->gate);
    if (!begun)
        return OTEL__HTTP_IMPOSSIBLE;

    enum otel__http_result driven = drive(client, deadline);

    bool inside = otel__fork_gate_enter(&client->gate, deadline + GRACE_MS * OTEL__MILLISECOND);
    enum otel__http_result result = conclude(client, driven, stale);
    curl_multi_remove_handle(client->connection->multi, client->connection->easy);
    if (inside)
        otel__fork_gate_leave(&client->gate);
    return result;
}

enum otel__http_result otel__http_post(struct otel__http_client *client, const void *body, size_t len,
                                       uint64_t deadline) {
    if (otel__http_cancelled(client))
        return OTEL__HTTP_CANCELLED;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    bool stale = false;
    enum otel__http_result result = attempt(client, body, len, deadline, &stale);
    /* A server may close an idle connection at any moment, which is no failure: ask again at once, on a fresh one. */
    if (stale)
        result = attempt(client, body, len, deadline, &stale);
    otel__sigpipe_end(&guard);
    return result;
}

const struct otel__http_response *otel__http_response(const struct otel__http_client *client) {
    static const struct otel__http_response none = { .problem = "out of memory" };
    return client->connection ? &client->connection->response : &none;
}

bool otel__http_wait(struct otel__http_client *client, uint64_t until) {
    if (!otel__fork_gate_enter(&client->gate, until))
        return true;
    bool ready = connect_client(client);
    otel__fork_gate_leave(&client->gate);
    while (ready && !otel__http_cancelled(client)) {
        int left = otel__deadline_left_ms(until);
        if (left == 0)
            return true;
        curl_multi_poll(client->connection->multi, NULL, 0, left, NULL);
    }
    return false;
}

/* ---- from other threads ------------------------------------------------------------------------------------------ */

void otel__http_cancel(struct otel__http_client *client) {
    atomic_store(&client->cancelled, true);
    CURLM *multi = atomic_load(&client->wakeable);
    if (multi)
        curl_multi_wakeup(multi);
}

bool otel__http_cancelled(struct otel__http_client *client) { return atomic_load(&client->cancelled); }

void otel__http_before_fork(struct otel__http_client *client) { otel__fork_gate_close(&client->gate); }

bool otel__http_at_rest(const struct otel__http_client *client) { return otel__fork_gate_empty(&client->gate); }

void otel__http_after_fork(struct otel__http_client *client, bool in_child) {
    if (in_child)
        leave_connection(client);
    otel__fork_gate_open(&client->gate, in_child);
}
