/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_channel.c - see grpc_channel.h. */
#include "grpc/grpc_channel.h"

#include "base/clock.h"
#include "base/escape.h"
#include "grpc/grpc_status.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RESPONSE_MAX = 4 * 1024 * 1024, RECONNECT_FIRST_MS = 200, RECONNECT_MAX_MS = 5000 };

struct otel__grpc_channel {
    char *target, *user_agent;
    bool tls;
    pid_t owner; /* of what follows; 0: nothing was made yet */
    grpc_channel *channel;
    grpc_completion_queue *queue;
    pthread_mutex_t lock; /* of `call` and `cancelled` */
    pthread_cond_t woken; /* by a cancel */
    grpc_call *call;      /* under way */
    bool cancelled;
};

/* What one call receives. */
struct call {
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *response;
    grpc_status_code status;
    grpc_slice details;
};

/* The process that started gRPC core. A fork copies its state, not its threads. */
static _Atomic pid_t started_by;

static void init_lock(struct otel__grpc_channel *channel) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&channel->lock, NULL);
    pthread_cond_init(&channel->woken, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct otel__grpc_channel *otel__grpc_create(const char *target, bool tls, const char *user_agent) {
    struct otel__grpc_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return NULL;
    init_lock(channel);
    channel->tls = tls;
    channel->target = strdup(target);
    channel->user_agent = strdup(user_agent);
    if (channel->target && channel->user_agent)
        return channel;
    otel__grpc_destroy(channel);
    return NULL;
}

static grpc_arg number(const char *key, int value) {
    return (grpc_arg){ .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value };
}

static void open_channel(struct otel__grpc_channel *channel) {
    grpc_arg list[] = {
        { .type = GRPC_ARG_STRING,
          .key = (char *)(uintptr_t)GRPC_ARG_PRIMARY_USER_AGENT_STRING,
          .value.string = channel->user_agent },
        number(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, RESPONSE_MAX),
        number(GRPC_ARG_ENABLE_RETRIES, 0), /* we do that */
        number(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, RECONNECT_FIRST_MS),
        number(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, RECONNECT_MAX_MS),
    };
    grpc_channel_args args = { sizeof list / sizeof *list, list };
    grpc_channel_credentials *credentials =
        channel->tls ? grpc_ssl_credentials_create(NULL, NULL, NULL, NULL) : grpc_insecure_credentials_create();
    channel->channel = grpc_channel_create(channel->target, credentials, &args);
    grpc_channel_credentials_release(credentials);
    channel->queue = grpc_completion_queue_create_for_pluck(NULL);
}

bool otel__grpc_usable(struct otel__grpc_channel *channel) {
    pid_t none = 0, self = getpid();
    if (!atomic_compare_exchange_strong(&started_by, &none, self) && none != self)
        return false;
    if (channel->owner == 0) {
        grpc_init();
        open_channel(channel);
        channel->owner = self;
    }
    return channel->channel;
}

static gpr_timespec to_timespec(uint64_t deadline) {
    uint64_t now = otel__clock_monotonic();
    uint64_t left = deadline > now ? deadline - now : 0;
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos((int64_t)left, GPR_TIMESPAN));
}

/* False: cancelled before. */
static bool publish(struct otel__grpc_channel *channel, grpc_call *call) {
    pthread_mutex_lock(&channel->lock);
    bool open = !channel->cancelled;
    channel->call = open ? call : NULL;
    pthread_mutex_unlock(&channel->lock);
    return open;
}

static void retract(struct otel__grpc_channel *channel) {
    pthread_mutex_lock(&channel->lock);
    channel->call = NULL;
    pthread_mutex_unlock(&channel->lock);
}

static bool run(grpc_completion_queue *queue, grpc_call *under_way, struct call *call) {
    const grpc_op ops[] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA },
        { .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = call->request },
        { .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
        { .op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &call->initial },
        { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &call->response },
        { .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
          .data.recv_status_on_client = { .trailing_metadata = &call->trailing,
                                          .status = &call->status,
                                          .status_details = &call->details } },
    };
    if (grpc_call_start_batch(under_way, ops, sizeof ops / sizeof *ops, call, NULL) != GRPC_CALL_OK)
        return false;
    /* The call's deadline ends this. */
    grpc_completion_queue_pluck(queue, call, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    return true;
}

