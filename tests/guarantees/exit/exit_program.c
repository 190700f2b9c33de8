/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_program.c - a traced program that ends in one of many ways; the tests run it, and exit_acts.c says what it does
 * before.
 *
 *     exit-program ACT WAY          WAY: return, exit, thread, quick_exit or _exit
 */
#include "acts.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

OTEL_TRACER(lib, "guarantees.exit");

/*
 * LeakSanitizer: a worker that is parked in the middle of a handshake holds what OpenSSL, whose own exit handler has run
 * by then, has forgotten. What a stop leaves is guarantees/nothing_left's.
 */
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void) { return 1; }

struct report *report;

bool note(bool holds, const char *file, int line, const char *condition) {
    if (!holds && report->failed[0] == '\0')
        snprintf(report->failed, sizeof report->failed, "%s:%d: %s does not hold", file, line, condition);
    return holds;
}

void pause_ms(long ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL); }

void start_tracing(void) { EXPECT(otel_sdk_start(NULL) == OTEL_OK); }

void record(const char *name) {
    static _Atomic int pid;
    if (atomic_load(&pid) == 0)
        atomic_store(&pid, getpid());
    {
        OTEL_SPAN(span, lib, name);
        otel_set(&span, "process.pid", (int64_t)pid);
        otel_set(&span, "text", "a value of some length, so that a request takes more than one packet");
    }
    atomic_fetch_add(&report->ended, 1);
}

void note_exit(void) {
    atomic_store(&report->before, atomic_load(&report->ended));
    atomic_store(&report->exits_at, otel__clock_monotonic());
}

/* ---- the load ---------------------------------------------------------------------------------------------------- */

static _Atomic uint64_t made[LOAD_THREADS]; /* spans of each thread */

/* The ledger is exact when no call runs that found an SDK: each thread makes a whole one more. */
static void wait_for_calls(void) {
    for (unsigned i = 0; i < LOAD_THREADS; i++)
        for (const uint64_t before = atomic_load(&made[i]); atomic_load(&made[i]) < before + 2;)
            pause_ms(1);
}

/* Registered before the SDK's exit handler, and hence called after it. */
static void read_last_ledger(void) {
    wait_for_calls();
    report->ledger.size = sizeof report->ledger;
    otel_sdk_ledger(&report->ledger);
    atomic_store(&report->judged, true);
}

static otel_ledger_processor counts(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0];
}

/* So far ahead of the export that nothing is dropped. */
static void *record_for_ever(void *data) {
    enum { AHEAD = 2048 };
    _Atomic uint64_t *count = data;
    for (;;) {
        record("s");
        const uint64_t i = atomic_fetch_add(count, 1);
        while (i % 64 == 0 && atomic_load(&report->exits_at) == 0 && counts().queued > AHEAD)
            pause_ms(1);
    }
    return data;
}

void act_load(void) {
    EXPECT(atexit(read_last_ledger) == 0);
    start_tracing();
    for (unsigned i = 0; i < LOAD_THREADS; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, record_for_ever, &made[i]) == 0);
        pthread_detach(thread);
    }
    while (!atomic_load(&report->go) || counts().in_flight == 0)
        pause_ms(1);
}

/* ---- the ways ---------------------------------------------------------------------------------------------------- */

static void *exit_in_thread(void *data) {
    note_exit();
    exit(EXIT_CODE);
    return data;
}

static void leave(const char *way) {
    pthread_t thread;
    if (strcmp(way, "thread") == 0 && pthread_create(&thread, NULL, exit_in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    note_exit();
    if (strcmp(way, "exit") == 0)
        exit(EXIT_CODE);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(EXIT_CODE);
    if (strcmp(way, "_exit") == 0)
        _exit(EXIT_CODE);
}

int main(int argc, char **argv) {
    act *what = argc > 2 ? act_named(argv[1]) : NULL;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, REPORT_FD, 0);
    if (!what || report == MAP_FAILED)
        return 1;
    what();
    leave(argv[2]);
    return EXIT_CODE; /* the way "return" */
}
