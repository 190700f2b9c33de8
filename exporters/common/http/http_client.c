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
#include <string.h>

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
    if (client->connection && !otel__http_connection_busy(client->connection) &&
        otel__http_connection_lost(client->connection))
        leave_connection(client);
    if (!client->connection) {
        client->connection = otel__http_connection_create(&client->plan);
        if (client->connection)
            atomic_store(&client->wakeable, client->connection->multi);
    }
    return client->connection != NULL;
}

/* False: libcurl refuses, or memory is short; without the files that are set nothing is to be sent. */
static bool secure_client(struct otel__http_client *client, struct otel__http_lane *lane) {
    return !client->tls || otel__http_lane_secure(lane, otel__tls_content(client->tls));
}

/* False: `error` says why. */
static bool open_tls(struct otel__http_client *client, const struct otel__tls_settings *settings, otel_error *error) {
    if (!settings)
        return true;
    client->tls = otel__tls_open(settings, error);
    if (!client->tls)
        return false;
    if (secure_client(client, &client->connection->lanes[0]))
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

/* A fragment is of no use to a server. */
static char *with_query(const char *url, const char *query) {
    char *whole = NULL;
    const int len = (int)strcspn(url, "#");
    const char *before = memchr(url, '?', (size_t)len) ? "&" : "?";
    return asprintf(&whole, "%.*s%s%s", len, url, before, query) < 0 ? NULL : whole;
}

bool otel__http_add_query(struct otel__http_client *client, const char *query) {
    char *requested = with_query(client->plan.requested, query);
    if (!requested)
        return false;
    free(client->plan.requested);
    client->plan.requested = requested;
    return curl_easy_setopt(client->connection->lanes[0].easy, CURLOPT_URL, requested) == CURLE_OK;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void set_request(const struct otel__http_client *client, const struct otel__http_lane *lane) {
    curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
    if (client->plan.get)
        return;
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, lane->body);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)lane->len);
}

/* Hands the lane's request to libcurl. This and what follows up to otel__http_begin(): inside the gate. */
static bool launch(struct otel__http_client *client, struct otel__http_lane *lane) {
    otel__http_lane_clear(lane);
    if (!otel__http_lane_open(client->connection, lane) || !secure_client(client, lane))
        return false;
    set_request(client, lane);
    otel__http_connection_watch(client->connection, true);
    lane->under_way = curl_multi_add_handle(client->connection->multi, lane->easy) == CURLM_OK;
    return lane->under_way;
}

static void land(struct otel__http_client *client, struct otel__http_lane *lane) {
    curl_multi_remove_handle(client->connection->multi, lane->easy);
    lane->under_way = false;
    otel__http_connection_watch(client->connection, otel__http_connection_busy(client->connection));
}

static bool begin(struct otel__http_client *client, unsigned index, const void *body, size_t len) {
    if (!connect_client(client))
        return false;
    struct otel__http_lane *lane = &client->connection->lanes[index];
    lane->body = body;
    lane->len = len;
    lane->again = false;
    if (launch(client, lane))
        return true;
    snprintf(lane->response.problem, sizeof lane->response.problem, "libcurl refuses the request, or memory is short");
    return false;
}

/* A lane whose transfer libcurl is done with, for better or worse; NULL: none is. */
static struct otel__http_lane *find_ended(struct otel__http_connection *connection, CURLcode *code) {
    int more = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(connection->multi, &more)) != NULL;) {
        struct otel__http_lane *lane = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        *code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&lane);
        return lane;
    }
    return NULL;
}

/* When libcurl's own state is broken, one request after the other fails. */
static struct otel__http_lane *find_under_way(struct otel__http_connection *connection) {
    for (size_t i = 0; i < connection->plan->lanes; i++)
        if (connection->lanes[i].under_way)
            return &connection->lanes[i];
    return NULL;
}

/* A server may close an idle connection at any moment, which is no failure. */
static bool was_stale(const struct otel__http_lane *lane, CURLcode code) {
    long connects = 1;
    curl_easy_getinfo(lane->easy, CURLINFO_NUM_CONNECTS, &connects);
    bool broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
    return broken && connects == 0 && lane->header_bytes == 0;
}

