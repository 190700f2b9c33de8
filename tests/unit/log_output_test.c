/* SPDX-License-Identifier: Apache-2.0 */
/* log_output_test.c - lines to pipes and files that are slow, full or gone, from several threads and processes. */
#include "log_output.h"

#include "in_child.h"
#include "log_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

OTEL_LOGGER(logger, "log_output_test");

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- lines that are read ----------------------------------------------------------------------------------------- */

/* What a reader made of the bytes of a pipe. It may run on a thread of its own. */
struct reader {
    int fd;
    unsigned pause_ms; /* before each time that it reads */
    unsigned lines, broken;
    json_int_t dropped; /* the sum of what lines told */
    char text[65536];
    size_t len;
};

static void read_line(struct reader *reader, const char *text, size_t len) {
    json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    reader->lines += line != NULL;
    reader->broken += line == NULL;
    reader->dropped += json_integer_value(json_object_get(line, "dropped"));
    json_decref(line);
}

static void take_lines(struct reader *reader) {
    char *from = reader->text, *end = reader->text + reader->len;
    for (char *newline; (newline = memchr(from, '\n', (size_t)(end - from))) != NULL; from = newline + 1) {
        read_line(reader, from, (size_t)(newline - from));
    }
    reader->len = (size_t)(end - from);
    memmove(reader->text, from, reader->len);
}

/* Until all writers have closed. */
static void *read_to_the_end(void *data) {
    struct reader *reader = data;
    ssize_t some;
    do {
        usleep(reader->pause_ms * 1000);
        some = read(reader->fd, reader->text + reader->len, 8192);
        reader->len += some > 0 ? (size_t)some : 0;
        take_lines(reader);
    } while (some > 0);
    return NULL;
}

/* What is there now. */
static void drain(struct reader *reader) {
    struct pollfd poller = { .fd = reader->fd, .events = POLLIN };
    while (poll(&poller, 1, 0) == 1) {
        const ssize_t some = read(reader->fd, reader->text + reader->len, 8192);
        if (some <= 0) {
            break;
        }
        reader->len += (size_t)some;
        take_lines(reader);
    }
}

/* ---- pipes ------------------------------------------------------------------------------------------------------- */

static char filling[1000];

static void log_filling(int number) {
    otel_log_info(logger, "line", OTEL_ATTR("number", number), OTEL_ATTR("text", filling));
}

static uint64_t dropped_now(void) { return otel_log_count().dropped; }

static void configure(int fd, int wait_ms) {
    otel_log_configure(OTEL_LOG_OPTIONS(.fd = fd, .wait_ms = wait_ms, .lines_per_second = -1));
}

static unsigned fill(void) {
    const uint64_t before = dropped_now();
    unsigned lines = 0;
    for (; dropped_now() == before; lines++) {
        log_filling(0);
    }
    return lines - 1;
}

/* A full pipe holds up the first line for so long, and those after it not at all; what was lost is told, once. */
static void check_full_pipe(int write_end, struct reader *reader) {
    configure(write_end, -1);
    const unsigned filled = fill();
    configure(write_end, 300);
    const uint64_t begin = now_ms();
    log_filling(1);
    const uint64_t first = now_ms() - begin;
    for (int i = 0; i < 100; i++) {
        log_filling(i);
    }
    const uint64_t all = now_ms() - begin;
    drain(reader);
    log_filling(2);
    log_filling(3);
    drain(reader);
    printf("measured: log: a bound of 300 ms: the line at a full pipe took %d ms, 100 lines after it %d ms\n",
           (int)first, (int)(all - first));
    assert_true(first >= 299);
    assert_true(all - first < 15000); /* half of what waiting would take */
    assert_int_equal(reader->lines, filled + 2);
    assert_int_equal(reader->broken, 0);
    assert_int_equal(reader->dropped, 102);
}

