/* SPDX-License-Identifier: Apache-2.0 */
/* runner.h - runs exit-program as the test's child, and sees how it ends. */
#ifndef OTEL_TEST_EXIT_RUNNER_H
#define OTEL_TEST_EXIT_RUNNER_H

#include "collector.h"
#include "report.h"

struct run {
    pid_t pid;
    int report_fd, stderr_fd;
    struct report *report;
    uint64_t gone_at; /* CLOCK_MONOTONIC, ns */
};

/* `program`: the statically or the dynamically linked one. The environment is the test's own. */
void run_begin(struct run *run, const char *program, const char *act, const char *way);
/*
 * Waits for the end, at most a minute, and fails the test unless the program ended with EXIT_CODE, had nothing to say
 * on stderr, and found everything as its act expects it.
 */
void run_end(struct run *run);
/* After run_end: how long the program took from exit() to its end, in ns. */
uint64_t run_latency(const struct run *run);
/* Gives up the report. */
void run_clear(struct run *run);

/* Makes the environment in which programs export to this collector. */
void runs_export_to(const struct collector *collector);

#endif
