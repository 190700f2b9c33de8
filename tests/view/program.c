/* SPDX-License-Identifier: Apache-2.0 */
/* The real viewer in a process of its own, and HTTP requests to it. */
#include "program.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void path_in(const struct program *program, const char *name, char *path, size_t size) {
    int len = snprintf(path, size, "%s/%s", program->dir, name);
    assert_true(len > 0 && (size_t)len < size);
}

static void run_program(const char *output, const char *ready, const char *const *arguments) {
    const char *argv[16] = { VIEW_PROGRAM, "--port", "0", "--ready-file", ready };
    size_t count = 5;
    for (; arguments && *arguments && count < 15; arguments++) {
        argv[count++] = *arguments;
    }
    /* A test that fails leaves no viewer behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(output, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
        _exit(126);
    }
    execv(VIEW_PROGRAM, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void wait_until_ready(struct program *program, const char *ready) {
    const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
    for (unsigned tries = 0; tries < 3000; tries++) {
        FILE *file = fopen(ready, "re");
        if (file) {
            int read = fscanf(file, "%u", &program->port);
            fclose(file);
            assert_int_equal(read, 1);
            return;
        }
        assert_int_equal(waitpid(program->pid, NULL, WNOHANG), 0);
        nanosleep(&pause, NULL);
    }
    fail_msg("the viewer does not get ready");
}

void program_start(struct program *program, const char *const *arguments) {
    char output[128];
    char ready[128];
    *program = (struct program){ .dir = "/tmp/otel-view-test-XXXXXX" };
    assert_non_null(mkdtemp(program->dir));
    path_in(program, "output", output, sizeof output);
    path_in(program, "ready", ready, sizeof ready);
    program->pid = fork();
    assert_true(program->pid >= 0);
    if (program->pid == 0) {
        run_program(output, ready, arguments);
    }
    wait_until_ready(program, ready);
}

static char *read_file(const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    return text;
}

int program_stop(struct program *program, int signal_number) {
    char path[128];
    int status = 0;
    kill(program->pid, signal_number);
    assert_int_equal(waitpid(program->pid, &status, 0), program->pid);
    program->pid = 0;
    path_in(program, "output", path, sizeof path);
    program->output = read_file(path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void program_clear(struct program *program) {
    char path[128];
    if (program->pid > 0) {
        program_stop(program, SIGKILL);
    }
    path_in(program, "output", path, sizeof path);
    unlink(path);
    path_in(program, "ready", path, sizeof path);
    unlink(path);
    rmdir(program->dir);
    free(program->output);
    program->output = NULL;
}

static size_t collect(char *data, size_t size, size_t count, void *arg) {
    struct reply *reply = arg;
    size_t len = size * count;
    uint8_t *body = realloc(reply->body, reply->len + len + 1);
    if (!body) {
        return 0;
    }
    memcpy(body + reply->len, data, len);
    reply->body = body;
    reply->len += len;
    reply->body[reply->len] = '\0';
    return len;
}

static void note_answer(CURL *curl, struct reply *reply) {
    const char *content_type = NULL;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &content_type);
    snprintf(reply->content_type, sizeof reply->content_type, "%s", content_type ? content_type : "");
}

struct reply program_request(const struct program *program, const char *path, const char *const *headers,
                             const void *body, size_t len) {
    struct reply reply = { 0 };
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", program->port, path);
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (; headers && *headers; headers++) {
        list = curl_slist_append(list, *headers);
    }
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    }
    curl_easy_perform(curl);
    note_answer(curl, &reply);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return reply;
}

struct reply program_get(const struct program *program, const char *path) {
    return program_request(program, path, NULL, NULL, 0);
}

struct reply program_post_traces(const struct program *program, const void *body, size_t len) {
    static const char *const headers[] = { "Content-Type: application/x-protobuf", NULL };
    return program_request(program, "/v1/traces", headers, body, len);
}

void reply_clear(struct reply *reply) {
    free(reply->body);
    *reply = (struct reply){ 0 };
}

json_t *program_json(const struct program *program, const char *path) {
    struct reply reply = program_get(program, path);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "application/json");
    json_t *json = json_loadb((const char *)reply.body, reply.len, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    reply_clear(&reply);
    return json;
}

int64_t program_stat(const struct program *program, const char *group, const char *name) {
    json_t *stats = program_json(program, "/api/stats");
    json_t *value = json_object_get(json_object_get(stats, group), name);
    assert_true(json_is_integer(value));
    int64_t number = json_integer_value(value);
    json_decref(stats);
    return number;
}

int program_connect(const struct program *program) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)program->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_return_code(connect(fd, (const struct sockaddr *)&address, sizeof address), errno);
    return fd;
}
