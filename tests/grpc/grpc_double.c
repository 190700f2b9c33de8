/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_double.c - see grpc_double.h. */
#include "grpc_double.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    uint8_t *body;
    size_t body_len;
    char method[128], metadata[2048], client[64];
};

struct grpc_double {
    grpc_server *server;
    grpc_completion_queue *queue;
    pthread_t thread;
    int port;
    struct grpc_double_options options;
    struct grpc_step steps[8];
    size_t count;
    atomic_size_t requests;
    atomic_bool stopping;
    pthread_mutex_t lock; /* of what follows */
    struct request last, shown;
};

static void copy_text(grpc_slice slice, char *out, size_t size) {
    snprintf(out, size, "%.*s", (int)GRPC_SLICE_LENGTH(slice), (const char *)GRPC_SLICE_START_PTR(slice));
}

/* False: the queue has been shut down. */
static bool next(grpc_double *server) {
    return grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type == GRPC_OP_COMPLETE;
}

static void keep_body(grpc_double *server, grpc_byte_buffer *buffer) {
    grpc_byte_buffer_reader reader;
    if (!buffer || !grpc_byte_buffer_reader_init(&reader, buffer))
        return;
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    struct request *last = &server->last;
    free(last->body);
    last->body_len = GRPC_SLICE_LENGTH(all);
    last->body = malloc(last->body_len + 1);
    memcpy(last->body, GRPC_SLICE_START_PTR(all), last->body_len);
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
}

static void answer(grpc_double *server, grpc_call *call, const struct grpc_step *step) {
    grpc_slice body = grpc_slice_from_copied_buffer(step->body ? step->body : "", step->body_len);
    grpc_slice words = grpc_slice_from_copied_string(step->words ? step->words : "");
    grpc_metadata details = { .key = grpc_slice_from_static_string("grpc-status-details-bin"),
                              .value = grpc_slice_from_copied_buffer(step->details ? step->details : "",
                                                                     step->details_len) };
    grpc_byte_buffer *response = grpc_raw_byte_buffer_create(&body, 1);
    int cancelled = 0;
    const grpc_op all[] = {
        { .op = GRPC_OP_SEND_INITIAL_METADATA },
        { .op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &cancelled },
        { .op = GRPC_OP_SEND_STATUS_FROM_SERVER,
          .data.send_status_from_server = { .trailing_metadata_count = step->details ? 1 : 0,
                                            .trailing_metadata = &details,
                                            .status = (grpc_status_code)step->status,
                                            .status_details = &words } },
        { .op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = response },
    };
    /* Who never answers just waits for the client to give up. */
    if (step->silent)
        grpc_call_start_batch(call, all + 1, 1, call, NULL);
    else
        grpc_call_start_batch(call, all, step->status == 0 ? 4 : 3, call, NULL);
    next(server);
    grpc_byte_buffer_destroy(response);
    grpc_slice_unref(body);
    grpc_slice_unref(words);
    grpc_slice_unref(details.value);
}

static void keep_metadata(struct request *last, const grpc_metadata_array *metadata) {
    last->metadata[0] = '\0';
    for (size_t i = 0; i < metadata->count; i++) {
        char key[128], value[512];
        size_t used = strlen(last->metadata);
        copy_text(metadata->metadata[i].key, key, sizeof key);
        copy_text(metadata->metadata[i].value, value, sizeof value);
        snprintf(last->metadata + used, sizeof last->metadata - used, "%s: %s\n", key, value);
    }
}

static void keep_client(struct request *last, grpc_call *call) {
    grpc_auth_context *context = grpc_call_auth_context(call);
    grpc_auth_property_iterator at = grpc_auth_context_find_properties_by_name(context, GRPC_X509_CN_PROPERTY_NAME);
    const grpc_auth_property *property = grpc_auth_property_iterator_next(&at);
    snprintf(last->client, sizeof last->client, "%.*s", property ? (int)property->value_length : 0,
             property ? property->value : "");
    grpc_auth_context_release(context);
}

/*
 * What gRPC core allocated, which it frees by tail calls that leave none of its frames for tsan.supp: that names this
 * function, which therefore must not end with such a call itself.
 */
static __attribute__((noinline)) void free_call_parts(grpc_call_details *details, grpc_metadata_array *metadata) {
    grpc_call_details_destroy(details);
    grpc_metadata_array_destroy(metadata);
    atomic_signal_fence(memory_order_seq_cst);
}

