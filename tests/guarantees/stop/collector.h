/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - an OTLP server in a process of its own, so that its memory, threads and descriptors are none of those
 * that a test watches. It takes every span and writes down its id.
 */
#ifndef STOP_COLLECTOR_H
#define STOP_COLLECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { COLLECTOR_IDS = 1 << 18 };

/* In memory that both processes see. */
struct collector_tally {
    _Atomic uint64_t requests, connections; /* so far; open now */
    _Atomic uint64_t bad;                   /* requests that could not be read */
    _Atomic uint64_t spans;                 /* ids of the first 2^18 of them follow */
    uint64_t ids[COLLECTOR_IDS];
};

struct collector {
    pid_t process;
    int port;
    char url[64];
    struct collector_tally *tally;
};

/* Forks: to be called while there is one thread only. */
struct collector collector_start(void);
void collector_stop(struct collector *collector);
/* When clients have closed their connections: waits until the collector has read all that they sent. */
void collector_settle(struct collector *collector);
/* Forgets the spans so far, when all has settled. */
void collector_forget(struct collector *collector);
/* A span's id as it stands in the tally. */
uint64_t collector_id(const uint8_t id[8]);

#endif
