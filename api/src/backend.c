/* SPDX-License-Identifier: Apache-2.0 */
/* backend.c - publishing the SDK's table, and waiting until nobody is inside it any more; see backend.h, DESIGN. */
#include "thread.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_FIRST_NS = 20 * 1000, SLEEP_MOST_NS = 1000 * 1000 };

struct otel__published otel__published;

static bool barrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

/*
 * Where no SDK saw the fork that made this process, states of threads that it doesn't have are left over, perhaps busy
 * for ever. While there is no other thread, every state but the caller's is such a one.
 */
static void forget_lost_threads(void) {
    struct stat tasks;
    if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3) { /* two, and one for each thread */
        otel__threads_after_fork();
    }
}

bool otel__backend_install(const struct otel__backend *backend) {
    if (backend == NULL || backend->version != OTEL__BACKEND_VERSION || backend->size < sizeof *backend) {
        return false;
    }
    int saved = errno;
    forget_lost_threads();
    bool fence = !barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    errno = saved;
    if (fence) {
        atomic_store(&otel__published.fence, true);
    }
    const struct otel__backend *none = NULL;
    return atomic_compare_exchange_strong(&otel__published.backend, &none, backend);
}

/* The order that membarrier() gives otherwise: `busy` is visible before the table is loaded. */
const struct otel__backend *otel__backend_fenced(struct otel__thread *thread) {
    atomic_store(&thread->busy, atomic_load_explicit(&thread->busy, memory_order_relaxed));
    return atomic_load(&otel__published.backend);
}

static uint64_t monotonic_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps twice as long as the last time; false when the deadline has passed. */
static bool wait_a_little(uint64_t deadline, long *ns) {
    if (monotonic_now() >= deadline) {
        return false;
    }
    struct timespec pause = { .tv_nsec = *ns };
    nanosleep(&pause, NULL);
    *ns = *ns * 2 < SLEEP_MOST_NS ? *ns * 2 : SLEEP_MOST_NS;
    return true;
}

static bool thread_is_out(uint32_t index) {
    struct otel__thread *thread = otel__thread_at(index);
    const uint32_t busy = atomic_load(&thread->busy);
    return thread == otel__self || busy == 0 || (busy & OTEL__MUTED) != 0;
}

/* After the barrier a thread that is seen outside once can't get in again, so each is waited for in turn. */
static bool wait_until_out(uint64_t deadline) {
    long ns = SLEEP_FIRST_NS;
    for (uint32_t index = 1; index <= otel__threads_made(); index++) {
        while (!thread_is_out(index)) {
            if (!wait_a_little(deadline, &ns)) {
                return false;
            }
        }
    }
    while (otel__shared_calls_of_others() != 0) {
        if (!wait_a_little(deadline, &ns)) {
            return false;
        }
    }
    return true;
}

bool otel__backend_remove(uint64_t deadline) {
    int saved = errno;
    atomic_store(&otel__published.backend, NULL);
    if (!atomic_load(&otel__published.fence) && !barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
        /*
         * Allowed at the start, refused now (a seccomp filter came later). Store buffers drain in far less than this.
         */
        nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
    }
    bool out = wait_until_out(deadline);
    errno = saved;
    return out;
}
