/* SPDX-License-Identifier: Apache-2.0 */
/* log_output.c - see log_output.h. */
#include "log_output.h"

#include "log_number.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x8
#endif

enum { WAIT_MS = 50, SETTINGS_MS = 1000, SPINS = 200, NAP_NS = 50000 };

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static _Atomic int wait_ms;  /* as in the options */
static _Atomic bool stalled; /* the last line missed its deadline */

/* How long a line may wait still; the clock is read only if it has to. */
struct patience {
    uint64_t deadline; /* 0: has not waited yet */
    bool firm;         /* waits also where lines do not any more */
};

static uint64_t steady_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int left_ms(struct patience *patience) {
    if (atomic_load_explicit(&stalled, memory_order_relaxed) && !patience->firm) {
        return 0;
    }
    const int most = atomic_load_explicit(&wait_ms, memory_order_relaxed);
    const uint64_t now = steady_ms();
    if (patience->deadline == 0) {
        patience->deadline = now + (uint64_t)(most == 0 ? WAIT_MS : most < 0 ? 0 : most);
    }
    return patience->deadline > now ? (int)(patience->deadline - now) : 0;
}

/* False: there is no time left for it. */
static bool nap(struct patience *patience) {
    const struct timespec moment = { 0, NAP_NS };
    if (left_ms(patience) == 0) {
        return false;
    }
    nanosleep(&moment, NULL);
    return true;
}

/*
 * Until the descriptor takes something, or has failed; who was told so and found no room is not to ask `again` at once.
 * False: there is no time left for it.
 */
static bool await_room(int fd, struct patience *patience, bool again) {
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    const bool waited = poll(&poller, 1, left_ms(patience)) != 0 && (!again || nap(patience));
    if (!waited) {
        atomic_store_explicit(&stalled, true, memory_order_relaxed);
    }
    return waited;
}

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

static _Atomic uint32_t lock_holder;

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool lock_try(uint32_t process) {
    uint32_t holder = 0;
    return atomic_compare_exchange_strong_explicit(&lock_holder, &holder, process, memory_order_acquire,
                                                   memory_order_relaxed) ||
           (holder != process && atomic_compare_exchange_strong_explicit(&lock_holder, &holder, process,
                                                                         memory_order_acquire, memory_order_relaxed));
}

static bool lock(struct patience *patience) {
    const uint32_t process = (uint32_t)getpid();
    for (unsigned tries = 0; !lock_try(process); tries++) {
        if (tries < SPINS) {
            relax();
        } else if (!nap(patience)) {
            return false;
        }
    }
    return true;
}

static void unlock(void) { atomic_store_explicit(&lock_holder, 0, memory_order_release); }

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* What a descriptor leads to, as far as writing differs. */
enum place { PLACE_FILE, PLACE_PIPE, PLACE_SOCKET, PLACE_TERMINAL, PLACE_DEVICE, PLACE_NONE };

static enum place place_of(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return PLACE_NONE;
    }
    return S_ISFIFO(st.st_mode)   ? PLACE_PIPE
           : S_ISSOCK(st.st_mode) ? PLACE_SOCKET
           : S_ISCHR(st.st_mode)  ? (isatty(fd) ? PLACE_TERMINAL : PLACE_DEVICE)
                                  : PLACE_FILE;
}

static ssize_t write_when_polled(int fd, const struct iovec *parts, int count) {
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    if (poll(&poller, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return writev(fd, parts, count);
}

/*
 * With a file description of our own, whose flags are nobody else's. poll() alone would not do: a terminal has room as soon
 * as one byte has, and another process may take a pipe's. It has to where /proc or the right to open it again is missing.
 */
static ssize_t write_reopened(int fd, const struct iovec *parts, int count) {
    char path[sizeof "/proc/self/fd/" + OTEL__LOG_NUMBER] = "/proc/self/fd/";
    char *number = path + strlen(path);
    number[otel__log_uint(number, (unsigned)fd)] = '\0';
    const int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) {
        return write_when_polled(fd, parts, count);
    }
    const ssize_t written = writev(own, parts, count);
    const int error = errno;
    close(own);
    errno = error;
    return written;
}

/* By its number, since not every C library has a function for it. The offset -1: where the descriptor stands. */
static ssize_t write_without_waiting(int fd, const struct iovec *parts, int count) {
    const ssize_t written = syscall(SYS_pwritev2, fd, parts, (long)count, -1L, -1L, RWF_NOWAIT);
    const bool unknown = written < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM || errno == EINVAL);
    return unknown ? write_reopened(fd, parts, count) : written;
}

static ssize_t write_some(enum place place, int fd, struct iovec *parts, int count) {
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
    switch (place) {
    case PLACE_PIPE:
        return write_without_waiting(fd, parts, count);
    case PLACE_SOCKET:
        return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    case PLACE_TERMINAL:
        return write_reopened(fd, parts, count);
    case PLACE_DEVICE:
        return write_when_polled(fd, parts, count);
    default:
        return writev(fd, parts, count);
    }
}

/* A reader that is gone and a limit of a file's size must not end the process. */
struct guard {
    sigset_t before;
    bool set;
};

