/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_udp_test.c - batches as datagrams, and agents that are not there. */
#include "jaeger/jaeger_udp.h"

#include "batch_double.h"
#include "exporter_double.h"
#include "in_child.h"
#include "reports.h"
#include "sanitizers.h"
#include "span_generator.h"
#include "thrift_dump.h"
#include "udp_receiver.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t packet[70000];
static int port, receiver = -1;

static int begin(void **state) {
    (void)state;
    port = 0;
    receiver = udp_receiver_open("127.0.0.1", &port);
    reports_start(OTEL_LOG_DEBUG);
    return receiver < 0;
}

static int end(void **state) {
    (void)state;
    reports_stop();
    close(receiver);
    return 0;
}

static struct otel__jaeger_udp_settings settings_to(const char *host) {
    return (struct otel__jaeger_udp_settings){
        .compact = true, .agent = { .host = host, .port = port }, .packet_max = 65000, .timeout_ms = 20000
    };
}

static otel_exporter *exporter_to(const char *host) {
    const struct otel__jaeger_udp_settings settings = settings_to(host);
    return otel__jaeger_udp_create(&settings);
}

struct set {
    span_set *spans;
    otel_batch *batch;
};

static struct set set_of(uint64_t seed, size_t count) {
    struct set set = { .spans = span_set_create(seed, count) };
    set.batch = batch_double_create(span_set_spans(set.spans), count, span_set_resource(set.spans));
    return set;
}

static void set_free(struct set *set) {
    batch_double_free(set->batch);
    span_set_free(set->spans);
}

/* Receives until `count` spans have come, in datagrams of at most `limit` bytes; the result is how many datagrams. */
static size_t receive_spans(size_t count, size_t limit, int64_t *number) {
    size_t packets = 0;
    for (size_t seen = 0; seen < count; packets++) {
        const ssize_t len = udp_receive(receiver, packet, sizeof packet);
        assert_in_range(len, 1, limit);
        int64_t last = *number;
        const long spans = thrift_count_spans(packet, (size_t)len, number);
        assert_true(spans > 0);
        assert_int_equal(*number, last + 1);
        seen += (size_t)spans;
        assert_true(seen <= count);
    }
    assert_true(udp_receiver_empty(receiver));
    return packets;
}

static void a_batch_is_one_message(void **state) {
    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        struct otel__jaeger_udp_settings settings = settings_to("127.0.0.1");
        struct set set = set_of(1, 3);
        int64_t number = 0;
        settings.compact = compact != 0;
        otel_exporter *exporter = otel__jaeger_udp_create(&settings);
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
        assert_int_equal(batch_double_delivered(), 3);
        assert_int_equal(receive_spans(3, 65000, &number), 1);
        assert_int_equal(packet[0], compact ? 0x82 : 0x80);
        assert_int_equal(packet[compact ? 1 : 3], compact ? 0x81 : 4); /* ONEWAY */
        assert_int_equal(packet[1], compact ? 0x81 : 1);
        otel_exporter_destroy(exporter);
        set_free(&set);
    }
}

/* Every limit, so that what surrounds the spans is counted to the byte; batches are numbered through. */
static void no_datagram_is_larger_than_the_limit(void **state) {
    (void)state;
    struct set set = set_of(2, 200);
    for (int compact = 0; compact < 2; compact++) {
        struct otel__jaeger_udp_settings settings = settings_to("127.0.0.1");
        size_t fullest = 0;
        settings.compact = compact != 0;
        for (settings.packet_max = 20000; settings.packet_max < 20100; settings.packet_max++) {
            int64_t number = 0;
            otel_exporter *exporter = otel__jaeger_udp_create(&settings);
            assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
            assert_int_equal(batch_double_too_large(), 0);
            for (size_t seen = 0; seen < 200;) {
                const ssize_t len = udp_receive(receiver, packet, sizeof packet);
                assert_in_range(len, 1, settings.packet_max);
                fullest = (size_t)len > fullest ? (size_t)len : fullest;
                seen += (size_t)thrift_count_spans(packet, (size_t)len, &number);
            }
            assert_true(number > 1);
            otel_exporter_destroy(exporter);
        }
        assert_in_range(fullest, 19500, 20099); /* and little room is wasted */
    }
    set_free(&set);
}

