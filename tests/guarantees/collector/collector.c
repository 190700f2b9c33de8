/* SPDX-License-Identifier: Apache-2.0 */
/* collector.c - see collector.h. */
#include "collector.h"

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static int run_quietly(char *const *arguments) {
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int spawned = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

bool certificate_make(struct certificate *certificate) {
    snprintf(certificate->dir, sizeof certificate->dir, "/tmp/otel-test-XXXXXX");
    assert_non_null(mkdtemp(certificate->dir));
    snprintf(certificate->file, sizeof certificate->file, "%s/certificate.pem", certificate->dir);
    snprintf(certificate->key, sizeof certificate->key, "%s/key.pem", certificate->dir);
    char *const arguments[] = { "openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:prime256v1",
                                "-nodes",
                                "-days",
                                "2",
                                "-subj",
                                "/CN=127.0.0.1",
                                "-addext",
                                "subjectAltName=IP:127.0.0.1",
                                "-keyout",
                                certificate->key,
                                "-out",
                                certificate->file,
                                NULL };
    return run_quietly(arguments) == 0;
}

void certificate_remove(struct certificate *certificate) {
    unlink(certificate->file);
    unlink(certificate->key);
    rmdir(certificate->dir);
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static void spawn(struct collector *collector, const struct certificate *certificate, int from, int to) {
    posix_spawn_file_actions_t actions;
    char *const arguments[] = { "test-collector", certificate ? (char *)(uintptr_t)certificate->file : NULL,
                                certificate ? (char *)(uintptr_t)certificate->key : NULL, NULL };
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    assert_int_equal(posix_spawn(&collector->pid, TEST_COLLECTOR, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
}

static char *read_line(struct collector *collector) {
    char *line = NULL;
    size_t size = 0;
    assert_true(getline(&line, &size, collector->from) > 0);
    return line;
}

void collector_start(struct collector *collector, const struct certificate *certificate) {
    int in[2], out[2];
    unsigned port = 0;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    spawn(collector, certificate, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    collector->to = in[1];
    collector->from = fdopen(out[0], "r");
    assert_non_null(collector->from);
    char *line = read_line(collector);
    assert_int_equal(sscanf(line, "%u", &port), 1);
    free(line);
    snprintf(collector->endpoint, sizeof collector->endpoint, "http%s://127.0.0.1:%u", certificate ? "s" : "", port);
    snprintf(collector->url, sizeof collector->url, "%s/v1/traces", collector->endpoint);
}

static json_t *read_counts(struct collector *collector) {
    char *line = read_line(collector);
    json_t *counts = json_loads(line, 0, NULL);
    assert_non_null(counts);
    free(line);
    return counts;
}

json_t *collector_tell(struct collector *collector, const char *command) {
    assert_true(dprintf(collector->to, "%s\n", command) > 0);
    return read_counts(collector);
}

json_t *collector_stop(struct collector *collector) {
    int status = -1;
    if (collector->pid == 0)
        return NULL;
    /* Not by the end of its input, which children of the test may hold open. */
    kill(collector->pid, SIGTERM);
    json_t *counts = read_counts(collector);
    assert_int_equal(waitpid(collector->pid, &status, 0), collector->pid);
    assert_int_equal(status, 0);
    close(collector->to);
    fclose(collector->from);
    collector->pid = 0;
    return counts;
}

/* ---- what it counted --------------------------------------------------------------------------------------------- */

uint64_t count_of(const json_t *counts, const char *what) {
    const json_t *count = json_object_get(counts, what);
    return count ? (uint64_t)json_integer_value(count) : 0;
}

uint64_t count_named(const json_t *counts, const char *name) {
    return count_of(json_object_get(counts, "names"), name);
}

uint64_t count_from(const json_t *counts, pid_t pid) {
    char key[24];
    snprintf(key, sizeof key, "%d", (int)pid);
    return count_of(json_object_get(counts, "pids"), key);
}

uint64_t collector_count(struct collector *collector, const char *what) {
    json_t *counts = collector_tell(collector, "counts");
    const uint64_t count = count_of(counts, what);
    json_decref(counts);
    return count;
}

/* It accepts what has connected before it reads a command. */
void collector_settle(struct collector *collector) {
    while (collector_count(collector, "open") != 0)
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

uint64_t id_number(const uint8_t id[8]) {
    uint64_t number;
    memcpy(&number, id, sizeof number);
    return number;
}

int by_number(const void *a, const void *b) {
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

size_t collector_ids(struct collector *collector, uint64_t *ids, size_t room) {
    json_t *counts = collector_tell(collector, "ids");
    const json_t *list = json_object_get(counts, "ids");
    const size_t count = json_array_size(list);
    assert_in_range(count, 0, room);
    assert_int_equal(count_of(counts, "duplicates") + count_of(counts, "refused"), 0);
    for (size_t i = 0; i < count; i++)
        ids[i] = (uint64_t)json_integer_value(json_array_get(list, i));
    json_decref(counts);
    qsort(ids, count, sizeof *ids, by_number);
    return count;
}
