/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus.c - counts, asks itself as Prometheus would, and prints the answer. 3: there is no reader. */
#include <otel/metrics_sdk.h>
#include <otel/prometheus.h>
#include <otel/sdk.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

OTEL_METER(meter, "bakery");
OTEL_COUNTER(loaves, meter, "loaves", "{loaf}", "Loaves that were baked.");

static int print_page(int port) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = { .sin_family = AF_INET };
    char text[4096];
    ssize_t len;
    address.sin_port = htons((in_port_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) != 0)
        return 4;
    if (write(client, request, strlen(request)) < 0)
        return 5;
    while ((len = read(client, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)len, stdout);
    close(client);
    return 0;
}

int main(void) {
    otel_metric_reader *reader = otel_prometheus_reader(NULL);
    if (!reader)
        return 3;
    if (otel_sdk_start(OTEL_SDK(.metrics = OTEL_METRICS(.readers = OTEL_READERS(reader)))) != OTEL_OK)
        return 1;
    otel_add(loaves, 3);
    const int result = print_page(otel_prometheus_port(reader));
    otel_sdk_stop(2000);
    return result;
}