static bool serve(grpc_double *server) {
    grpc_call *call = NULL;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_call_details_init(&details);
    grpc_metadata_array_init(&metadata);
    grpc_server_request_call(server->server, &call, &details, &metadata, server->queue, server->queue, server);
    bool served = next(server) && call;
    if (served) {
        pthread_mutex_lock(&server->lock);
        copy_text(details.method, server->last.method, sizeof server->last.method);
        keep_metadata(&server->last, &metadata);
        keep_client(&server->last, call);
        pthread_mutex_unlock(&server->lock);
        grpc_byte_buffer *request = NULL;
        const grpc_op receive = { .op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &request };
        grpc_call_start_batch(call, &receive, 1, call, NULL);
        next(server);
        pthread_mutex_lock(&server->lock);
        keep_body(server, request);
        pthread_mutex_unlock(&server->lock);
        size_t number = atomic_fetch_add(&server->requests, 1);
        const struct grpc_step *step = &server->steps[number < server->count ? number : server->count - 1];
        if (server->options.judge)
            step = server->options.judge(server->options.data, server->last.body, server->last.body_len);
        answer(server, call, step);
        grpc_call_unref(call);
    }
    free_call_parts(&details, &metadata);
    return served;
}

static void *run(void *arg) {
    grpc_double *server = arg;
    while (!atomic_load(&server->stopping) && serve(server))
        ;
    return NULL;
}

grpc_double *grpc_double_start_with(const struct grpc_double_options *options, const struct grpc_step *steps,
                                    size_t count) {
    grpc_double *server = calloc(1, sizeof *server);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", options->port);
    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    server->count = count < 8 ? count : 8;
    memcpy(server->steps, steps, server->count * sizeof *steps);
    grpc_init();
    server->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_arg list[] = {
        { .type = GRPC_ARG_INTEGER,
          .key = (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
          .value.integer = options->no_compression ? 1 : 7 },
        { .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1 }
    };
    const grpc_channel_args args = { sizeof list / sizeof *list, list };
    server->server = grpc_server_create(&args, NULL);
    grpc_server_credentials *credentials =
        options->credentials ? options->credentials : grpc_insecure_server_credentials_create();
    server->port = grpc_server_add_http2_port(server->server, address, credentials);
    grpc_server_credentials_release(credentials);
    grpc_server_register_completion_queue(server->server, server->queue, NULL);
    grpc_server_start(server->server);
    pthread_create(&server->thread, NULL, run, server);
    return server;
}

grpc_double *grpc_double_start(int port, const struct grpc_step *steps, size_t count) {
    const struct grpc_double_options options = { .port = port };
    return grpc_double_start_with(&options, steps, count);
}

void grpc_double_stop(grpc_double *server) {
    atomic_store(&server->stopping, true);
    grpc_completion_queue *down = grpc_completion_queue_create_for_pluck(NULL);
    grpc_server_shutdown_and_notify(server->server, down, server);
    grpc_server_cancel_all_calls(server->server);
    grpc_completion_queue_pluck(down, server, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    pthread_join(server->thread, NULL);
    grpc_server_destroy(server->server);
    grpc_completion_queue_shutdown(server->queue);
    while (next(server))
        ;
    grpc_completion_queue_destroy(server->queue);
    grpc_completion_queue_shutdown(down);
    grpc_completion_queue_destroy(down);
    grpc_shutdown();
    free(server->last.body);
    free(server->shown.body);
    free(server);
}

int grpc_double_port(const grpc_double *server) { return server->port; }
size_t grpc_double_requests(grpc_double *server) { return atomic_load(&server->requests); }

/* A copy, so that the next request may come while it is read. */
static const struct request *show(grpc_double *server) {
    pthread_mutex_lock(&server->lock);
    free(server->shown.body);
    server->shown = server->last;
    server->shown.body = malloc(server->last.body_len + 1);
    if (server->last.body)
        memcpy(server->shown.body, server->last.body, server->last.body_len);
    pthread_mutex_unlock(&server->lock);
    return &server->shown;
}

const char *grpc_double_method(grpc_double *server) { return show(server)->method; }
const char *grpc_double_metadata(grpc_double *server) { return show(server)->metadata; }
const char *grpc_double_client(grpc_double *server) { return show(server)->client; }

const uint8_t *grpc_double_body(grpc_double *server, size_t *len) {
    const struct request *last = show(server);
    *len = last->body_len;
    return last->body;
}