static void guard_begin(struct guard *guard, enum place place) {
    sigset_t raised;
    guard->set = place == PLACE_PIPE || place == PLACE_FILE;
    if (guard->set) {
        sigemptyset(&raised);
        sigaddset(&raised, SIGPIPE);
        sigaddset(&raised, SIGXFSZ);
        pthread_sigmask(SIG_BLOCK, &raised, &guard->before);
    }
}

/* Takes the signal that came with `error` away, unless the thread blocks it: then it has decided what becomes of it. */
static void guard_end(const struct guard *guard, int error) {
    const int number = error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
    if (!guard->set) {
        return;
    }
    if (number != 0 && sigismember(&guard->before, number) == 0) {
        const struct timespec at_once = { 0, 0 };
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, number);
        while (sigtimedwait(&one, NULL, &at_once) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

/* Takes `written` bytes off the parts; true: nothing is left. */
static bool consume(struct iovec *parts, int count, size_t written) {
    for (int i = 0; i < count; i++) {
        const size_t some = written < parts[i].iov_len ? written : parts[i].iov_len;
        parts[i].iov_base = (char *)parts[i].iov_base + some;
        parts[i].iov_len -= some;
        written -= some;
    }
    return parts[count - 1].iov_len == 0;
}

static bool is_waiting(ssize_t written) { return written < 0 && errno == EAGAIN; }

/* Writes what is left of a line, of which a part is written. Returns 0, or the error that kept it from that. */
static int write_rest(enum place place, int fd, struct iovec *parts, struct patience *patience) {
    for (bool again = false;; again = true) {
        const ssize_t written = write_some(place, fd, parts, 2);
        if (written > 0 && consume(parts, 2, (size_t)written)) {
            return 0;
        }
        if (is_waiting(written) && !await_room(fd, patience, again)) {
            return ETIMEDOUT;
        }
        if (written == 0 || (written < 0 && errno != EAGAIN && errno != EINTR)) {
            return written == 0 ? EIO : errno;
        }
    }
}

/* Returns 0 or an error; EAGAIN: nothing was written, for want of room. */
static int write_parts(enum place place, int fd, struct iovec *parts, struct patience *patience) {
    ssize_t written;
    do {
        written = write_some(place, fd, parts, 2);
    } while (written < 0 && errno == EINTR);
    if (written <= 0) {
        return written == 0 ? EIO : errno;
    }
    return consume(parts, 2, (size_t)written) ? 0 : write_rest(place, fd, parts, patience);
}

/* ---- where to ---------------------------------------------------------------------------------------------------- */

/* By who holds the lock. */
static struct {
    int fd;    /* 0: stderr */
    bool torn; /* the last line was written in part */
    otel_log_sink sink;
    void *sink_data;
} target;

/* By who holds the lock. Returns as write_parts() does. */
static int write_line(int fd, const char *text, size_t len, struct patience *patience) {
    char newline[] = "\n";
    struct iovec parts[] = { { newline, target.torn ? 1 : 0 }, { (char *)(uintptr_t)text, len } };
    const enum place place = place_of(fd);
    if (place == PLACE_NONE) {
        return EBADF;
    }
    struct guard guard;
    guard_begin(&guard, place);
    const int error = write_parts(place, fd, parts, patience);
    guard_end(&guard, error);
    target.torn = error != 0 && (parts[1].iov_len < len || parts[0].iov_len > 0);
    return error;
}

/* Waits for room without the lock, so that no thread has to wait for the lock as long as another one for room. */
static bool write_in_time(const char *text, size_t len, struct patience *patience) {
    for (bool again = false; lock(patience); again = true) {
        const int fd = target.fd != 0 ? target.fd : STDERR_FILENO;
        const int error = write_line(fd, text, len, patience);
        unlock();
        if (error == 0) {
            atomic_store_explicit(&stalled, false, memory_order_relaxed);
            return true;
        }
        if (error != EAGAIN || !await_room(fd, patience, again)) {
            return false;
        }
    }
    return false;
}

/* Nobody has the lock for long, but for the line that is interrupted, which could not give it back. */
void otel__log_output_set(const otel_log_options *options, bool interrupting) {
    struct patience patience = { .deadline = steady_ms() + (interrupting ? 0 : SETTINGS_MS), .firm = true };
    const bool locked = lock(&patience);
    target.fd = options->fd;
    target.torn = false;
    target.sink = options->sink;
    target.sink_data = options->sink_data;
    atomic_store_explicit(&wait_ms, options->wait_ms, memory_order_relaxed);
    atomic_store_explicit(&stalled, false, memory_order_relaxed);
    if (locked) {
        unlock();
    }
}

bool otel__log_output(otel_severity severity, char *text, size_t len) {
    struct patience patience = { 0 };
    if (!lock(&patience)) {
        return false;
    }
    const otel_log_sink sink = target.sink;
    void *const data = target.sink_data;
    unlock();
    if (sink != NULL) {
        sink(data, severity, text, len);
        return true;
    }
    text[len] = '\n';
    return write_in_time(text, len + 1, &patience);
}
