/* SPDX-License-Identifier: Apache-2.0 */
/* agent_socket.c - see agent_socket.h. */
#include "jaeger/agent_socket.h"

#include "base/clock.h"
#include "base/escape.h"

#include <errno.h>
#include <otel/exporter.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    REFRESH_MS = 30000,
    SLICE_MS = 20 /* how late a cancel may be noticed */
};

struct otel__agent {
    char *host;
    int port;
    otel__resolver resolver;
    uint64_t refresh;    /* ns; 0: the host is an address itself */
    uint64_t refresh_at; /* ns */
    struct otel__addresses addresses;
    size_t current;              /* of them */
    struct otel__lookup *lookup; /* under way; NULL: none */
    atomic_int fd;               /* -1: none. A fork on another thread must find one that is open, or -1 */
    ino_t inode;                 /* by which the socket is known */
    atomic_bool cancelled;
    char name[288];
    char problem[160];
};

static otel_status fail(struct otel__agent *agent, otel_status status, const char *what, const char *why) {
    snprintf(agent->problem, sizeof agent->problem, "%s%s%s", what, *what ? ": " : "", why);
    return status;
}

static otel_status fail_by_errno(struct otel__agent *agent, const char *what) {
    return fail(agent, OTEL_ERR_EXPORT, what, strerror(errno));
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static void name_agent(struct otel__agent *agent) {
    char shown[264];
    otel__escape(otel_cstr(agent->host), shown, sizeof shown);
    const bool ipv6 = strchr(shown, ':') != NULL;
    snprintf(agent->name, sizeof agent->name, "%s%s%s:%d", ipv6 ? "[" : "", shown, ipv6 ? "]" : "", agent->port);
}

struct otel__agent *otel__agent_create(const struct otel__agent_settings *settings) {
    struct otel__agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return NULL;
    agent->host = strdup(settings->host);
    agent->port = settings->port;
    agent->resolver = settings->resolver ? settings->resolver : otel__resolve;
    atomic_init(&agent->fd, -1);
    if (!agent->host) {
        free(agent);
        return NULL;
    }
    name_agent(agent);
    if (settings->resolver || !otel__resolve_numeric(agent->host, agent->port, &agent->addresses))
        agent->refresh = (settings->refresh_ms ? settings->refresh_ms : REFRESH_MS) * OTEL__MILLISECOND;
    return agent;
}

/* ---- the socket -------------------------------------------------------------------------------------------------- */

static void close_socket(struct otel__agent *agent) {
    const int fd = atomic_exchange(&agent->fd, -1);
    if (fd >= 0)
        close(fd);
}

void otel__agent_destroy(struct otel__agent *agent) {
    if (!agent)
        return;
    close_socket(agent);
    otel__lookup_end(agent->lookup);
    free(agent->host);
    free(agent);
}

/* A program that closed all descriptors may have another file under this number: that one is not ours to use. */
static void forget_foreign(struct otel__agent *agent) {
    struct stat found;
    const int fd = atomic_load(&agent->fd);
    if (fd >= 0 && (fstat(fd, &found) != 0 || !S_ISSOCK(found.st_mode) || found.st_ino != agent->inode))
        atomic_store(&agent->fd, -1);
}

static bool connect_to(struct otel__agent *agent, const struct otel__address *address) {
    struct stat found;
    const int fd = socket(address->place.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    atomic_store(&agent->fd, fd);
    if (fstat(fd, &found) == 0 && connect(fd, (const struct sockaddr *)&address->place, address->len) == 0) {
        agent->inode = found.st_ino;
        return true;
    }
    const int error = errno;
    close_socket(agent);
    errno = error;
    return false;
}

/* To the current address, or the first one behind it that can be had. */
static otel_status connect_socket(struct otel__agent *agent) {
    for (size_t i = 0; i < agent->addresses.count; i++) {
        if (connect_to(agent, &agent->addresses.items[agent->current]))
            return OTEL_OK;
        agent->current = (agent->current + 1) % agent->addresses.count;
    }
    return fail_by_errno(agent, "no socket can be connected");
}

static otel_status connect_next(struct otel__agent *agent) {
    close_socket(agent);
    agent->current = (agent->current + 1) % agent->addresses.count;
    return connect_socket(agent);
}

/* What the network has reported since it was last asked; 0: nothing. */
static int pending_error(const struct otel__agent *agent) {
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(atomic_load(&agent->fd), SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* ---- the address ------------------------------------------------------------------------------------------------- */

static bool same_address(const struct otel__address *a, const struct otel__address *b) {
    return a->len == b->len && memcmp(&a->place, &b->place, a->len) == 0;
}

/* Stays with the address that is used as long as the host still has it. */
static void adopt(struct otel__agent *agent, const struct otel__addresses *found) {
    size_t i = 0;
    while (agent->addresses.count > 0 && i < found->count &&
           !same_address(&found->items[i], &agent->addresses.items[agent->current]))
        i++;
    if (agent->addresses.count == 0 || i == found->count) {
        close_socket(agent);
        i = 0;
    }
    agent->addresses = *found;
    agent->current = i;
}

/* Of a look-up that is done. One that failed changes nothing: the old address is the best guess. */
static void take_result(struct otel__agent *agent) {
    struct otel__addresses found;
    const char *problem = otel__lookup_result(agent->lookup, &found);
    if (problem)
        fail(agent, OTEL_ERR_EXPORT, "its address cannot be found", problem);
    else
        adopt(agent, &found);
    otel__lookup_end(agent->lookup);
    agent->lookup = NULL;
    agent->refresh_at = otel__clock_monotonic() + agent->refresh;
}

static bool is_due(const struct otel__agent *agent) {
    return agent->addresses.count == 0 || (agent->refresh && otel__clock_monotonic() >= agent->refresh_at);
}

static otel_status await_first_address(struct otel__agent *agent, uint64_t deadline) {
    for (;;) {
        const uint64_t now = otel__clock_monotonic(), slice = now + SLICE_MS * OTEL__MILLISECOND;
        if (otel__agent_cancelled(agent))
            return fail(agent, OTEL_ERR_CANCELLED, "", "stopped");
        if (otel__lookup_await(agent->lookup, slice < deadline ? slice : deadline))
            break;
        if (now >= deadline)
            return fail(agent, OTEL_ERR_TIMEOUT, "", "its address was not found in time");
    }
    take_result(agent);
    return agent->addresses.count > 0 ? OTEL_OK : OTEL_ERR_EXPORT;
}

static otel_status settle_address(struct otel__agent *agent, uint64_t deadline) {
    if (!agent->lookup && is_due(agent))
        agent->lookup = otel__lookup_begin(agent->host, agent->port, agent->resolver);
    if (agent->lookup && otel__lookup_await(agent->lookup, 0))
        take_result(agent);
    if (agent->addresses.count > 0)
        return OTEL_OK;
    if (!agent->lookup)
        return agent->problem[0] ? OTEL_ERR_EXPORT : fail(agent, OTEL_ERR_MEMORY, "", "no thread can be had");
    return await_first_address(agent, deadline);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* A refusal that came after its datagram had been counted as sent. */
static otel_status learn_of_refusal(struct otel__agent *agent) {
    const int error = pending_error(agent);
    if (error == 0)
        return OTEL_OK;
    otel_report(OTEL_LOG_WARN, "jaeger.refused",
                "spans sent to the agent at %s earlier have not arrived, though they count as exported: %s",
                agent->name, strerror(error));
    return connect_next(agent);
}

otel_status otel__agent_open(struct otel__agent *agent, uint64_t deadline) {
    agent->problem[0] = '\0';
    if (otel__agent_cancelled(agent))
        return fail(agent, OTEL_ERR_CANCELLED, "", "stopped");
    forget_foreign(agent);
    const otel_status status = settle_address(agent, deadline);
    if (status != OTEL_OK)
        return status;
    return atomic_load(&agent->fd) < 0 ? connect_socket(agent) : learn_of_refusal(agent);
}

/* Sleeps until there may be room for a datagram. */
static otel_status await_room(struct otel__agent *agent, uint64_t deadline) {
    struct pollfd poller = { .fd = atomic_load(&agent->fd), .events = POLLOUT };
    if (otel__agent_cancelled(agent))
        return fail(agent, OTEL_ERR_CANCELLED, "", "stopped");
    if (otel__clock_monotonic() >= deadline)
        return fail(agent, OTEL_ERR_TIMEOUT, "", "there was no room for it in time");
    poll(&poller, 1, SLICE_MS);
    return OTEL_OK;
}

/* OTEL_ERR_EXPORT: errno says why. */
static otel_status send_to_current(struct otel__agent *agent, const struct msghdr *message, uint64_t deadline) {
    while (sendmsg(atomic_load(&agent->fd), message, MSG_NOSIGNAL) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != ENOBUFS)
            return OTEL_ERR_EXPORT;
        const otel_status status = await_room(agent, deadline);
        if (status != OTEL_OK)
            return status;
    }
    errno = pending_error(agent);
    return errno == 0 ? OTEL_OK : OTEL_ERR_EXPORT;
}

otel_status otel__agent_send(struct otel__agent *agent, const struct iovec *parts, size_t count, uint64_t deadline) {
    struct iovec copy[4];
    if (count > sizeof copy / sizeof *copy)
        return fail(agent, OTEL_ERR_EXPORT, "", "it has too many parts");
    memcpy(copy, parts, count * sizeof *copy);
    const struct msghdr message = { .msg_iov = copy, .msg_iovlen = count };
    for (size_t refusals = 0;;) {
        if (atomic_load(&agent->fd) < 0 && connect_socket(agent) != OTEL_OK)
            return OTEL_ERR_EXPORT;
        const otel_status status = send_to_current(agent, &message, deadline);
        if (status != OTEL_ERR_EXPORT)
            return status;
        const int error = errno;
        fail_by_errno(agent, "");
        if (error != ECONNREFUSED || ++refusals >= agent->addresses.count || connect_next(agent) != OTEL_OK)
            return OTEL_ERR_EXPORT;
    }
}

const char *otel__agent_problem(const struct otel__agent *agent) { return agent->problem; }

const char *otel__agent_name(const struct otel__agent *agent) { return agent->name; }

/* ---- from outside ------------------------------------------------------------------------------------------------ */

void otel__agent_cancel(struct otel__agent *agent) { atomic_store(&agent->cancelled, true); }

bool otel__agent_cancelled(const struct otel__agent *agent) { return atomic_load(&agent->cancelled); }

/* An export of the parent's may have been changing the addresses: they are looked up anew. */
void otel__agent_after_fork(struct otel__agent *agent, bool in_child) {
    if (!in_child)
        return;
    close_socket(agent);
    otel__lookup_leave(agent->lookup);
    agent->lookup = NULL;
    if (agent->refresh)
        agent->addresses.count = 0;
}
