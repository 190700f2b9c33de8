/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_channel.c - see grpc_channel.h. */
#include "grpc/grpc_channel.h"

#include "base/clock.h"
#include "base/sync.h"
#include "common/fork_gate.h"
#include "common/tls/tls_files.h"
#include "grpc/grpc_call.h"
#include "grpc/grpc_core.h"

#include <ctype.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RESPONSE_MAX = 4 * 1024 * 1024, /* OTLP's limit, by default */
    RECONNECT_FIRST_MS = 200,       /* between attempts to connect, which exports meet as failures */
    RECONNECT_MAX_MS = 5000,
    CONNECT_MS = 5000, /* that one attempt may take */
    STAY_MS = 20,      /* inside of gRPC core; a fork waits for longer */
    GRACE_MS = 1000    /* for a fork() to end, before a channel is taken down */
};

struct otel__grpc_channel {
    struct otel__grpc_target target;
    char *user_agent;
    bool gzip;
    int response_max;
    grpc_metadata *metadata; /* of each request */
    size_t metadata_count;
    char *text;                  /* that it points to */
    struct otel__tls_files *tls; /* NULL: none are set */
    uint64_t generation;         /* of their content that `channel` was made with */
    grpc_channel *channel;       /* NULL: not made yet */
    grpc_completion_queue *queue;
    _Atomic uint32_t cancelled;
    struct otel__fork_gate gate;
};

/* ---- creation ---------------------------------------------------------------------------------------------------- */

/* Slices of our own text: there is nothing to be released, and gRPC core need not have been started. */
static bool copy_headers(struct otel__grpc_channel *channel, const struct otel__http_header *headers, size_t count) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += headers[i].name.len + headers[i].value.len;
    channel->metadata = calloc(count + 1, sizeof *channel->metadata);
    channel->text = malloc(size);
    if (!channel->metadata || !channel->text)
        return false;
    char *at = channel->text;
    for (size_t i = 0; i < count; i++) {
        const size_t name_len = headers[i].name.len, value_len = headers[i].value.len;
        for (size_t j = 0; j < name_len; j++)
            at[j] = (char)tolower((unsigned char)headers[i].name.ptr[j]);
        channel->metadata[i].key = grpc_slice_from_static_buffer(at, name_len);
        at += name_len;
        if (value_len > 0)
            memcpy(at, headers[i].value.ptr, value_len);
        channel->metadata[i].value = grpc_slice_from_static_buffer(at, value_len);
        at += value_len;
    }
    channel->metadata_count = count;
    return true;
}

static bool fill(struct otel__grpc_channel *channel, const struct otel__grpc_settings *settings, const char *agent,
                 otel_error *error) {
    const char *prefix = settings->user_agent_prefix;
    const size_t max = settings->response_max ? settings->response_max : RESPONSE_MAX;
    channel->target = settings->target;
    channel->gzip = settings->gzip;
    channel->response_max = max < INT32_MAX ? (int)max : INT32_MAX;
    if (asprintf(&channel->user_agent, "%s%s%s/" OTEL__VERSION, prefix ? prefix : "", prefix ? " " : "", agent) < 0) {
        channel->user_agent = NULL;
        return false;
    }
    if (settings->tls && !(channel->tls = otel__tls_open(settings->tls, error)))
        return false;
    return copy_headers(channel, settings->headers, settings->header_count);
}

struct otel__grpc_channel *otel__grpc_create(const struct otel__grpc_settings *settings, const char *agent,
                                             otel_error *error) {
    struct otel__grpc_channel *channel = calloc(1, sizeof *channel);
    if (!channel || fill(channel, settings, agent, error))
        return channel;
    otel__grpc_destroy(channel);
    return NULL;
}

/* ---- the channel ------------------------------------------------------------------------------------------------- */

static grpc_arg number(const char *key, int value) {
    return (grpc_arg){ .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value };
}

static grpc_channel_credentials *credentials(const struct otel__grpc_channel *channel,
                                             const struct otel__tls_content *content) {
    if (!channel->target.tls)
        return grpc_insecure_credentials_create();
    if (!content)
        return grpc_ssl_credentials_create(NULL, NULL, NULL, NULL);
    const struct otel__tls_text *text = content->text;
    grpc_ssl_pem_key_cert_pair pair = { text[OTEL__TLS_KEY].ptr, text[OTEL__TLS_CERTIFICATE].ptr };
    return grpc_ssl_credentials_create(text[OTEL__TLS_TRUST].ptr, text[OTEL__TLS_KEY].len ? &pair : NULL, NULL, NULL);
}

static grpc_channel *make(struct otel__grpc_channel *channel, grpc_channel_credentials *credentials) {
    grpc_arg list[] = {
        { .type = GRPC_ARG_STRING,
          .key = (char *)(uintptr_t)GRPC_ARG_PRIMARY_USER_AGENT_STRING,
          .value.string = channel->user_agent },
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, channel->response_max),
        number(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, channel->gzip ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE),
        number(GRPC_ARG_ENABLE_RETRIES, 0), /* we do that */
        number(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_FIRST_MS),
        number(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_MS),
        number(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MAX_MS),
    };
    grpc_channel_args args = { sizeof list / sizeof *list, list };
    return grpc_channel_create(channel->target.text, credentials, &args);
}