static void read_body(struct call *call, struct otel__grpc_reply *reply) {
    grpc_byte_buffer_reader reader;
    if (!call->response || !grpc_byte_buffer_reader_init(&reader, call->response))
        return;
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    size_t len = GRPC_SLICE_LENGTH(all);
    reply->body = len > 0 ? malloc(len) : NULL;
    if (reply->body) {
        memcpy(reply->body, GRPC_SLICE_START_PTR(all), len);
        reply->body_len = len;
    }
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
}

static void read_details(const struct call *call, struct otel__grpc_reply *reply) {
    for (size_t i = 0; i < call->trailing.count; i++) {
        const grpc_metadata *entry = &call->trailing.metadata[i];
        if (grpc_slice_str_cmp(entry->key, "grpc-status-details-bin") == 0)
            reply->retry_info = otel__grpc_retry_info(GRPC_SLICE_START_PTR(entry->value),
                                                      GRPC_SLICE_LENGTH(entry->value), &reply->retry_delay);
    }
}

static void read_reply(struct call *call, struct otel__grpc_reply *reply) {
    reply->status = (int)call->status;
    otel_str words = otel_strn((const char *)GRPC_SLICE_START_PTR(call->details), GRPC_SLICE_LENGTH(call->details));
    otel__escape(words, reply->message, sizeof reply->message);
    if (call->status == GRPC_STATUS_OK)
        read_body(call, reply);
    else
        read_details(call, reply);
}

static void release(struct call *call) {
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_byte_buffer_destroy(call->request);
    if (call->response)
        grpc_byte_buffer_destroy(call->response);
    grpc_slice_unref(call->details);
}

void otel__grpc_call(struct otel__grpc_channel *channel, const char *method, const uint8_t *request, size_t len,
                     uint64_t deadline, struct otel__grpc_reply *reply) {
    struct call call = { .status = GRPC_STATUS_UNKNOWN, .details = grpc_empty_slice() };
    *reply = (struct otel__grpc_reply){ .status = GRPC_STATUS_CANCELLED };
    grpc_metadata_array_init(&call.initial);
    grpc_metadata_array_init(&call.trailing);
    grpc_slice bytes = grpc_slice_from_copied_buffer((const char *)request, len);
    call.request = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(bytes);
    grpc_call *under_way =
        grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS, channel->queue,
                                 grpc_slice_from_static_string(method), NULL, to_timespec(deadline), NULL);
    if (publish(channel, under_way) && run(channel->queue, under_way, &call))
        read_reply(&call, reply);
    retract(channel);
    grpc_call_unref(under_way);
    release(&call);
}

bool otel__grpc_wait(struct otel__grpc_channel *channel, uint64_t until) {
    struct timespec t = { .tv_sec = (time_t)(until / OTEL__SECOND), .tv_nsec = (long)(until % OTEL__SECOND) };
    pthread_mutex_lock(&channel->lock);
    while (!channel->cancelled && otel__clock_monotonic() < until)
        pthread_cond_timedwait(&channel->woken, &channel->lock, &t);
    bool open = !channel->cancelled;
    pthread_mutex_unlock(&channel->lock);
    return open;
}

void otel__grpc_cancel(struct otel__grpc_channel *channel) {
    pthread_mutex_lock(&channel->lock);
    channel->cancelled = true;
    if (channel->call)
        grpc_call_cancel(channel->call, NULL);
    pthread_cond_broadcast(&channel->woken);
    pthread_mutex_unlock(&channel->lock);
}

bool otel__grpc_cancelled(struct otel__grpc_channel *channel) {
    pthread_mutex_lock(&channel->lock);
    bool cancelled = channel->cancelled;
    pthread_mutex_unlock(&channel->lock);
    return cancelled;
}

void otel__grpc_in_child(struct otel__grpc_channel *channel) {
    init_lock(channel);
    channel->call = NULL;
}

void otel__grpc_destroy(struct otel__grpc_channel *channel) {
    if (channel->owner == getpid()) {
        if (channel->channel)
            grpc_channel_destroy(channel->channel);
        grpc_completion_queue_shutdown(channel->queue);
        grpc_completion_queue_destroy(channel->queue);
        grpc_shutdown();
    }
    free(channel->target);
    free(channel->user_agent);
    free(channel);
}
