/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads.c - a server that gives each request a thread: the current span is the thread's, and nobody has to pass it
 * along.
 *
 * The requests come from a list instead of a network, and bring a `traceparent` header along, so that all belong to
 * the trace of one caller. The second one fails; the third is thrown out of its work with longjmp(), as some
 * libraries report errors.
 */
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <strings.h>

OTEL_TRACER(tracer, "sample.threads", "1.0.0");

struct header {
    const char *name, *value;
};

enum database { DB_WORKS, DB_FAILS, DB_THROWS };

struct request {
    const char *path;
    struct header headers[4];
    size_t header_count;
    enum database database;
    jmp_buf failed; /* where to go when the work cannot go on */
};

static bool get_header(const void *carrier, const char *key, size_t index, otel_str *value) {
    const struct request *request = carrier;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, key) == 0 && index-- == 0) {
            *value = otel_cstr(request->headers[i].value);
            return true;
        }
    }
    return false;
}

static const otel_getter header_getter = { .size = sizeof header_getter, .get = get_header };

/* Knows neither the request's span nor its context; its own span becomes the child of the request's all the same. */
static int count_items(struct request *request) {
    OTEL_SPAN(span, tracer, "SELECT carts", .kind = OTEL_CLIENT);
    otel_set(&span, "db.system.name", "postgresql");
    if (request->database == DB_WORKS)
        return 3;
    otel_span_fail(&span, "connection_lost", "the database is gone");
    if (request->database == DB_THROWS)
        longjmp(request->failed, 1); /* skips the end of the span: it ends with the request's */
    return -1;
}

static int count_items_or_fail(struct request *request) {
    if (setjmp(request->failed) != 0)
        return -1;
    return count_items(request);
}

static void handle(struct request *request) {
    otel_context caller = otel_extract(NULL, &header_getter, request);
    OTEL_SPAN(span, tracer, "GET /cart", .kind = OTEL_SERVER, .parent = &caller,
              .attributes = OTEL_ATTRS(OTEL_ATTR("http.request.method", "GET"), OTEL_ATTR("url.path", request->path)));
    otel_context_release(&caller);

    int items = count_items_or_fail(request);
    otel_set(&span, "http.response.status_code", items < 0 ? 500 : 200);
    if (items < 0)
        otel_span_fail(&span, "500", NULL);
    else
        otel_set(&span, "cart.items", items);
    printf("GET %s: %d\n", request->path, items < 0 ? 500 : 200);
}

static void *request_thread(void *request) {
    handle(request);
    return NULL;
}

int main(void) {
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = "threads", .error = &why)) != OTEL_OK)
        fprintf(stderr, "tracing is off: %s\n", why.text);
    static struct request requests[] = {
        { .path = "/cart/1", .database = DB_WORKS },
        { .path = "/cart/2", .database = DB_FAILS },
        { .path = "/cart/3", .database = DB_THROWS },
    };
    const size_t count = sizeof requests / sizeof *requests;
    pthread_t threads[sizeof requests / sizeof *requests];
    for (size_t i = 0; i < count; i++) {
        requests[i].headers[0] =
            (struct header){ "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01" };
        requests[i].header_count = 1;
        if (pthread_create(&threads[i], NULL, request_thread, &requests[i]) != 0)
            return 1;
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("sending the traces: %s\n", otel_status_text(otel_sdk_stop(3000)));
}
