/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_problem.c - what a failed transfer means, in words that name the cause, and whether trying again may help.
 */
#include "base/escape.h"
#include "common/http/http_connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void explain(struct otel__http_connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void explain(struct otel__http_connection *connection, const char *format, ...) {
    char text[sizeof connection->response.problem];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    otel__escape(otel_cstr(text), connection->response.problem, sizeof connection->response.problem);
}

/* libcurl's words for the failure, more or less precise. */
static const char *details(const struct otel__http_connection *connection, CURLcode code) {
    return connection->error[0] ? connection->error : curl_easy_strerror(code);
}

static bool reached(CURL *easy, CURLINFO moment) {
    curl_off_t microseconds = 0;
    return curl_easy_getinfo(easy, moment, &microseconds) == CURLE_OK && microseconds > 0;
}

static void explain_connect(struct otel__http_connection *connection, const struct otel__http_plan *plan) {
    long os_error = 0;
    curl_easy_getinfo(connection->easy, CURLINFO_OS_ERRNO, &os_error);
    const char *through = plan->proxy[0] ? " (a proxy is set in the environment)" : "";
    explain(connection, "cannot connect to %s: %s%s", plan->shown_host,
            os_error ? strerror((int)os_error) : details(connection, CURLE_COULDNT_CONNECT), through);
    /* No other says that nobody listens: this process may be out of descriptors. */
    if (os_error == ECONNREFUSED || (os_error == ENOENT && plan->parts.socket.len > 0))
        connection->response.hint = "Is a collector running there?";
}

static void explain_write(struct otel__http_connection *connection, const struct otel__http_plan *plan) {
    if (connection->too_large)
        explain(connection, "the answer of %s is larger than %zu bytes", plan->shown_host, connection->body_limit);
    else
        explain(connection, "no memory for the answer of %s", plan->shown_host);
}

static void explain_tls(struct otel__http_connection *connection, const struct otel__http_plan *plan) {
    explain(connection, "no TLS connection to %s: %s", plan->shown_host, details(connection, CURLE_SSL_CONNECT_ERROR));
    if (strstr(connection->error, "wrong version number")) /* the first bytes of the answer are no TLS record */
        connection->response.hint = "Does the server speak plain http there?";
    if (strstr(connection->error, "alert handshake failure")) /* by TLS 1.2 also: there was no certificate */
        connection->response.hint = "Does the server want a certificate of ours, or other ciphers?";
}

/* The server has looked at our certificate, or missed one, and said no: it will say so again. */
static bool are_refused(const struct otel__http_connection *connection) {
    static const char *const alerts[] = { "alert certificate", "alert bad certificate", "alert unknown ca",
                                          "alert unsupported certificate", "alert access denied" };
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (strstr(connection->error, alerts[i]))
            return true;
    return false;
}

/*
 * By TLS 1.3 a server judges our certificate when we have begun to send already. If it hangs up, its alert is lost
 * with what we were sending.
 */
static void explain_break(struct otel__http_connection *connection, const struct otel__http_plan *plan, CURLcode code) {
    long made = 0;
    curl_easy_getinfo(connection->easy, CURLINFO_NUM_CONNECTS, &made);
    explain(connection, "the connection to %s broke: %s", plan->shown_host, details(connection, code));
    if (made > 0 && reached(connection->easy, CURLINFO_APPCONNECT_TIME_T) && connection->header_bytes == 0)
        connection->response.hint = "Does the server refuse our certificate, or want one?";
}

static enum otel__http_result judge_transient(struct otel__http_connection *connection,
                                              const struct otel__http_plan *plan, CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        explain_connect(connection, plan);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_COULDNT_RESOLVE_HOST:
        explain(connection, "cannot find the address of %.*s", (int)plan->parts.host.len, plan->parts.host.ptr);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_COULDNT_RESOLVE_PROXY:
        explain(connection, "cannot find the address of the proxy that the environment names");
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        otel__http_explain_timeout(connection, plan);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_GOT_NOTHING:
        explain(connection, "%s closed the connection without an answer", plan->shown_host);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        explain_break(connection, plan, code);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_SSL_CONNECT_ERROR:
        explain_tls(connection, plan);
        return OTEL__HTTP_UNAVAILABLE;
    default:
        return OTEL__HTTP_IMPOSSIBLE;
    }
}

static void explain_permanent(struct otel__http_connection *connection, const struct otel__http_plan *plan,
                              CURLcode code) {
    switch (code) {
    case CURLE_WRITE_ERROR:
        explain_write(connection, plan);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        explain(connection, "the certificate of %s is refused: %s", plan->shown_host, details(connection, code));
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        explain(connection, "%s does not answer in HTTP", plan->shown_host);
        connection->response.hint = "OTLP over HTTP usually has port 4318, while 4317 speaks gRPC.";
        break;
    default:
        explain(connection, "the request to %s failed: %s", plan->shown_host, details(connection, code));
    }
}

enum otel__http_result otel__http_judge(struct otel__http_connection *connection, const struct otel__http_plan *plan,
                                        CURLcode code) {
    if (code == CURLE_OK && !connection->head_ended) { /* libcurl makes do with a status line */
        explain(connection, "%s closed the connection inside of its answer", plan->shown_host);
        return OTEL__HTTP_UNAVAILABLE;
    }
    if (code == CURLE_BAD_CONTENT_ENCODING) /* the status counts all the same; such a body says nothing */
        connection->response.body_len = 0;
    if (code == CURLE_OK || code == CURLE_BAD_CONTENT_ENCODING) {
        long status = 0;
        curl_easy_getinfo(connection->easy, CURLINFO_RESPONSE_CODE, &status);
        connection->response.status = (int)status;
        return OTEL__HTTP_ANSWERED;
    }
    if (are_refused(connection)) {
        explain(connection, "%s refuses our certificate, or wants one: %s", plan->shown_host, connection->error);
        return OTEL__HTTP_IMPOSSIBLE;
    }
    enum otel__http_result result = judge_transient(connection, plan, code);
    if (result == OTEL__HTTP_IMPOSSIBLE)
        explain_permanent(connection, plan, code);
    return result;
}

void otel__http_explain_timeout(struct otel__http_connection *connection, const struct otel__http_plan *plan) {
    const char *host = plan->shown_host;
    if (connection->header_bytes > 0)
        explain(connection, "%s did not finish its answer in time", host);
    else if (reached(connection->easy, CURLINFO_PRETRANSFER_TIME_T))
        explain(connection, "%s did not answer in time", host);
    else if (reached(connection->easy, CURLINFO_CONNECT_TIME_T))
        explain(connection, "%s did not complete the TLS or proxy handshake in time", host);
    else if (reached(connection->easy, CURLINFO_NAMELOOKUP_TIME_T))
        explain(connection, "no connection to %s in time", host);
    else
        explain(connection, "the look-up of %.*s did not end in time", (int)plan->parts.host.len, plan->parts.host.ptr);
}
