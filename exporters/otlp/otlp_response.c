/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response.c - see otlp_response.h. */
#include "otlp/otlp_response.h"

#include "common/http/http_exporter.h"
#include "otlp/otlp_response_json.h"
#include "otlp/otlp_response_protobuf.h"

#include <strings.h>

/* Whether the media type, without parameters, is `type`, or begins with it if it ends in a slash. */
static bool is_type(const char *content_type, const char *type) {
    size_t len = strlen(type);
    if (strncasecmp(content_type, type, len) != 0)
        return false;
    return type[len - 1] == '/' || content_type[len] == '\0' || strchr("; \t", content_type[len]);
}

void otel__otlp_read_answer(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    *answer = (struct otel__otlp_answer){ 0 };
    bool success = response->status >= 200 && response->status < 300;
    bool protobuf = is_type(response->content_type, "application/x-protobuf");
    bool json = is_type(response->content_type, "application/json");
    if (response->body_len == 0)
        return;
    if (success && protobuf)
        answer->foreign = !otel__otlp_read_protobuf_success(response, answer);
    else if (success) /* there are servers that answer in OTLP's other encoding */
        answer->foreign = !json || !otel__otlp_read_json_success(response, answer);
    else if (protobuf)
        otel__otlp_read_protobuf_status(response, answer);
    else if ((json && !otel__otlp_read_json_status(response, answer)) || is_type(response->content_type, "text/"))
        otel__http_read_text(response, answer->message);
}
