/* SPDX-License-Identifier: Apache-2.0 */
/* runner.c - see runner.h. */
#include "runner.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE_S = 60 };

void run_begin(struct run *run, const char *program, const char *act, const char *way) {
    posix_spawn_file_actions_t actions;
    char *const arguments[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)act, (char *)(uintptr_t)way, NULL };
    run->report_fd = memfd_create("report", MFD_CLOEXEC);
    run->stderr_fd = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(run->report_fd >= 0 && run->stderr_fd >= 0);
    assert_int_equal(ftruncate(run->report_fd, sizeof *run->report), 0);
    run->report = mmap(NULL, sizeof *run->report, PROT_READ | PROT_WRITE, MAP_SHARED, run->report_fd, 0);
    assert_ptr_not_equal(run->report, MAP_FAILED);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, run->report_fd, REPORT_FD);
    posix_spawn_file_actions_adddup2(&actions, run->stderr_fd, STDERR_FILENO);
    assert_int_equal(posix_spawn(&run->pid, program, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
}

/* The status; -1: it hung. */
static int wait_for(struct run *run) {
    const uint64_t deadline = otel__clock_monotonic() + PATIENCE_S * OTEL__SECOND;
    int status = 0;
    while (waitpid(run->pid, &status, WNOHANG) != run->pid) {
        if (otel__clock_monotonic() > deadline) {
            kill(run->pid, SIGKILL);
            waitpid(run->pid, &status, 0);
            status = -1;
            break;
        }
        nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
    }
    run->gone_at = otel__clock_monotonic();
    return status;
}

void run_end(struct run *run) {
    static char said[16 * 1024];
    const int status = wait_for(run);
    const ssize_t len = pread(run->stderr_fd, said, sizeof said - 1, 0);
    said[len > 0 ? len : 0] = '\0';
    close(run->stderr_fd);
    close(run->report_fd);
    const int ended = WIFEXITED(status) && status != -1 ? WEXITSTATUS(status) : -1;
    if (ended != EXIT_CODE || said[0] != '\0' || run->report->failed[0] != '\0')
        fail_msg("exit-program ended with status %#x\n%s\n%s", (unsigned)status, run->report->failed, said);
}

uint64_t run_latency(const struct run *run) { return run->gone_at - atomic_load(&run->report->exits_at); }

void run_clear(struct run *run) { munmap(run->report, sizeof *run->report); }

void runs_export_to(const struct collector *collector) {
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector->endpoint, 1);
    setenv("OTEL_SERVICE_NAME", "test", 1);
    setenv("OTEL_LOG_LEVEL", "warn", 1);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16384", 1);
    setenv("OTEL_BSP_SCHEDULE_DELAY", "1", 1);
    setenv("no_proxy", "127.0.0.1", 1);
}
