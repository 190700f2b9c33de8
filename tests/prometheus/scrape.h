/* SPDX-License-Identifier: Apache-2.0 */
/* scrape.h - a plain HTTP client, for tests of what answers. From any thread. */
#ifndef OTEL_TEST_SCRAPE_H
#define OTEL_TEST_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>

/* A connection to that port of 127.0.0.1, whose reads and writes wait for 20 s at most; -1: there is none. */
int scrape_connect(int port);
/* Sends text as it is; false: it could not. */
bool scrape_send(int socket, const char *text);
/* Reads one answer: head and body, as a string in `out`. The length, or -1: the connection ended before. */
long scrape_answer(int socket, char *out, size_t size);
/* Whether the other side closes the connection within 20 s. */
bool scrape_ends(int socket);
/* One GET with these further header lines (each with \r\n), on a connection of its own. */
long scrape_get(int port, const char *path, const char *headers, char *out, size_t size);
/* Where the body begins; NULL: there is no whole head. */
const char *scrape_body(const char *answer);

#endif
