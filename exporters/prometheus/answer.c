/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - see answer.h. */
#include "prometheus/answer.h"

#include "common/http/http_gzip.h"
#include "prometheus/negotiate.h"

#include <stdio.h>
#include <stdlib.h>

/* Answers in use: those of the connections together. A page is less than that many times smaller. */
enum { BYTES_MOST = 512 * 1024 * 1024, WORTH_GZIP = 512 };

static const char text_type[] = "text/plain; charset=utf-8";

bool otel__answerer_init(struct otel__answerer *answerer, const struct otel__server_settings *settings) {
    *answerer = (struct otel__answerer){ .settings = *settings, .path = strdup(settings->path) };
    if (answerer->path && asprintf(&answerer->not_found, "The metrics are at %s.\n", settings->path) < 0)
        answerer->not_found = NULL;
    return answerer->path && answerer->not_found;
}

void otel__answerer_free(struct otel__answerer *answerer) {
    free(answerer->path);
    free(answerer->not_found);
}

/* ---- answers of a line ------------------------------------------------------------------------------------------- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response,
                             const char *type) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    const enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* `text` is not copied. MHD_NO, here and below, closes the connection, which is what is left without memory. */
static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text, const char *header,
                           const char *value) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (header)
        MHD_add_response_header(response, header, value);
    return queue(connection, status, response, text_type);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

/* Bytes until they have been sent. */
struct loan {
    struct otel__answerer *answerer;
    void *bytes;
    size_t len;
};

static void give_back(void *data) {
    struct loan *loan = data;
    loan->answerer->bytes_in_use -= loan->len;
    free(loan->bytes);
    free(loan);
}

/* Takes the bytes over. */
static struct MHD_Response *lend(struct otel__answerer *answerer, void *bytes, size_t len) {
    struct loan *loan = malloc(sizeof *loan);
    struct MHD_Response *response =
        loan ? MHD_create_response_from_buffer_with_free_callback_cls(len, bytes, give_back, loan) : NULL;
    if (!response) {
        free(loan);
        free(bytes);
        return NULL;
    }
    *loan = (struct loan){ answerer, bytes, len };
    answerer->bytes_in_use += len;
    return response;
}

/* Replaces the page's bytes by fewer; false: they are as before. */
static bool gzip_page(struct otel__page *page) {
    struct otel__gzip gzip = { 0 };
    if (page->len < WORTH_GZIP || !otel__gzip_begin(&gzip) || !otel__gzip_add(&gzip, page->text, page->len, true)) {
        otel__gzip_free(&gzip);
        return false;
    }
    otel__page_free(page);
    *page = (struct otel__page){ .text = (char *)gzip.data, .len = gzip.len, .capacity = gzip.capacity };
    gzip.data = NULL;
    otel__gzip_free(&gzip);
    return true;
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result show(struct otel__answerer *answerer, struct MHD_Connection *connection) {
    const struct otel__answer_type type = otel__negotiate(header(connection, MHD_HTTP_HEADER_ACCEPT));
    struct otel__page page = { 0 };
    const otel_status status = answerer->settings.write(answerer->settings.data, type.openmetrics, &page);
    if (status != OTEL_OK || page.failed || page.len > BYTES_MOST - answerer->bytes_in_use) {
        otel__page_free(&page);
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                   status == OTEL_ERR_STATE ? "The SDK is stopping.\n" : "There is not enough memory for this.\n",
                   MHD_HTTP_HEADER_RETRY_AFTER, "5");
    }
    const bool gzip = otel__accepts_gzip(header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING)) && gzip_page(&page);
    struct MHD_Response *response = lend(answerer, page.text, page.len);
    if (!response)
        return MHD_NO;
    if (gzip)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
    return queue(connection, MHD_HTTP_OK, response, type.content_type);
}

enum MHD_Result otel__answer(struct otel__answerer *answerer, struct MHD_Connection *connection, const char *url,
                             const char *method) {
    if (strcmp(url, answerer->path) != 0)
        return say(connection, MHD_HTTP_NOT_FOUND, answerer->not_found, NULL, NULL);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only.\n", MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    return show(answerer, connection);
}
