/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_daemon_test.c - daemons that start tracing before they become one: their spans arrive, and the descriptors that
 * they close and open again are theirs alone.
 */
#include "tracing.h"

#include "sanitizers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { QUEUE = 2048, SPANS = 3, DESCRIPTORS = 64, STRANGE = 3 };

static struct collector collector;

/* What a daemon, whose stderr is gone, tells the test. */
static struct notes {
    pid_t pid;
    char failed[128];
} * notes;

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            snprintf(notes->failed, sizeof notes->failed, "line %d: %s", __LINE__, #condition);                        \
            _exit(STRANGE);                                                                                            \
        }                                                                                                              \
    } while (0)

/* ---- becoming a daemon ------------------------------------------------------------------------------------------- */

struct scene {
    const char *name;
    bool first_span; /* is exported before, so that there is a worker and a connection */
    void (*become_daemon)(void);
    void (*close_descriptors)(void);
};

static void leave_parent(void (*leave)(int)) {
    const pid_t child = fork();
    MUST(child >= 0);
    if (child > 0)
        leave(0);
}

static void fork_twice(void) {
    leave_parent(exit);
    MUST(setsid() > 0);
    leave_parent(_exit);
}

static void call_daemon(void) { MUST(daemon(0, 0) == 0); }

static void put_null_in_the_place_of_0_to_2(void) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2; fd++)
        MUST(dup2(null, fd) == fd);
    close(null);
}

static void close_from(int first) {
    for (int fd = first; fd < 1024; fd++)
        close(fd);
}

static void close_0_to_2(void) {
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
}

static void close_from_3(void) { close_from(3); }
static void close_all(void) { close_from(0); }

/* ---- descriptors of the daemon's own ----------------------------------------------------------------------------- */

/* Connections with a byte to be read, on whatever numbers are free. */
static struct {
    unsigned count;
    int fds[4 * DESCRIPTORS];
    ino_t inodes[4 * DESCRIPTORS];
} own;

static ino_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static void open_descriptors(unsigned count) {
    own.count = count;
    for (unsigned i = 0; i < count; i += 2) {
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, own.fds + i) == 0);
        MUST(send(own.fds[i], "1", 1, MSG_NOSIGNAL) == 1);
        MUST(send(own.fds[i + 1], "2", 1, MSG_NOSIGNAL) == 1);
        own.inodes[i] = inode_of(own.fds[i]);
        own.inodes[i + 1] = inode_of(own.fds[i + 1]);
    }
}

/* Nobody closed one, wrote into it or read from it. */
static void check_descriptors(void) {
    for (unsigned i = 0; i < own.count; i++) {
        int waiting = 0;
        char byte = 0;
        MUST(inode_of(own.fds[i]) == own.inodes[i]);
        MUST(ioctl(own.fds[i], FIONREAD, &waiting) == 0 && waiting == 1);
        MUST(recv(own.fds[i], &byte, 1, MSG_PEEK) == 1 && byte == (i % 2 ? '1' : '2'));
    }
}

/* ---- the processes ----------------------------------------------------------------------------------------------- */

static void end_spans(void) {
    for (unsigned i = 0; i < SPANS; i++)
        record("daemon");
}

static void live_as_daemon(const struct scene *scene) {
    notes->pid = getpid();
    alarm(PATIENCE_S / 2);
    /* The second time, what is closed and has a follower is the daemon's own connection too. */
    for (unsigned i = 1; i <= 2; i++) {
        scene->close_descriptors();
        open_descriptors(i * 2 * DESCRIPTORS);
        end_spans();
        MUST(otel_sdk_flush(LONG_MS) == OTEL_OK);
        check_descriptors();
    }
    end_spans();
    MUST(otel_sdk_stop(LONG_MS) == OTEL_OK);
    check_descriptors();
    MUST(all_exported(3 * SPANS));
    _exit(0);
}

static void launch(const struct scene *scene) {
    alarm(PATIENCE_S / 2);
    MUST(tracing_start(collector.endpoint, QUEUE) == OTEL_OK);
    if (scene->first_span) {
        record("launcher");
        MUST(otel_sdk_flush(LONG_MS) == OTEL_OK);
    }
    scene->become_daemon();
    live_as_daemon(scene);
}

static void play(const struct scene *scene) {
    memset(notes, 0, sizeof *notes);
    fflush(NULL);
    const pid_t launcher = fork();
    if (launcher == 0)
        launch(scene);
    const int launched = outcome_of(launcher);
    while (launched == 0 && notes->failed[0] == '\0' && notes->pid == 0)
        usleep(1000);
    const int ended = notes->pid ? outcome_of(notes->pid) : -1;
    while (waitpid(-1, NULL, WNOHANG) > 0) /* the process in between */
        continue;
    if (launched != 0 || ended != 0)
        fail_msg("%s: the launcher ended with %d, the daemon with %d; %s", scene->name, launched, ended, notes->failed);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static void a_daemons_spans_arrive_and_its_descriptors_are_its_own(void **state) {
    (void)state;
    static const struct scene scenes[] = {
        { "two forks", false, fork_twice, put_null_in_the_place_of_0_to_2 },
        { "two forks after a span", true, fork_twice, put_null_in_the_place_of_0_to_2 },
        { "two forks, without 0 to 2", false, fork_twice, close_0_to_2 },
        { "two forks after a span, without 0 to 2", true, fork_twice, close_0_to_2 },
        { "two forks, from 3 closed", false, fork_twice, close_from_3 },
        { "two forks after a span, from 3 closed", true, fork_twice, close_from_3 },
        { "two forks, all closed", false, fork_twice, close_all },
        { "two forks after a span, all closed", true, fork_twice, close_all },
        { "daemon()", false, call_daemon, put_null_in_the_place_of_0_to_2 },
        { "daemon() after a span", true, call_daemon, put_null_in_the_place_of_0_to_2 },
        { "daemon() after a span, from 3 closed", true, call_daemon, close_from_3 },
    };
    enum { SCENES = sizeof scenes / sizeof *scenes };
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    for (unsigned i = 0; i < SCENES; i++) {
        collector_start(&collector, NULL);
        play(&scenes[i]);
        json_t *counts = collector_stop(&collector);
        assert_int_equal(count_from(counts, notes->pid), 3 * SPANS);
        assert_int_equal(count_named(counts, "launcher"), scenes[i].first_span);
        assert_int_equal(count_of(counts, "duplicates"), 0);
        assert_int_equal(count_of(counts, "refused"), 0);
        json_decref(counts);
    }
}

static int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    /* Daemons become children of this process, so that none is left behind. */
    return notes != MAP_FAILED ? prctl(PR_SET_CHILD_SUBREAPER, 1) : -1;
}

static int clean_up(void **state) {
    (void)state;
    json_decref(collector_stop(&collector));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_daemons_spans_arrive_and_its_descriptors_are_its_own, clean_up),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
