/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - test-collector: an OTLP/HTTP collector that counts what it receives, in a process of its own, as a judge
 * of what other processes sent.
 *
 *     test-collector [CERTIFICATE KEY]     files in PEM, for HTTPS
 *
 * It first prints the number of its port. Each line of its standard input is a command, and is answered by one line of
 * JSON with all counts (counts.h):
 *
 *     counts       nothing else
 *     ids          and with the ids of all spans
 *     forget       as if nothing had come so far
 *     delay MS     answer each request so much later
 *     close        end the connection with each answer
 *     hold N       count the next N requests, but do not answer them
 *     release      answer what is held
 *
 * At the end of its input, or by SIGTERM, it prints the counts once more and ends.
 */
#include "server.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void print_counts(const struct server *server, bool ids) {
    json_t *counts = counts_json(&server->counts, ids);
    json_dumpf(counts, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    fflush(stdout);
    json_decref(counts);
}

static void obey(struct server *server, const char *line) {
    if (strcmp(line, "close") == 0)
        server->closes = true;
    else if (strcmp(line, "forget") == 0)
        counts_forget(&server->counts);
    else if (strcmp(line, "release") == 0)
        server_release(server);
    else if (sscanf(line, "hold %lu", &server->holds) != 1)
        sscanf(line, "delay %lu", &server->delay_ms);
    print_counts(server, strcmp(line, "ids") == 0);
}

/* Obeys what has arrived; false at the end of the input. */
static bool read_commands(struct server *server) {
    static char text[256];
    static size_t len;
    const ssize_t more = read(STDIN_FILENO, text + len, sizeof text - 1 - len);
    if (more <= 0)
        return false;
    len += (size_t)more;
    text[len] = '\0';
    for (char *end; (end = strchr(text, '\n')) != NULL;) {
        *end = '\0';
        obey(server, text);
        len -= (size_t)(end + 1 - text);
        memmove(text, end + 1, len + 1);
    }
    return len < sizeof text - 1;
}

static void serve(struct server *server) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    struct pollfd watched[] = { { .fd = server_descriptor(server), .events = POLLIN },
                                { .fd = STDIN_FILENO, .events = POLLIN },
                                { .fd = signalfd(-1, &term, SFD_CLOEXEC), .events = POLLIN } };
    for (;;) {
        poll(watched, 3, server_patience(server));
        server_run(server);
        if (watched[2].revents || (watched[1].revents && !read_commands(server)))
            return;
    }
}

static char *read_file(const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (!file || getdelim(&text, &size, '\0', file) < 0) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    struct server server = { .port = 0 };
    /* Whatever becomes of the test, nothing is left running. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    char *certificate = argc > 2 ? read_file(argv[1]) : NULL;
    char *key = argc > 2 ? read_file(argv[2]) : NULL;
    if (!server_start(&server, certificate, key)) {
        fputs("test-collector: cannot listen\n", stderr);
        return 1;
    }
    printf("%u\n", server.port);
    fflush(stdout);
    serve(&server);
    print_counts(&server, false);
    server_stop(&server);
    free(certificate);
    free(key);
    return 0;
}