static void batches_are_numbered(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(3, 2);
    int64_t number = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
        receive_spans(2, 65000, &number);
    }
    assert_int_equal(number, 3);
    set_free(&set);
    otel_exporter_destroy(exporter);
}

/* ---- spans that are too large ------------------------------------------------------------------------------------ */

static void a_span_that_fits_into_no_datagram_is_left_out_alone(void **state) {
    (void)state;
    static char text[66000];
    static const otel_scope_data scope;
    static const uint8_t id[16] = { 1, 2, 3 };
    memset(text, 'x', sizeof text);
    otel_span_data spans[5];
    for (size_t i = 0; i < 5; i++)
        spans[i] = (otel_span_data){ .trace_id = id, .span_id = id, .name = otel_cstr("small"), .scope = &scope };
    const otel_attr big = otel__attr("text", otel_stringn(text, sizeof text));
    spans[2].attributes = (otel_attrs){ &big, 1 };
    spans[2].name = otel_cstr("big\n");
    otel_resource_data resource = { .attributes = { NULL, 0 } };
    otel_batch *batch = batch_double_create(spans, 5, &resource);
    otel_exporter *exporter = exporter_to("127.0.0.1");
    int64_t number = 0;
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(batch_double_too_large(), 1);
    assert_int_equal(receive_spans(4, 65000, &number), 1);
    assert_true(reports_mention("the span \"big\\n\" (01020300000000000000000000000000-0102030000000000)", "65000"));
    otel_exporter_destroy(exporter);
    batch_double_free(batch);
}

/* A resource that leaves no room makes every span too large; the exporter goes on. */
static void a_resource_that_fits_into_no_datagram(void **state) {
    (void)state;
    static char text[66000];
    memset(text, 'x', sizeof text);
    const otel_attr big = otel__attr("text", otel_stringn(text, sizeof text));
    struct set set = set_of(4, 3);
    const otel_resource_data resource = { .attributes = { &big, 1 } };
    otel_batch *batch = batch_double_create(span_set_spans(set.spans), 3, &resource);
    otel_exporter *exporter = exporter_to("127.0.0.1");
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(batch_double_too_large(), 3);
    assert_true(udp_receiver_empty(receiver));
    otel_exporter_destroy(exporter);
    batch_double_free(batch);
    set_free(&set);
}

/* ---- agents ------------------------------------------------------------------------------------------------------ */

static void an_agent_that_is_not_there_fails_each_export_and_one_that_comes_back_gets_the_next(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(5, 4);
    int64_t number = 3;
    close(receiver);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(batch_double_delivered(), 0);
    }
    assert_true(reports_mention("4 spans could not be sent to the agent at 127.0.0.1:", "Connection refused"));
    receiver = udp_receiver_open("127.0.0.1", &port);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(4, 65000, &number);
    assert_true(reports_mention("works again", NULL));
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static void localhost_is_found_in_either_family(void **state) {
    (void)state;
    const char *const addresses[] = { "127.0.0.1", "::1" };
    for (int i = 0; i < 2; i++) {
        close(receiver);
        receiver = udp_receiver_open(addresses[i], &port);
        if (receiver < 0) { /* no IPv6 here */
            receiver = udp_receiver_open("127.0.0.1", &port);
            continue;
        }
        struct set set = set_of(6, 4);
        int64_t number = 0;
        otel_exporter *exporter = exporter_to("localhost");
        if (batch_double_export(exporter, set.batch, 0, NULL) == OTEL_OK)
            receive_spans(4, 65000, &number);
        else
            assert_int_equal(i, 1); /* a localhost without ::1 */
        otel_exporter_destroy(exporter);
        set_free(&set);
    }
}