static void a_full_pipe_holds_up_one_line_for_a_bounded_time(void **state) {
    (void)state;
    static struct reader reader;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    reader.fd = ends[0];
    check_full_pipe(ends[1], &reader);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_socket_holds_up_one_line_for_a_bounded_time(void **state) {
    (void)state;
    static struct reader reader;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    reader.fd = ends[0];
    check_full_pipe(ends[1], &reader);
    close(ends[0]);
    close(ends[1]);
}

static bool forbid(long number) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int full_pipe_of_an_old_kernel(void *unused) {
    static struct reader reader;
    int ends[2];
    (void)unused;
    STEP(pipe(ends) == 0 && forbid(SYS_pwritev2));
    reader.fd = ends[0];
    configure(ends[1], 50);
    const unsigned filled = fill();
    drain(&reader);
    log_filling(1);
    drain(&reader);
    STEP(reader.broken == 0 && reader.lines == filled + 1 && reader.dropped == 1);
    return 0;
}

static void a_kernel_without_writes_that_do_not_wait_is_borne(void **state) {
    (void)state;
    assert_int_equal(in_child(full_pipe_of_an_old_kernel, NULL), 0);
}

static int open_terminal(int ends[2]) {
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
    if (ends[0] < 0 || grantpt(ends[0]) != 0 || unlockpt(ends[0]) != 0) {
        return -1;
    }
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY);
    return ends[1] < 0 ? -1 : 0;
}

/* The kernel brings lines to the other end of a terminal in its own time. */
static void drain_terminal(struct reader *reader) {
    struct pollfd poller = { .fd = reader->fd, .events = POLLIN };
    while (poll(&poller, 1, 500) == 1) {
        drain(reader);
    }
}

static int fill_a_terminal(void *unused) {
    enum { LINES = 200 };
    static struct reader reader;
    int ends[2];
    (void)unused;
    alarm(60); /* a write that waits ends the test here */
    STEP(open_terminal(ends) == 0);
    reader.fd = ends[0];
    configure(ends[1], 50);
    for (int i = 0; i < LINES; i++) { /* of many lengths: what room is left differs */
        otel_log_info(logger, "line", OTEL_ATTR("text", (const char *)filling + 7 * i % 900));
    }
    STEP(dropped_now() > 0 && (fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
    drain_terminal(&reader);
    log_filling(1);
    drain_terminal(&reader);
    STEP(reader.broken <= 1 && reader.lines + reader.dropped == LINES + 1);
    return 0;
}

static void a_terminal_that_nobody_reads_holds_up_no_line(void **state) {
    (void)state;
    assert_int_equal(in_child(fill_a_terminal, NULL), 0);
}

static void a_reader_that_is_slow_loses_nothing(void **state) {
    (void)state;
    static struct reader reader = { .pause_ms = 2 };
    const uint64_t before = dropped_now();
    pthread_t thread;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    reader.fd = ends[0];
    configure(ends[1], 60000);
    pthread_create(&thread, NULL, read_to_the_end, &reader);
    for (int i = 0; i < 500; i++) {
        log_filling(i);
    }
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    assert_int_equal(reader.lines, 500);
    assert_int_equal(dropped_now() - before, 0);
}

static volatile sig_atomic_t caught_signals;

static void catch_signal(int number) {
    (void)number;
    caught_signals = caught_signals + 1;
}

static int reader_is_gone(void *unused) {
    int ends[2];
    sigset_t pending;
    (void)unused;
    signal(SIGPIPE, catch_signal);
    STEP(pipe(ends) == 0);
    close(ends[0]);
    configure(ends[1], 0);
    const uint64_t before = dropped_now();
    log_filling(1);
    STEP(dropped_now() == before + 1);
    sigpending(&pending);
    STEP(sigismember(&pending, SIGPIPE) == 0 && caught_signals == 0);
    configure(1000, 0);
    log_filling(1);
    STEP(dropped_now() == before + 2);
    STEP(write(ends[1], "x", 1) < 0 && caught_signals == 1); /* the program's own arrives as ever */
    return 0;
}

static void a_reader_that_is_gone_does_not_end_the_process(void **state) {
    (void)state;
    assert_int_equal(in_child(reader_is_gone, NULL), 0);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A line is cut in its middle by the limit; the one after that begins on a line of its own. */
static int file_is_full(void *unused) {
    static struct reader reader;
    char name[] = "/tmp/log_output_test.XXXXXX";
    const int fd = mkstemp(name);
    struct rlimit limit;
    (void)unused;
    unlink(name);
    configure(fd, 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 10000;
    setrlimit(RLIMIT_FSIZE, &limit);
    const unsigned written = fill();
    STEP(lseek(fd, 0, SEEK_END) == 10000);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);
    log_filling(1);
    log_filling(2);
    reader.fd = fd;
    lseek(fd, 0, SEEK_SET);
    read_to_the_end(&reader);
    STEP(reader.broken == 1 && reader.lines == written + 2 && reader.dropped == 1 && reader.len == 0);
    return 0;
}

static void after_a_full_file_lines_are_whole_again(void **state) {
    (void)state;
    assert_int_equal(in_child(file_is_full, NULL), 0);
}

/* ---- threads and processes --------------------------------------------------------------------------------------- */

enum { THREADS = 8, PROCESSES = 4, LINES = 1000 };

static void *log_lines(void *unused) {
    for (int i = 0; i < LINES; i++) {
        /* Of many lengths, up to the longest. */
        otel_log_info(logger, "line", OTEL_ATTR("a", otel_stringn(filling, (size_t)i)), OTEL_ATTR("b", filling),
                      OTEL_ATTR("c", otel_stringn(filling, (size_t)i)), OTEL_ATTR("d", filling));
    }
    return unused;
}

/* To a reader that does not keep up. */
static void check_threads(const int ends[2], int wait_ms) {
    static struct reader reader;
    const otel_log_counts before = otel_log_count();
    pthread_t threads[THREADS], reading;
    memset(&reader, 0, sizeof reader);
    reader.fd = ends[0];
    configure(ends[1], wait_ms);
    pthread_create(&reading, NULL, read_to_the_end, &reader);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, log_lines, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    close(ends[1]);
    pthread_join(reading, NULL);
    close(ends[0]);
    const uint64_t written = otel_log_count().written - before.written, dropped = dropped_now() - before.dropped;
    printf("measured: log: %d threads: %u lines read whole, %u torn, %d dropped\n", THREADS, reader.lines,
           reader.broken, (int)dropped);
    assert_int_equal(reader.broken, 0);
    assert_int_equal(reader.lines, written);
    assert_int_equal(written + dropped, THREADS * LINES);
}

static void lines_of_many_threads_are_whole(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    check_threads(ends, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    check_threads(ends, 0);
}

/* Connected to each other, with little room: the one that is written takes lines in parts. */
static void open_connection(int ends[2]) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0), room = 4096;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    ends[1] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    assert_int_equal(connect(ends[1], (struct sockaddr *)&address, size), 0);
    ends[0] = accept(listener, NULL, NULL);
    close(listener);
}

static void lines_taken_in_parts_are_whole(void **state) {
    (void)state;
    int ends[2];
    open_connection(ends);
    check_threads(ends, 120000);
}

static void lines_of_many_processes_are_whole(void **state) {
    (void)state;
    static struct reader reader;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            configure(ends[1], 60000);
            log_lines(NULL);
            _exit(0);
        }
    }
    close(ends[1]);
    reader.fd = ends[0];
    read_to_the_end(&reader);
    close(ends[0]);
    for (int i = 0, status; i < PROCESSES; i++) {
        wait(&status);
        assert_int_equal(status, 0);
    }
    assert_int_equal(reader.broken, 0);
    assert_int_equal(reader.lines, PROCESSES * LINES);
}

