/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.h - requests to one URL, POSTs unless it is told otherwise, over connections that are kept alive.
 *
 * DESIGN. libcurl's multi interface with an easy handle for each lane, in which one request at a time is under way,
 * driven by whichever thread calls otel__http_run(): no thread, no timer and no callback outside
 * of a call. While there is nothing to do, nothing runs; while a request is under way the thread sleeps in
 * curl_multi_poll(), from which otel__http_cancel() wakes it. Everything that libcurl
 * would look up for itself in the environment is read once, at creation, with secure_getenv(). Answers may come
 * compressed with gzip; limits and bodies are those of what they are then.
 *
 * begin, run and give_up must not overlap each other; cancel may overlap anything but destroy. The fork functions come from
 * the thread that forks, and keep the fork away from the moments in which a request runs libcurl's and OpenSSL's code;
 * waiting for the network is no such moment. The child leaves the inherited connection behind, closing its own copy
 * of the sockets only, and makes a connection of its own with the next request.
 */
#ifndef OTEL_EXPORTERS_HTTP_CLIENT_H
#define OTEL_EXPORTERS_HTTP_CLIENT_H

#include "common/tls/tls_files.h"

#include <otel/status.h>
#include <otel/types.h>

/* Requests that may be under way at once. */
enum { OTEL__HTTP_LANES_MAX = 16 };

struct otel__http_header {
    otel_str name, value;
};

/* Everything about the connection and what is the same in each request; copied. */
struct otel__http_settings {
    const char *url;              /* usable for otel__url_parse() */
    const char *socket_target;    /* the path of requests when the URL names a socket; NULL: / */
    bool get;                     /* requests have no body, and ask */
    const char *content_type;     /* NULL: there is no body */
    const char *content_encoding; /* NULL: none */
    const char *user_agent;
    const struct otel__http_header *headers; /* usable for otel__http_header_problem() */
    size_t header_count;
    size_t response_limit;                /* bytes of a response's body, decompressed */
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
    unsigned lanes;                       /* at most OTEL__HTTP_LANES_MAX; 0: 1 */
    int gone_after_ms; /* while a request is under way: without a sign of life the other machine is gone; 0: never */
    const char *absent_hint;  /* static: what helps if nobody listens; NULL: a collector should */
    const char *foreign_hint; /* static: what helps if whoever answers knows no HTTP; NULL: nothing known */
    const char *trust_hint;   /* static: what helps if the server's certificate is refused; NULL: likewise */
};

enum otel__http_result {
    OTEL__HTTP_ANSWERED,    /* the response has a status, whichever */
    OTEL__HTTP_UNAVAILABLE, /* no (whole) answer; trying again may help */
    OTEL__HTTP_IMPOSSIBLE,  /* no usable answer, and trying again will not help */
    OTEL__HTTP_TIMED_OUT,   /* not done at the deadline */
    OTEL__HTTP_CANCELLED,
    OTEL__HTTP_UNDER_WAY /* nothing is known yet */
};

/* What came of a request; valid until the next one. All text is NUL-terminated and cut to its place. */
struct otel__http_response {
    int status; /* 0: there was no answer */
    char content_type[128];
    char retry_after[64]; /* the headers' values; "" when absent */
    char location[512];
    uint8_t *body;
    size_t body_len;
    char problem[384]; /* why there is no answer, such as "cannot connect to c:4318: Connection refused" */
    const char *hint;  /* what is usually behind that, as a sentence; NULL: nothing known */
};

struct otel__http_client;

/* Readies libcurl and OpenSSL for use by this process; otel__http_create() does it too. Thread-safe. */
bool otel__http_global_init(void);

/* NULL when a setting is unusable or memory is short; `error` says why. */
struct otel__http_client *otel__http_create(const struct otel__http_settings *settings, otel_error *error);
void otel__http_destroy(struct otel__http_client *client);

/* Adds `query`, which needs no further escapes, to what is requested, before the first request. False: out of memory. */
bool otel__http_add_query(struct otel__http_client *client, const char *query);

/*
 * Begins to send the `len` bytes, which must stay as they are, in a lane that is free. UNDER_WAY, or why it could not be
 * begun by `deadline`.
 */
enum otel__http_result otel__http_begin(struct otel__http_client *client, unsigned lane, const void *body, size_t len,
                                        uint64_t deadline);
/*
 * Drives what is under way until a request has ended: `lane` becomes its, which is free again, and the result is what
 * came of it. UNDER_WAY: none has at `until`; CANCELLED, or IMPOSSIBLE with `lane` untouched: none
 * will. With nothing under way it just waits.
 */
enum otel__http_result otel__http_run(struct otel__http_client *client, uint64_t until, unsigned *lane);
/* Ends the lane's request, which must be under way; its response says how far it had come. */
void otel__http_give_up(struct otel__http_client *client, unsigned lane);
/* When the connection is lost, leaves it with all that is under way. Whether it did. */
bool otel__http_leave_lost(struct otel__http_client *client);
/* Of the lane's last request. */
const struct otel__http_response *otel__http_response(const struct otel__http_client *client, unsigned lane);

/* For good: what runs returns at once, what comes later fails at once. */
void otel__http_cancel(struct otel__http_client *client);
bool otel__http_cancelled(struct otel__http_client *client);
/* See otel_exporter_ops. */
void otel__http_before_fork(struct otel__http_client *client);
bool otel__http_at_rest(const struct otel__http_client *client);
void otel__http_after_fork(struct otel__http_client *client, bool in_child);

#endif