static void an_address_in_brackets_is_shown_for_ipv6(void **state) {
    (void)state;
    const struct otel__agent_settings settings = { .host = "::1", .port = 6831 };
    struct otel__agent *agent = otel__agent_create(&settings);
    assert_string_equal(otel__agent_name(agent), "[::1]:6831");
    otel__agent_destroy(agent);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static atomic_int resolved_port, resolutions, resolver_waits;

static const char *resolve_as_told(const char *host, int asked, struct otel__addresses *out) {
    (void)host;
    (void)asked;
    atomic_fetch_add(&resolutions, 1);
    while (atomic_load(&resolver_waits))
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    if (atomic_load(&resolved_port) == 0)
        return "Name or service not known";
    otel__resolve_numeric("127.0.0.1", atomic_load(&resolved_port), out);
    return NULL;
}

/* The first address refuses, the second takes what comes. */
static const char *resolve_to_two(const char *host, int asked, struct otel__addresses *out) {
    struct otel__addresses good;
    (void)host;
    (void)asked;
    int free_port = 0;
    const int gone = udp_receiver_open("127.0.0.1", &free_port);
    close(gone);
    otel__resolve_numeric("127.0.0.1", free_port, out);
    otel__resolve_numeric("127.0.0.1", port, &good);
    out->items[out->count++] = good.items[0];
    return NULL;
}

static void what_one_address_refuses_goes_to_the_next(void **state) {
    (void)state;
    struct otel__jaeger_udp_settings settings = settings_to("agent.test");
    struct set set = set_of(16, 4);
    int64_t number = 0;
    settings.agent.resolver = resolve_to_two;
    otel_exporter *exporter = otel__jaeger_udp_create(&settings);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
        receive_spans(4, 65000, &number);
    }
    assert_int_equal(reports_count(), 0);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static otel_exporter *exporter_to_name(unsigned refresh_ms) {
    struct otel__jaeger_udp_settings settings = settings_to("agent.test");
    settings.agent.resolver = resolve_as_told;
    settings.agent.refresh_ms = refresh_ms;
    atomic_store(&resolutions, 0);
    atomic_store(&resolver_waits, 0);
    atomic_store(&resolved_port, port);
    return otel__jaeger_udp_create(&settings);
}

static void a_name_is_looked_up_again_and_a_new_address_used(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to_name(1);
    struct set set = set_of(7, 2);
    int64_t number = 0;
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(2, 65000, &number);
    const int old = receiver;
    int other = 0;
    receiver = udp_receiver_open("127.0.0.1", &other);
    atomic_store(&resolved_port, other);
    for (int i = 0; i < 5000 && udp_receiver_empty(receiver); i++) {
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    assert_false(udp_receiver_empty(receiver));
    close(old);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static void a_look_up_that_hangs_holds_up_no_export_once_there_is_an_address(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to_name(1);
    struct set set = set_of(8, 2);
    int64_t number = 0;
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(2, 65000, &number);
    atomic_store(&resolver_waits, 1);
    nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
        receive_spans(2, 65000, &number);
    }
    assert_soon(atomic_load(&resolutions) == 2);
    atomic_store(&resolver_waits, 0);
    otel_exporter_destroy(exporter); /* while the look-up may still be under way */
    set_free(&set);
}

static void a_name_that_is_not_found_fails_the_export_and_is_looked_up_again(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to_name(0);
    struct set set = set_of(9, 2);
    int64_t number = 0;
    atomic_store(&resolved_port, 0);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_true(reports_mention("agent.test:", "Name or service not known"));
    atomic_store(&resolved_port, port);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(2, 65000, &number);
    assert_int_equal(atomic_load(&resolutions), 2);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static void the_first_look_up_takes_no_longer_than_the_export_may(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to_name(0);
    struct set set = set_of(10, 2);
    atomic_store(&resolver_waits, 1);
    assert_int_equal(batch_double_export(exporter, set.batch, 30, NULL), OTEL_ERR_TIMEOUT);
    assert_int_equal(batch_double_export(exporter, set.batch, 30, NULL), OTEL_ERR_TIMEOUT);
    assert_int_equal(atomic_load(&resolutions), 1);
    otel_exporter_destroy(exporter);
    atomic_store(&resolver_waits, 0);
    set_free(&set);
}

static void *cancel_soon(void *argument) {
    otel_exporter *exporter = argument;
    nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    batch_double_ops(exporter)->cancel(batch_double_self(exporter));
    return NULL;
}

static void cancel_ends_the_first_look_up(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to_name(0);
    struct set set = set_of(11, 2);
    pthread_t thread;
    atomic_store(&resolver_waits, 1);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, exporter), 0);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_ERR_CANCELLED);
    atomic_store(&resolver_waits, 0);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static void nothing_is_exported_after_shutdown(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(12, 2);
    batch_double_ops(exporter)->shutdown(batch_double_self(exporter), 0);
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_ERR_STATE);
    assert_true(udp_receiver_empty(receiver));
    otel_exporter_destroy(exporter);
    set_free(&set);
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(17, 2);
    assert_int_equal(batch_double_export_while_shut_down(exporter, set.batch), OTEL_ERR_STATE);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

/* The descriptor of the exporter's socket: the lowest free one before its first export. */
static int socket_of_export(otel_exporter *exporter, otel_batch *batch) {
    const int fd = dup(receiver);
    close(fd);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    return fd;
}

static void the_socket_is_closed_by_exec_and_never_waits(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(13, 2);
    const int fd = socket_of_export(exporter, set.batch);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    otel_exporter_destroy(exporter);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    set_free(&set);
}

static void a_descriptor_that_the_program_took_over_is_left_alone(void **state) {
    (void)state;
    otel_exporter *exporter = exporter_to("127.0.0.1");
    struct set set = set_of(14, 2);
    int64_t number = 0;
    const int fd = socket_of_export(exporter, set.batch);
    receive_spans(2, 65000, &number);
    int foreign_port = 0;
    const int foreign = udp_receiver_open("127.0.0.1", &foreign_port);
    assert_int_equal(dup2(foreign, fd), fd); /* as a program does that closes everything */
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(2, 65000, &number);
    otel_exporter_destroy(exporter);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    close(foreign);
    set_free(&set);
}

struct in_fork {
    otel_exporter *exporter;
    otel_batch *batch;
    int fd;
};

static int export_in_child(void *argument) {
    const struct in_fork *scene = argument;
    const otel_exporter_ops *ops = batch_double_ops(scene->exporter);
    ops->after_fork(batch_double_self(scene->exporter), true);
    STEP(fcntl(scene->fd, F_GETFD) == -1);
    STEP(batch_double_export(scene->exporter, scene->batch, 0, NULL) == OTEL_OK);
    otel_exporter_destroy(scene->exporter);
    return 0;
}

static void a_child_opens_a_socket_of_its_own(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    otel_exporter *exporter = exporter_to_name(30000);
    struct set set = set_of(15, 2);
    struct in_fork scene = { exporter, set.batch, -1 };
    int64_t number = 0;
    scene.fd = socket_of_export(exporter, set.batch);
    receive_spans(2, 65000, &number);
    assert_int_equal(in_child(export_in_child, &scene), 0);
    batch_double_ops(exporter)->after_fork(batch_double_self(exporter), false);
    number = 0; /* another client, which counts for itself */
    receive_spans(2, 65000, &number);
    number = 1;
    assert_int_equal(batch_double_export(exporter, set.batch, 0, NULL), OTEL_OK);
    receive_spans(2, 65000, &number);
    assert_int_equal(fcntl(scene.fd, F_GETFD) >= 0, 1);
    otel_exporter_destroy(exporter);
    set_free(&set);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_batch_is_one_message),
        test(no_datagram_is_larger_than_the_limit),
        test(batches_are_numbered),
        test(a_span_that_fits_into_no_datagram_is_left_out_alone),
        test(a_resource_that_fits_into_no_datagram),
        test(an_agent_that_is_not_there_fails_each_export_and_one_that_comes_back_gets_the_next),
        test(localhost_is_found_in_either_family),
        test(an_address_in_brackets_is_shown_for_ipv6),
        test(what_one_address_refuses_goes_to_the_next),
        test(a_name_is_looked_up_again_and_a_new_address_used),
        test(a_look_up_that_hangs_holds_up_no_export_once_there_is_an_address),
        test(a_name_that_is_not_found_fails_the_export_and_is_looked_up_again),
        test(the_first_look_up_takes_no_longer_than_the_export_may),
        test(cancel_ends_the_first_look_up),
        test(nothing_is_exported_after_shutdown),
        test(any_thread_may_flush_and_shut_down),
        test(the_socket_is_closed_by_exec_and_never_waits),
        test(a_descriptor_that_the_program_took_over_is_left_alone),
        test(a_child_opens_a_socket_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
