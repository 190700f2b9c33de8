/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_handler.c - see gateway_handler.h.
 */
#include "gateway_handler.h"

#include "query_client.h"

#include <otel/baggage.h>

#define QUERY_LENGTH_MAX 1024

/* Another service's failure is not ours: 504 when it took too long, 502 for the rest. */
static void answer_failure(const struct http_reply *reply, struct http_answer *answer) {
    if (reply->timed_out || reply->status == 504)
        http_answer_error(answer, 504, "the query service took too long");
    else if (reply->status == 0)
        http_answer_error(answer, 502, "the query service cannot be reached");
    else
        http_answer_error(answer, 502, "the query service failed");
}

static void answer_reply(struct http_reply *reply, struct http_answer *answer) {
    if (reply->status != 200) {
        answer_failure(reply, answer);
        return;
    }
    answer->status = 200;
    answer->body = reply->body;
    reply->body = (struct text){ 0 };
}

void gateway_handle(void *data, const struct http_request *request, struct http_answer *answer) {
    struct query_argument q = { NULL, 0 }, fail = { NULL, 0 };
    if (!http_request_argument(request, "q", &q.bytes, &q.length)) {
        http_answer_error(answer, 400, "the argument q is missing");
        return;
    }
    if (q.length > QUERY_LENGTH_MAX) {
        http_answer_error(answer, 400, "the argument q is too long");
        return;
    }
    http_request_argument(request, "fail", &fail.bytes, &fail.length);
    /* Goes along with every request that is made from here on; what a caller sends under this name does not. */
    OTEL_BAGGAGE(session, "session.id", http_request_header(request, "X-Session-Id", 0));
    struct http_reply reply = { .status = 0 };
    query_client_search(data, q, fail, &reply);
    answer_reply(&reply, answer);
    text_free(&reply.body);
}
