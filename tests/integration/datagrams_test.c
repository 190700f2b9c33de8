/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datagrams_test.c - spans to a Jaeger agent over UDP: what the ledger counts as exported is what a receiver decodes, for
 * as many spans as the argument says, in both encodings.
 *
 * UDP has no one who says "slower": a receiver whose buffer is full loses datagrams, and nobody is told. So the receiver
 * is waited for after each flush; what is tested is that nothing is lost or counted wrongly before the network.
 */
#include "base/clock.h"
#include "exporter_double.h"
#include "ledger_check.h"
#include "thrift_dump.h"
#include "udp_receiver.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <otel/jaeger.h>

enum { BETWEEN_FLUSHES = 500, HUGE_EVERY = 10000, FLUSH_MS = 60000, PACKET_MAX = 65000 };

static unsigned long wanted = 20000;

OTEL_TRACER(lib, "lib");

static char text[PACKET_MAX + 1];

/* ---- the receiver ------------------------------------------------------------------------------------------------ */

static int receiver;
static atomic_uint_fast64_t decoded, packets, largest, mistakes;

/* Every datagram is a whole message, none is too large, and their numbers have no gaps. */
static void take_packet(const uint8_t *packet, size_t len, int64_t *number) {
    const int64_t before = *number;
    const long spans = thrift_count_spans(packet, len, number);
    if (spans < 1 || len > PACKET_MAX || *number != before + 1)
        atomic_fetch_add(&mistakes, 1);
    else
        atomic_fetch_add(&decoded, (uint64_t)spans);
    atomic_fetch_add(&packets, 1);
    if (len > atomic_load(&largest))
        atomic_store(&largest, len);
}

/* An empty datagram ends it. */
static void *receive(void *argument) {
    static uint8_t packet[1 << 17];
    int64_t number = 0;
    (void)argument;
    for (ssize_t len; (len = recv(receiver, packet, sizeof packet, 0)) > 0;)
        take_packet(packet, (size_t)len, &number);
    return NULL;
}

static void end_receiver(pthread_t thread) {
    struct sockaddr_storage place;
    socklen_t len = sizeof place;
    getsockname(receiver, (struct sockaddr *)&place, &len);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(fd, "", 0, 0, (struct sockaddr *)&place, len);
    close(fd);
    pthread_join(thread, NULL);
    close(receiver);
}

/* ---- the spans --------------------------------------------------------------------------------------------------- */

static void start_sdk(int protocol, int port) {
    const otel_jaeger_options options = {
        .size = sizeof options, .protocol = protocol, .agent_host = "127.0.0.1", .agent_port = port
    };
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "datagrams", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_ERROR,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, otel_jaeger_exporter(&options))))),
        OTEL_OK);
}

/* Spans of different sizes, now and then one that no datagram holds; the result is whether this is one. */
static bool make_span(unsigned long i) {
    const bool huge = i % HUGE_EVERY == HUGE_EVERY / 2;
    const otel_span span = otel_span_start(lib, OTEL_START("work", .kind = OTEL_CLIENT));
    otel_set(&span, "number", (int64_t)i);
    otel_set(&span, "text", otel_stringn(text, huge ? sizeof text : i % 200));
    otel_span_end(&span);
    return huge;
}

static uint64_t exported(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0].exported;
}

static void check_counts(uint64_t huge) {
    otel_ledger ledger;
    assert_int_equal(otel_sdk_stop(FLUSH_MS), OTEL_OK);
    assert_ledger(&ledger);
    const otel_ledger_processor *p = &ledger.processors[0];
    assert_int_equal(p->ended, wanted);
    assert_int_equal(p->dropped_too_large, huge);
    assert_int_equal(p->exported, wanted - huge);
    assert_int_equal(atomic_load(&decoded), p->exported);
    assert_int_equal(atomic_load(&mistakes), 0);
}

static void send_all(int protocol, const char *name) {
    pthread_t thread;
    int port = 0;
    uint64_t huge = 0;
    receiver = udp_receiver_open("127.0.0.1", &port);
    assert_true(receiver >= 0);
    atomic_store(&decoded, 0);
    atomic_store(&packets, 0);
    atomic_store(&largest, 0);
    assert_int_equal(pthread_create(&thread, NULL, receive, NULL), 0);
    start_sdk(protocol, port);
    const uint64_t began = otel__clock_monotonic();
    for (unsigned long i = 0; i < wanted; i++) {
        huge += make_span(i);
        if ((i + 1) % BETWEEN_FLUSHES != 0 && i + 1 < wanted)
            continue;
        assert_int_equal(otel_sdk_flush(FLUSH_MS), OTEL_OK);
        assert_soon(atomic_load(&decoded) == exported());
    }
    const uint64_t took = otel__clock_monotonic() - began;
    check_counts(huge);
    end_receiver(thread);
    printf("measured: %s: %lu spans, %" PRIu64 " sent and %" PRIu64 " decoded in %" PRIu64
           " datagrams of at most %" PRIu64 " bytes, %" PRIu64 " too large, in %.1f s\n",
           name, wanted, wanted - huge, (uint64_t)atomic_load(&decoded), (uint64_t)atomic_load(&packets),
           (uint64_t)atomic_load(&largest), huge, (double)took / 1e9);
}

static void what_the_ledger_counts_is_what_arrives_in_the_compact_protocol(void **state) {
    (void)state;
    send_all(OTEL_JAEGER_UDP_THRIFT_COMPACT, "udp/thrift.compact");
}

static void what_the_ledger_counts_is_what_arrives_in_the_binary_protocol(void **state) {
    (void)state;
    send_all(OTEL_JAEGER_UDP_THRIFT_BINARY, "udp/thrift.binary");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_ledger_counts_is_what_arrives_in_the_compact_protocol),
        cmocka_unit_test(what_the_ledger_counts_is_what_arrives_in_the_binary_protocol),
    };
    memset(text, 'x', sizeof text);
    if (argc > 1)
        wanted = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
