/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_grpc.c - see strategy_grpc.h. */
#include "grpc/strategy_grpc.h"

#include "grpc/grpc_channel.h"
#include "grpc/grpc_status.h"
#include "jaeger/strategy_protobuf.h"

#include <grpc/status.h>
#include <stdio.h>
#include <stdlib.h>

struct strategy_grpc {
    struct otel__grpc_channel *channel;
    uint8_t *request;
    size_t len;
    uint64_t deadline;
    bool delayed; /* the call could not be begun yet */
    struct otel__grpc_reply reply;
};

static bool bind(void *self, otel_str service, otel_error *error) {
    struct strategy_grpc *grpc = self;
    grpc->request = otel__strategy_ask_protobuf(service, &grpc->len);
    if (!grpc->request)
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    return grpc->request != NULL;
}

static const struct otel__grpc_hints hints = {
    .distrusted = "otel_jaeger_remote_options.certificate_file names the authority to trust.",
    .no_tls = "Does the server speak without TLS? Then begin the endpoint with http://.",
    .wants_tls = "Does the endpoint begin with http:// where https:// is right?",
    .unimplemented = "Jaeger answers over gRPC on port 5779, collectors of version 1 on port 14250.",
};

static enum otel__fetch fail(struct otel__fetched *out, const char *problem) {
    snprintf(out->problem, sizeof out->problem, "%s", problem);
    return OTEL__FETCH_FAILED;
}

static enum otel__fetch begin(void *self, uint64_t deadline, struct otel__fetched *out) {
    struct strategy_grpc *grpc = self;
    if (!otel__grpc_usable())
        return fail(out, "this process was forked from one that had used gRPC, whose threads it lacks. Fork before the "
                         "first span that is to be sampled, or ask over HTTP");
    grpc->deadline = deadline;
    grpc->delayed = !otel__grpc_begin(grpc->channel, OTEL__STRATEGY_METHOD, grpc->request, grpc->len, deadline);
    return OTEL__FETCH_UNDER_WAY;
}

static enum otel__fetch judge(struct strategy_grpc *grpc, struct otel__fetched *out) {
    const struct otel__grpc_reply *reply = &grpc->reply;
    char problem[600];
    if (reply->status == GRPC_STATUS_OK) {
        out->body = reply->body;
        out->len = reply->body_len;
        return OTEL__FETCH_ANSWERED;
    }
    snprintf(problem, sizeof problem, "gRPC status %d %s%s%s", reply->status, otel__grpc_status_name(reply->status),
             reply->message[0] ? ": " : "", reply->message);
    out->hint =
        otel__grpc_status_hint(&hints, reply->status, reply->from_server ? "" : reply->message, reply->distrusted);
    return fail(out, problem);
}

static void forget_reply(struct strategy_grpc *grpc) {
    free(grpc->reply.body);
    grpc->reply.body = NULL;
}

static enum otel__fetch step(void *self, struct otel__fetched *out) {
    struct strategy_grpc *grpc = self;
    if (grpc->delayed)
        return begin(self, grpc->deadline, out);
    forget_reply(grpc);
    return otel__grpc_step(grpc->channel, &grpc->reply) ? judge(grpc, out) : OTEL__FETCH_UNDER_WAY;
}

static void give_up(void *self, struct otel__fetched *out) {
    struct strategy_grpc *grpc = self;
    otel__grpc_give_up(grpc->channel);
    fail(out, grpc->delayed ? "there was no time for it" : "it did not answer in time");
    grpc->delayed = false;
}

static void before_fork(void *self) {
    const struct strategy_grpc *grpc = self;
    otel__grpc_before_fork(grpc->channel);
}

static bool at_rest(void *self) {
    const struct strategy_grpc *grpc = self;
    return otel__grpc_at_rest(grpc->channel);
}

static void after_fork(void *self, bool in_child) {
    struct strategy_grpc *grpc = self;
    if (in_child)
        grpc->delayed = false;
    otel__grpc_after_fork(grpc->channel, in_child);
}

static void destroy(void *self) {
    struct strategy_grpc *grpc = self;
    otel__grpc_destroy(grpc->channel);
    forget_reply(grpc);
    free(grpc->request);
    free(grpc);
}

static const struct otel__strategy_source_ops ops = {
    .bind = bind,
    .begin = begin,
    .step = step,
    .give_up = give_up,
    .before_fork = before_fork,
    .at_rest = at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
    .read = otel__strategy_read_protobuf,
    .late = true,
};

bool otel__strategy_grpc(const struct otel__grpc_settings *settings, struct otel__strategy_source *source,
                         otel_error *error) {
    struct strategy_grpc *grpc = calloc(1, sizeof *grpc);
    snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    if (grpc)
        grpc->channel = otel__grpc_create(settings, "OTel-Jaeger-Remote-Sampler-C", error);
    if (!grpc || !grpc->channel) {
        free(grpc);
        return false;
    }
    *source = (struct otel__strategy_source){ .ops = &ops, .self = grpc };
    return true;
}
