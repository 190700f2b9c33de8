/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_mask_test.c - no signal reaches a thread that the SDK made, and none that libcurl made for it: a program's
 * handlers run on the program's threads only.
 */
#include "exporter_double.h"
#include "http_double.h"
#include "otlp_scene.h"

#include <dirent.h>
#include <otel/otlp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

enum { LONG_MS = 60000, ROUNDS = 10000, LIVES = 50, OWN_MOST = 16 };

OTEL_TRACER(tracer, "worker_mask_test");

static http_double *server;

/* ---- threads, as the kernel knows them --------------------------------------------------------------------------- */

/* Those that were there before the SDK. */
static struct {
    long ids[OWN_MOST];
    unsigned count;
} own;

static bool is_own(long id) {
    for (unsigned i = 0; i < own.count; i++)
        if (own.ids[i] == id)
            return true;
    return false;
}

static void each_thread(void (*visit)(long id)) {
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (atol(entry->d_name) != 0)
            visit(atol(entry->d_name));
    closedir(dir);
}

static void note_own(long id) {
    assert_true(own.count < OWN_MOST);
    own.ids[own.count++] = id;
}

/* What a file of the thread says behind `key`; false when the thread has ended meanwhile. */
static bool read_thread(long id, const char *file, const char *key, char *value, size_t size) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%ld/%s", id, file);
    FILE *stream = fopen(path, "r");
    bool found = false;
    while (stream && !found && fgets(line, sizeof line, stream))
        found = strncmp(line, key, strlen(key)) == 0;
    if (stream)
        fclose(stream);
    line[strcspn(line, "\n")] = '\0';
    if (found)
        snprintf(value, size, "%s", line + strlen(key));
    return found;
}

/* Two cannot be blocked, and some below SIGRTMIN are libc's own. */
static uint64_t all_there_are(void) {
    uint64_t all = 0;
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGKILL && number != SIGSTOP && (number < 32 || number >= SIGRTMIN))
            all |= UINT64_C(1) << (number - 1);
    return all;
}

static unsigned workers, others; /* threads that were looked at */

static void assert_blocks_all(long id) {
    char blocked[64], name[64];
    if (is_own(id) || !read_thread(id, "status", "SigBlk:", blocked, sizeof blocked) ||
        !read_thread(id, "comm", "", name, sizeof name))
        return;
    const uint64_t left = all_there_are() & ~strtoull(blocked, NULL, 16);
    if (left)
        fail_msg("thread %ld, %s, does not block %llx", id, name, (unsigned long long)left);
    if (strcmp(name, "otel-batch") == 0)
        workers++;
    else
        others++;
}

/* ---- the SDK ----------------------------------------------------------------------------------------------------- */

/* By name, for the sake of the thread that looks names up. */
static void start_sdk(void) {
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d", http_double_port(server));
    const otel_otlp_options options = { .size = sizeof options, .endpoint = url };
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 1 };
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_WARN,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(&batch, otel_otlp_exporter(&options))))),
        OTEL_OK);
}

static int stop_sdk(void **state) {
    otel_ledger ledger;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].exported, ledger.started);
    (void)state;
    return 0;
}

static void make_span(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("span"));
    otel_span_end(&span);
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

static void threads_of_the_sdk_block_every_signal(void **state) {
    (void)state;
    for (unsigned life = 0; life < LIVES; life++) {
        start_sdk();
        make_span();
        for (unsigned i = 0; i < 20; i++)
            each_thread(assert_blocks_all);
        stop_sdk(state);
    }
    printf("measured: threads looked at in %d lives: otel-batch %u times, others %u times\n", (int)LIVES, workers,
           others);
    assert_int_not_equal(workers, 0);
}

/* ---- where handlers run ------------------------------------------------------------------------------------------ */

static _Atomic uint64_t handled, handled_elsewhere;
static _Atomic bool enough;
static _Atomic long receiver;

static void handler(int number) {
    (void)number;
    atomic_fetch_add(syscall(SYS_gettid) == atomic_load(&receiver) ? &handled : &handled_elsewhere, 1);
}

static void block(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    pthread_sigmask(how, &set, NULL);
}

/* The one thread that takes signals. Each cuts the sleep short, so the number of sleeps says nothing. */
static void *receive(void *unused) {
    atomic_store(&receiver, syscall(SYS_gettid));
    block(SIG_UNBLOCK);
    while (!atomic_load(&enough))
        usleep(1000);
    block(SIG_BLOCK);
    return unused;
}

static void send_signals(void) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        kill(getpid(), i % 2 ? SIGUSR1 : SIGRTMAX);
        if (i % 10 == 0)
            make_span();
    }
}

static bool is_pending(int number) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, number) == 1;
}

static void handlers_run_on_the_program_s_threads_only(void **state) {
    (void)state;
    const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMAX, &action, NULL);
    start_sdk();
    make_span();
    assert_int_equal(pthread_create(&thread, NULL, receive, NULL), 0);
    /* One that is pending already is not delivered twice, so a slow thread may see few of them. */
    for (unsigned i = 0; handled < 100 && i < 100; i++) {
        send_signals();
        assert_soon(!is_pending(SIGUSR1) && !is_pending(SIGRTMAX));
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    const uint64_t before = handled;
    send_signals();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    printf("measured: handlers run: %llu on the thread that takes signals, %llu elsewhere\n",
           (unsigned long long)handled, (unsigned long long)handled_elsewhere);
    assert_true(is_pending(SIGUSR1) && is_pending(SIGRTMAX)); /* since nobody takes them now, the worker included */
    assert_int_equal(handled, before);
    assert_true(handled >= 100);
    assert_int_equal(handled_elsewhere, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(threads_of_the_sdk_block_every_signal, stop_sdk),
        cmocka_unit_test_teardown(handlers_run_on_the_program_s_threads_only, stop_sdk),
    };
    block(SIG_BLOCK);
    server = http_double_start(STEPS({ .status = 200 }));
    each_thread(note_own);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_double_stop(server);
    return failed;
}