static _Atomic bool over;

static void *log_all_the_time(void *unused) {
    while (!over) {
        log_filling(1);
    }
    return unused;
}

static int log_in_the_child(void *unused) {
    const otel_log_counts before = otel_log_count();
    (void)unused;
    log_filling(1);
    STEP(otel_log_count().written == before.written + 1);
    STEP(dropped_now() == before.dropped);
    return 0;
}

/* Two threads want the lock at any moment, so that one holds it in many of the forks. */
static void the_child_of_a_fork_logs_whoever_held_the_lock(void **state) {
    (void)state;
    enum { FORKS = 200 };
    const int null = open("/dev/null", O_WRONLY);
    pthread_t threads[2];
    int failed = 0;
    configure(null, 0);
    over = false;
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, log_all_the_time, NULL);
    }
    for (int i = 0; i < FORKS; i++) {
        failed += in_child(log_in_the_child, NULL) != 0;
    }
    over = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    close(null);
    assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    memset(filling, 'x', sizeof filling - 1);
    (void)state;
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, catch_no_more)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_full_pipe_holds_up_one_line_for_a_bounded_time),
        TEST(a_full_socket_holds_up_one_line_for_a_bounded_time),
        TEST(a_kernel_without_writes_that_do_not_wait_is_borne),
        TEST(a_terminal_that_nobody_reads_holds_up_no_line),
        TEST(a_reader_that_is_slow_loses_nothing),
        TEST(a_reader_that_is_gone_does_not_end_the_process),
        TEST(after_a_full_file_lines_are_whole_again),
        TEST(lines_of_many_threads_are_whole),
        TEST(lines_taken_in_parts_are_whole),
        TEST(lines_of_many_processes_are_whole),
        TEST(the_child_of_a_fork_logs_whoever_held_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