/* UNDER_WAY: it was asked again at once, on a fresh connection. */
static enum otel__http_result conclude(struct otel__http_client *client, struct otel__http_lane *lane, CURLcode code) {
    const bool stale = was_stale(lane, code) && !lane->again;
    enum otel__http_result result = otel__http_judge(lane, &client->plan, code);
    land(client, lane);
    if (!stale)
        return result;
    lane->again = true;
    return launch(client, lane) ? OTEL__HTTP_UNDER_WAY : OTEL__HTTP_IMPOSSIBLE;
}

/* Lets libcurl work. `*worked` becomes false when it has nothing to do but wait. */
static enum otel__http_result work(struct otel__http_client *client, unsigned *index, bool *worked) {
    struct otel__http_connection *connection = client->connection;
    int running = 0;
    CURLcode code = CURLE_FAILED_INIT;
    CURLMcode multi_code = curl_multi_perform(connection->multi, &running);
    struct otel__http_lane *lane = find_ended(connection, &code);
    if (!lane && multi_code != CURLM_OK)
        lane = find_under_way(connection);
    *worked = lane != NULL;
    if (!lane)
        return OTEL__HTTP_UNDER_WAY;
    *index = (unsigned)(lane - connection->lanes);
    return conclude(client, lane, code);
}

enum otel__http_result otel__http_begin(struct otel__http_client *client, unsigned lane, const void *body, size_t len,
                                        uint64_t deadline) {
    if (otel__http_cancelled(client))
        return OTEL__HTTP_CANCELLED;
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    enum otel__http_result result = OTEL__HTTP_TIMED_OUT;
    if (otel__clock_monotonic() < deadline && otel__fork_gate_enter(&client->gate, deadline)) {
        result = begin(client, lane, body, len) ? OTEL__HTTP_UNDER_WAY : OTEL__HTTP_IMPOSSIBLE;
        otel__fork_gate_leave(&client->gate);
    } else if (client->connection) {
        otel__http_lane_clear(&client->connection->lanes[lane]);
    }
    otel__sigpipe_end(&guard);
    return result;
}

static enum otel__http_result run(struct otel__http_client *client, uint64_t until, unsigned *lane) {
    for (;;) {
        bool worked = false;
        if (!otel__fork_gate_enter(&client->gate, until))
            return OTEL__HTTP_UNDER_WAY;
        enum otel__http_result result = connect_client(client) ? work(client, lane, &worked) : OTEL__HTTP_IMPOSSIBLE;
        otel__fork_gate_leave(&client->gate);
        if (result != OTEL__HTTP_UNDER_WAY)
            return result;
        if (otel__http_cancelled(client))
            return OTEL__HTTP_CANCELLED;
        if (otel__clock_monotonic() >= until)
            return OTEL__HTTP_UNDER_WAY;
        if (!worked)
            curl_multi_poll(client->connection->multi, NULL, 0, otel__deadline_left_ms(until), NULL);
    }
}

enum otel__http_result otel__http_run(struct otel__http_client *client, uint64_t until, unsigned *lane) {
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    enum otel__http_result result = run(client, until, lane);
    otel__sigpipe_end(&guard);
    return result;
}

/* While a lane is under way its connection is not left: see connect_client(). */
void otel__http_give_up(struct otel__http_client *client, unsigned lane) {
    struct otel__http_lane *given_up = &client->connection->lanes[lane];
    struct otel__sigpipe guard;
    otel__sigpipe_begin(&guard);
    bool inside = otel__fork_gate_enter(&client->gate, otel__clock_monotonic() + GRACE_MS * OTEL__MILLISECOND);
    otel__http_explain_timeout(given_up, &client->plan);
    land(client, given_up);
    if (inside)
        otel__fork_gate_leave(&client->gate);
    otel__sigpipe_end(&guard);
}

bool otel__http_leave_lost(struct otel__http_client *client) {
    const bool lost = client->connection && otel__http_connection_lost(client->connection);
    if (lost)
        leave_connection(client);
    return lost;
}

const struct otel__http_response *otel__http_response(const struct otel__http_client *client, unsigned lane) {
    static const struct otel__http_response none = { .problem = "out of memory" };
    return client->connection ? &client->connection->lanes[lane].response : &none;
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
