/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_socket.h - sends datagrams to one host, whose addresses it looks up.
 *
 * DESIGN. One socket, non-blocking, connected, so that the kernel tells when nobody listens: a refusal by this machine is
 * known as soon as the datagram is sent, which then counts as not sent; that of another one comes later and is found
 * before the next export. A datagram that was refused goes to the host's next address, so that a localhost that is both
 * ::1 and 127.0.0.1 is found wherever the agent listens. Names are looked up again every 30 s, in the background while
 * the old address is used; only the very first look-up is waited for.
 *
 * One thread at a time, but for cancel. A forked child closes its copy of the socket and opens its own when it first
 * sends.
 */
#ifndef OTEL_JAEGER_AGENT_SOCKET_H
#define OTEL_JAEGER_AGENT_SOCKET_H

#include "common/host_lookup.h"

#include <otel/status.h>
#include <sys/uio.h>

struct otel__agent_settings {
    const char *host; /* copied */
    int port;
    otel__resolver resolver; /* NULL: the system's */
    unsigned refresh_ms;     /* between two look-ups of the name; 0: 30 s */
};

struct otel__agent;

/* NULL: out of memory. */
struct otel__agent *otel__agent_create(const struct otel__agent_settings *settings);
void otel__agent_destroy(struct otel__agent *agent);

/*
 * Makes ready for an export: an address, a socket that is still ours. Anything but OTEL_OK: otel__agent_problem() says why
 * not. OTEL_ERR_EXPORT, _TIMEOUT, _CANCELLED.
 */
otel_status otel__agent_open(struct otel__agent *agent, uint64_t deadline);
/* Sends one datagram of these parts, or nothing; the same results. */
otel_status otel__agent_send(struct otel__agent *agent, const struct iovec *parts, size_t count, uint64_t deadline);
/* Why the last call failed; valid until the next. */
const char *otel__agent_problem(const struct otel__agent *agent);
/* "host:port", fit for a message. */
const char *otel__agent_name(const struct otel__agent *agent);

/* For good; from any thread. */
void otel__agent_cancel(struct otel__agent *agent);
bool otel__agent_cancelled(const struct otel__agent *agent);
void otel__agent_after_fork(struct otel__agent *agent, bool in_child);

#endif
