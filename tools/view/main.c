/* SPDX-License-Identifier: Apache-2.0 */
/* otel-view: receives traces, prints them, serves them. One thread; a signal ends the loop through an eventfd. */
#include "datagrams.h"
#include "options.h"
#include "server.h"
#include "viewer.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The signal handler's way into the loop. */
static int stop_fd = -1;

static void request_stop(int signal_number) {
    int saved = errno;
    (void)signal_number;
    eventfd_write(stop_fd, 1);
    errno = saved;
}

static bool catch_signals(void) {
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct sigaction stop = { .sa_handler = request_stop };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    return stop_fd >= 0 && sigaction(SIGTERM, &stop, NULL) == 0 && sigaction(SIGINT, &stop, NULL) == 0 &&
           sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static void say(struct viewer *viewer, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    view_output_write(&viewer->output, line, strlen(line));
}

/* Appears under its name with its contents, never empty. */
static bool write_ready_file(const char *path, unsigned port) {
    char temporary[4096];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof temporary) {
        return false;
    }
    FILE *file = fopen(temporary, "we");
    if (!file) {
        return false;
    }
    bool written = fprintf(file, "%u\n", port) > 0;
    return fclose(file) == 0 && written && rename(temporary, path) == 0;
}

static int sooner(int a, int b) {
    if (a < 0 || b < 0) {
        return a < 0 ? b : a;
    }
    return a < b ? a : b;
}

static void run(struct viewer *viewer, struct view_server *server, int datagrams, struct view_ingest *ingest) {
    struct pollfd fds[] = { { .fd = stop_fd, .events = POLLIN },
                            { .fd = view_server_fd(server), .events = POLLIN },
                            { .fd = datagrams, .events = POLLIN } };
    while (fds[0].revents == 0) {
        int timeout = sooner(viewer_timeout(viewer), view_server_timeout(server, now_ms()));
        if (poll(fds, sizeof fds / sizeof *fds, timeout) < 0) {
            fds[0].revents = 0;
        }
        view_server_run(server, now_ms());
        view_datagrams_run(datagrams, ingest, now_ms());
        viewer_show_finished(viewer, now_ms());
    }
}

static void say_summary(struct viewer *viewer, const struct view_requests *requests) {
    struct view_store_stats stats = view_store_stats(viewer->store);
    say(viewer,
        "otel-view: %" PRIu64 " spans in %" PRIu64 " traces received with %" PRIu64 " requests (%" PRIu64
        " requests refused, %" PRIu64 " spans refused, %" PRIu64 " duplicates, %" PRIu64 " traces evicted)\n",
        stats.spans, stats.traces, requests->received, requests->rejected, requests->spans_rejected, stats.duplicates,
        stats.evicted_traces);
    if (viewer->output.lost > 0) {
        fprintf(stderr, "otel-view: %" PRIu64 " trees could not be written in time\n", viewer->output.lost);
    }
}

static int start_datagrams(const struct view_options *options, unsigned port) {
    int fd = view_datagrams_open(options->host, (uint16_t)port);
    if (fd < 0) {
        fprintf(stderr, "otel-view: no datagrams on port %u: %s\n", port, strerror(errno));
    }
    return fd;
}

static int serve(const struct view_options *options, struct view_store *store) {
    struct view_ingest ingest = { .store = store };
    struct viewer viewer;
    viewer_init(&viewer, options, store, STDOUT_FILENO);
    const char *problem = NULL;
    struct view_server *server = view_server_start(options->host, options->port, &ingest, &problem);
    if (!server) {
        fprintf(stderr, "otel-view: cannot listen on %s port %u: %s\n", options->host, (unsigned)options->port,
                problem);
        return EXIT_FAILURE;
    }
    unsigned port = view_server_port(server);
    int datagrams = start_datagrams(options, port); /* ends with the program */
    say(&viewer, "otel-view: listening on %s port %u (POST /v1/traces, GET /api/traces)\n", options->host, port);
    if (options->ready_file && !write_ready_file(options->ready_file, port)) {
        fprintf(stderr, "otel-view: cannot write %s: %s\n", options->ready_file, strerror(errno));
        view_server_stop(server);
        return EXIT_FAILURE;
    }
    run(&viewer, server, datagrams, &ingest);
    viewer_show_rest(&viewer);
    say_summary(&viewer, &ingest.requests);
    view_server_stop(server);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");
    struct view_options options;
    switch (view_options_parse(&options, argc, argv, stderr)) {
    case VIEW_HELP:
        view_options_help(stdout);
        return EXIT_SUCCESS;
    case VIEW_USAGE_ERROR:
        return 2;
    default:
        break;
    }
    struct view_store *store = view_store_new(options.max_traces, options.max_bytes);
    if (!store || !catch_signals()) {
        fprintf(stderr, "otel-view: cannot start: %s\n", strerror(errno));
        view_store_free(store);
        return EXIT_FAILURE;
    }
    int result = serve(&options, store);
    view_store_free(store);
    return result;
}
