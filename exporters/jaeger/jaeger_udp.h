/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_udp.h - the Jaeger exporter over UDP, made from settings that are merged already. */
#ifndef OTEL_JAEGER_UDP_H
#define OTEL_JAEGER_UDP_H

#include "jaeger/agent_socket.h"

#include <otel/exporter.h>

/* What agents take at most. */
enum { OTEL__JAEGER_PACKET_LEAST = 1000, OTEL__JAEGER_PACKET_MOST = 65000 };

struct otel__jaeger_udp_settings {
    bool compact; /* rather than binary */
    struct otel__agent_settings agent;
    size_t packet_max; /* bytes of a datagram */
    int timeout_ms;    /* of one export; 0: no limit but the exporter's own 60 s */
};

/* NULL: out of memory. Everything is copied. */
otel_exporter *otel__jaeger_udp_create(const struct otel__jaeger_udp_settings *settings);

#endif
