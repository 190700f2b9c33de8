/* SPDX-License-Identifier: Apache-2.0 */
/* udp_receiver.h - a socket on the loopback that datagrams can be sent to. */
#ifndef UDP_RECEIVER_H
#define UDP_RECEIVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A socket bound to a free port (0), or that one, of "127.0.0.1" or "::1", with as large a buffer as it can have; -1: not to
 * be had.
 */
int udp_receiver_open(const char *address, int *port);
/* The next datagram, which must come within 10 s; -1: none came. */
ssize_t udp_receive(int receiver, uint8_t *bytes, size_t size);
/* Whether nothing has come that was not received yet. */
int udp_receiver_empty(int receiver);

#endif