static void drop_channel(struct otel__grpc_channel *channel) {
    if (!channel->channel)
        return;
    grpc_channel_destroy(channel->channel);
    grpc_completion_queue_shutdown(channel->queue);
    grpc_completion_queue_destroy(channel->queue);
    channel->channel = NULL;
    otel__grpc_core_stop();
}

/* One that fits the files of TLS as they are now. False: this process cannot use gRPC core. */
static bool open_channel(struct otel__grpc_channel *channel) {
    const struct otel__tls_content *content = channel->tls ? otel__tls_content(channel->tls) : NULL;
    const uint64_t generation = content ? content->generation : 0;
    if (channel->channel && channel->generation == generation)
        return true;
    if (!otel__grpc_core_start())
        return false;
    drop_channel(channel);
    grpc_channel_credentials *ours = credentials(channel, content);
    channel->channel = make(channel, ours);
    channel->queue = grpc_completion_queue_create_for_pluck(NULL);
    channel->generation = generation;
    grpc_channel_credentials_release(ours);
    return true;
}

bool otel__grpc_usable(void) { return !otel__grpc_core_inherited(); }

void otel__grpc_destroy(struct otel__grpc_channel *channel) {
    bool inside = otel__fork_gate_enter(&channel->gate, otel__clock_monotonic() + GRACE_MS * OTEL__MILLISECOND);
    if (!otel__grpc_core_inherited())
        drop_channel(channel);
    if (inside)
        otel__fork_gate_leave(&channel->gate);
    otel__tls_close(channel->tls);
    free(channel->metadata);
    free(channel->text);
    free(channel->user_agent);
    free(channel);
}

/* ---- one call ---------------------------------------------------------------------------------------------------- */

static gpr_timespec in_ns(uint64_t ns) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos((int64_t)ns, GPR_TIMESPAN));
}

static gpr_timespec to_timespec(uint64_t deadline) {
    uint64_t now = otel__clock_monotonic();
    return in_ns(deadline > now ? deadline - now : 0);
}

/*
 * Drives gRPC core until the call has ended, by its deadline at the latest. gRPC core writes into the call until then, so
 * that a thread that may not go in any more, because the process exits, stays here.
 */
static void drive(struct otel__grpc_channel *channel, grpc_call *under_way, struct otel__grpc_unary *call) {
    bool ended = false, told = false;
    while (!ended) {
        otel__fork_gate_enter(&channel->gate, OTEL__NO_DEADLINE);
        if (otel__grpc_cancelled(channel) && !told) {
            grpc_call_cancel(under_way, NULL);
            told = true;
        }
        gpr_timespec until = in_ns(STAY_MS * OTEL__MILLISECOND);
        ended = grpc_completion_queue_pluck(channel->queue, call, until, NULL).type == GRPC_OP_COMPLETE;
        otel__fork_gate_leave(&channel->gate);
    }
}

static void exchange(struct otel__grpc_channel *channel, const char *method, struct otel__grpc_unary *call,
                     uint64_t deadline, struct otel__grpc_reply *reply) {
    grpc_call *under_way =
        grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue,
                                 grpc_slice_from_static_string(method), NULL, to_timespec(deadline), NULL);
    bool started = otel__grpc_unary_start(call, under_way, channel->metadata, channel->metadata_count);
    otel__fork_gate_leave(&channel->gate);
    if (started)
        drive(channel, under_way, call);
    otel__fork_gate_enter(&channel->gate, OTEL__NO_DEADLINE);
    if (started)
        otel__grpc_unary_read(call, channel->response_max, reply);
    grpc_call_unref(under_way);
}

void otel__grpc_call(struct otel__grpc_channel *channel, const char *method, const uint8_t *request, size_t len,
                     uint64_t deadline, struct otel__grpc_reply *reply) {
    struct otel__grpc_unary call;
    *reply = (struct otel__grpc_reply){ .status = GRPC_STATUS_DEADLINE_EXCEEDED };
    if (!otel__fork_gate_enter(&channel->gate, deadline))
        return;
    reply->status = GRPC_STATUS_INTERNAL;
    if (open_channel(channel)) {
        otel__grpc_unary_init(&call, request, len);
        exchange(channel, method, &call, deadline, reply);
        otel__grpc_unary_free(&call);
    }
    otel__fork_gate_leave(&channel->gate);
}

bool otel__grpc_wait(struct otel__grpc_channel *channel, uint64_t until) {
    while (!otel__grpc_cancelled(channel) && otel__futex_wait(&channel->cancelled, 0, until)) {}
    return !otel__grpc_cancelled(channel);
}

/* ---- from other threads ------------------------------------------------------------------------------------------ */

void otel__grpc_cancel(struct otel__grpc_channel *channel) {
    atomic_store(&channel->cancelled, 1);
    otel__futex_wake(&channel->cancelled);
}

bool otel__grpc_cancelled(const struct otel__grpc_channel *channel) { return atomic_load(&channel->cancelled) != 0; }

void otel__grpc_before_fork(struct otel__grpc_channel *channel) { otel__fork_gate_close(&channel->gate); }

bool otel__grpc_at_rest(const struct otel__grpc_channel *channel) { return otel__fork_gate_empty(&channel->gate); }

void otel__grpc_after_fork(struct otel__grpc_channel *channel, bool in_child) {
    otel__fork_gate_open(&channel->gate, in_child);
}
