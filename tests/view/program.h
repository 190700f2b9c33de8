/* SPDX-License-Identifier: Apache-2.0 */
/* The real viewer in a process of its own, and HTTP requests to it. */
#ifndef VIEW_TEST_PROGRAM_H
#define VIEW_TEST_PROGRAM_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
    pid_t pid;
    unsigned port;
    char dir[64];
    char *output; /* standard output and error, after program_stop */
};

/* Starts it on a free port, with up to eight further arguments (NULL ends them), and waits until it is ready. */
void program_start(struct program *program, const char *const *arguments);

/* Sends the signal and waits for the end; the exit status, or -1 when it did not exit by itself. */
int program_stop(struct program *program, int signal_number);
void program_clear(struct program *program);

struct reply {
    long status; /* 0: no answer */
    char content_type[64];
    uint8_t *body;
    size_t len;
};

/* `headers` are whole lines, NULL ends them; without a body it is a GET. */
struct reply program_request(const struct program *program, const char *path, const char *const *headers,
                             const void *body, size_t len);
struct reply program_get(const struct program *program, const char *path);
struct reply program_post_traces(const struct program *program, const void *body, size_t len);
void reply_clear(struct reply *reply);

/* The JSON at that path, a new reference. */
json_t *program_json(const struct program *program, const char *path);

/* One number of /api/stats. */
int64_t program_stat(const struct program *program, const char *group, const char *name);

/* A TCP connection to it. */
int program_connect(const struct program *program);

#endif
