/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - the test's side of test-collector (main.c): a collector in a process of its own that counts.
 *
 * Everything here is for the test's own thread, in its own process: it asserts.
 */
#ifndef OTEL_TEST_COLLECTOR_H
#define OTEL_TEST_COLLECTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct collector {
    pid_t pid; /* 0: none runs */
    int to;
    FILE *from;
    char endpoint[64], url[80]; /* url: where it takes spans */
};

/* A certificate for 127.0.0.1 that has signed itself, and its key, in files. */
struct certificate {
    char dir[32], file[48], key[48];
};

/* False: there is no openssl command to make it. */
bool certificate_make(struct certificate *certificate);
void certificate_remove(struct certificate *certificate);

/* With a certificate: HTTPS. */
void collector_start(struct collector *collector, const struct certificate *certificate);
/* A command of main.c; the counts afterwards, as a new reference. */
json_t *collector_tell(struct collector *collector, const char *command);
/* The last counts; NULL: none was running. */
json_t *collector_stop(struct collector *collector);

/* One of the counts, such as "spans"; of the spans of one name; of those of one process. */
uint64_t count_of(const json_t *counts, const char *what);
uint64_t count_named(const json_t *counts, const char *name);
uint64_t count_from(const json_t *counts, pid_t pid);
/* Tells nothing, and looks at one count. */
uint64_t collector_count(struct collector *collector, const char *what);
/* When its clients have closed their connections: waits until it has read all that they sent. */
void collector_settle(struct collector *collector);
/* The ids of the spans, in order, none of which may have come twice: at most `room`. Returns how many. */
size_t collector_ids(struct collector *collector, uint64_t *ids, size_t room);
/* An id of a span's as it stands there, and a comparison for qsort() and bsearch(). */
uint64_t id_number(const uint8_t id[8]);
int by_number(const void *a, const void *b);

#endif
