/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_problem.c - what a failed transfer means, in words that name the cause, and whether trying again may help.
 */
#include "base/escape.h"
#include "common/http/http_connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void explain(struct otel__http_lane *lane, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void explain(struct otel__http_lane *lane, const char *format, ...) {
    char text[sizeof lane->response.problem];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    otel__escape(otel_cstr(text), lane->response.problem, sizeof lane->response.problem);
}

/* libcurl's words for the failure, more or less precise. */
static const char *details(const struct otel__http_lane *lane, CURLcode code) {
    return lane->error[0] ? lane->error : curl_easy_strerror(code);
}

static bool reached(CURL *easy, CURLINFO moment) {
    curl_off_t microseconds = 0;
    return curl_easy_getinfo(easy, moment, &microseconds) == CURLE_OK && microseconds > 0;
}

static void explain_connect(struct otel__http_lane *lane, const struct otel__http_plan *plan) {
    long os_error = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_OS_ERRNO, &os_error);
    const char *through = plan->proxy[0] ? " (a proxy is set in the environment)" : "";
    explain(lane, "cannot connect to %s: %s%s", plan->shown_host,
            os_error ? strerror((int)os_error) : details(lane, CURLE_COULDNT_CONNECT), through);
    /* No other says that nobody listens: this process may be out of descriptors. */
    if (os_error == ECONNREFUSED || (os_error == ENOENT && plan->parts.socket.len > 0))
        lane->response.hint = plan->absent_hint ? plan->absent_hint : "Is a collector running there?";
}

static void explain_write(struct otel__http_lane *lane, const struct otel__http_plan *plan) {
    if (lane->too_large)
        explain(lane, "the answer of %s is larger than %zu bytes", plan->shown_host, lane->body_limit);
    else
        explain(lane, "no memory for the answer of %s", plan->shown_host);
}

static void explain_tls(struct otel__http_lane *lane, const struct otel__http_plan *plan) {
    explain(lane, "no TLS connection to %s: %s", plan->shown_host, details(lane, CURLE_SSL_CONNECT_ERROR));
    if (strstr(lane->error, "wrong version number")) /* the first bytes of the answer are no TLS record */
        lane->response.hint = "Does the server speak plain http there?";
    if (strstr(lane->error, "alert handshake failure")) /* by TLS 1.2 also: there was no certificate */
        lane->response.hint = "Does the server want a certificate of ours, or other ciphers?";
}

/* The server has looked at our certificate, or missed one, and said no: it will say so again. */
static bool are_refused(const struct otel__http_lane *lane) {
    static const char *const alerts[] = { "alert certificate", "alert bad certificate", "alert unknown ca",
                                          "alert unsupported certificate", "alert access denied" };
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (strstr(lane->error, alerts[i]))
            return true;
    return false;
}

/*
 * By TLS 1.3 a server judges our certificate when we have begun to send already. If it hangs up, its alert is lost
 * with what we were sending.
 */
static void explain_break(struct otel__http_lane *lane, const struct otel__http_plan *plan, CURLcode code) {
    long made = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_NUM_CONNECTS, &made);
    explain(lane, "the connection to %s broke: %s", plan->shown_host, details(lane, code));
    if (made > 0 && lane->header_bytes == 0 && !reached(lane->easy, CURLINFO_APPCONNECT_TIME_T))
        lane->response.hint = "Does the server want https there?"; /* what we say is no TLS record to it */
    else if (made > 0 && lane->header_bytes == 0)
        lane->response.hint = "Does the server refuse our certificate, or want one?";
}

static enum otel__http_result judge_transient(struct otel__http_lane *lane, const struct otel__http_plan *plan,
                                              CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        explain_connect(lane, plan);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_COULDNT_RESOLVE_HOST:
        explain(lane, "cannot find the address of %.*s", (int)plan->parts.host.len, plan->parts.host.ptr);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_COULDNT_RESOLVE_PROXY:
        explain(lane, "cannot find the address of the proxy that the environment names");
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        otel__http_explain_timeout(lane, plan);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_GOT_NOTHING:
        explain(lane, "%s closed the connection without an answer", plan->shown_host);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        explain_break(lane, plan, code);
        return OTEL__HTTP_UNAVAILABLE;
    case CURLE_SSL_CONNECT_ERROR:
        explain_tls(lane, plan);
        return OTEL__HTTP_UNAVAILABLE;
    default:
        return OTEL__HTTP_IMPOSSIBLE;
    }
}

static void explain_permanent(struct otel__http_lane *lane, const struct otel__http_plan *plan, CURLcode code) {
    switch (code) {
    case CURLE_WRITE_ERROR:
        explain_write(lane, plan);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        explain(lane, "the certificate of %s is refused: %s", plan->shown_host, details(lane, code));
        lane->response.hint = plan->trust_hint;
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        explain(lane, "%s does not answer in HTTP", plan->shown_host);
        lane->response.hint = plan->foreign_hint;
        break;
    default:
        explain(lane, "the request to %s failed: %s", plan->shown_host, details(lane, code));
    }
}

enum otel__http_result otel__http_judge(struct otel__http_lane *lane, const struct otel__http_plan *plan,
                                        CURLcode code) {
    if (code == CURLE_OK && !lane->head_ended) { /* libcurl makes do with a status line */
        explain(lane, "%s closed the connection inside of its answer", plan->shown_host);
        return OTEL__HTTP_UNAVAILABLE;
    }
    if (code == CURLE_BAD_CONTENT_ENCODING) /* the status counts all the same; such a body says nothing */
        lane->response.body_len = 0;
    if (code == CURLE_OK || code == CURLE_BAD_CONTENT_ENCODING) {
        long status = 0;
        curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
        lane->response.status = (int)status;
        return OTEL__HTTP_ANSWERED;
    }
    if (are_refused(lane)) {
        explain(lane, "%s refuses our certificate, or wants one: %s", plan->shown_host, lane->error);
        return OTEL__HTTP_IMPOSSIBLE;
    }
    enum otel__http_result result = judge_transient(lane, plan, code);
    if (result == OTEL__HTTP_IMPOSSIBLE)
        explain_permanent(lane, plan, code);
    return result;
}

void otel__http_explain_timeout(struct otel__http_lane *lane, const struct otel__http_plan *plan) {
    const char *host = plan->shown_host;
    if (lane->header_bytes > 0)
        explain(lane, "%s did not finish its answer in time", host);
    else if (reached(lane->easy, CURLINFO_PRETRANSFER_TIME_T))
        explain(lane, "%s did not answer in time", host);
    else if (reached(lane->easy, CURLINFO_CONNECT_TIME_T))
        explain(lane, "%s did not complete the TLS or proxy handshake in time", host);
    else if (reached(lane->easy, CURLINFO_NAMELOOKUP_TIME_T))
        explain(lane, "no connection to %s in time", host);
    else
        explain(lane, "the look-up of %.*s did not end in time", (int)plan->parts.host.len, plan->parts.host.ptr);
}
