/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.c - an event loop: many requests are under way on one thread, so that the thread has no current span
 * that would mean anything. Each request carries its span and its context, and every span is told its parent.
 *
 * A backend with threads of its own answers through a pipe, later and in another order.
 */
#include <otel/sdk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS 3

OTEL_TRACER(tracer, "sample.event_loop", "1.0.0");

struct request {
    int id;
    int reply_pipe;
    otel_span span;       /* of the request: a value, ended by whoever finishes the request */
    otel_span call;       /* of the call to the backend */
    otel_context context; /* holds `span`: the parent of all that the request does */
};

/* ---- the backend: replies to request n after (REQUESTS - n) * 10 ms, from a thread of its own ---- */

static void *backend_thread(void *argument) {
    struct request *request = argument;
    struct timespec wait = { .tv_nsec = (REQUESTS - request->id) * 10000000L };
    nanosleep(&wait, NULL);
    otel_event(&request->call, "reply sent"); /* spans may be used from any thread */
    if (write(request->reply_pipe, &request, sizeof request) != sizeof request)
        abort();
    return NULL;
}

static void send_to_backend(struct request *request) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, backend_thread, request) != 0)
        abort();
    pthread_detach(thread);
}

/* ---- the loop's two events ---- */

static void on_request(int id, int reply_pipe) {
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        abort();
    request->id = id;
    request->reply_pipe = reply_pipe;
    request->span = otel_span_start(tracer, OTEL_START("GET", .kind = OTEL_SERVER, .root = true));
    request->context = otel_context_with_span(NULL, &request->span);
    otel_set(&request->span, "request.id", id);
    request->call = otel_span_start(tracer, OTEL_START("backend", .kind = OTEL_CLIENT, .parent = &request->context));
    send_to_backend(request);
}

/* Code that knows of no request, such as a library: it uses the current span. */
static void render(int id) {
    OTEL_SPAN(span, tracer, "render");
    otel_set(&span, "request.id", id);
}

static void on_reply(struct request *request) {
    otel_span_end(&request->call);

    otel_scope scope = otel_context_attach(&request->context); /* for as long as the loop works on this request */
    render(request->id);
    otel_scope_close(&scope);

    printf("request %d is answered\n", request->id);
    otel_span_end(&request->span);
    otel_context_release(&request->context);
    free(request);
}

int main(void) {
    int replies[2];
    if (otel_sdk_start(OTEL_SDK(.service_name = "event_loop")) != OTEL_OK || pipe(replies) != 0)
        return 1;
    for (int id = 0; id < REQUESTS; id++)
        on_request(id, replies[1]);
    for (int i = 0; i < REQUESTS; i++) {
        struct request *request;
        if (read(replies[0], &request, sizeof request) != sizeof request)
            return 1;
        on_reply(request);
    }
    printf("sending the traces: %s\n", otel_status_text(otel_sdk_stop(3000)));
}
