/* SPDX-License-Identifier: Apache-2.0 */
/* scrape.c - see scrape.h. */
#include "scrape.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int scrape_connect(int port) {
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((in_port_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval most = { .tv_sec = 20 };
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (connect(client, (const struct sockaddr *)&address, sizeof address) == 0)
        return client;
    close(client);
    return -1;
}

bool scrape_send(int socket, const char *text) {
    const size_t len = strlen(text);
    return send(socket, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

const char *scrape_body(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : NULL;
}

/* How long the whole answer will be; 0: its head isn't there yet. */
static size_t expected(const char *answer) {
    const char *body = scrape_body(answer), *length = strcasestr(answer, "\r\nContent-Length:");
    if (!body)
        return 0;
    return (size_t)(body - answer) + (length && length < body ? strtoul(length + 17, NULL, 10) : 0);
}

long scrape_answer(int socket, char *out, size_t size) {
    size_t len = 0;
    out[0] = '\0';
    while (expected(out) == 0 || len < expected(out)) {
        const ssize_t got = len + 1 < size ? recv(socket, out + len, size - 1 - len, 0) : -1;
        if (got <= 0)
            return -1;
        len += (size_t)got;
        out[len] = '\0';
    }
    return (long)len;
}

bool scrape_ends(int socket) {
    char bytes[4096];
    ssize_t got;
    while ((got = recv(socket, bytes, sizeof bytes, 0)) > 0) {}
    return got == 0;
}

long scrape_get(int port, const char *path, const char *headers, char *out, size_t size) {
    char request[1024];
    const int client = scrape_connect(port);
    if (client < 0)
        return -1;
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", path, headers);
    const long len = scrape_send(client, request) ? scrape_answer(client, out, size) : -1;
    close(client);
    return len;
}
