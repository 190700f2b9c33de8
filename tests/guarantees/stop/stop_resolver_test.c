/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_resolver_test.c - the same as stop_dns_test.c with the resolver of libc, whose name server takes every question
 * and never answers.
 *
 * Which name server that asks stands in /etc/resolv.conf, so the test runs in namespaces of its own, where that is
 * another file and the loopback interface has a port 53 to itself. Where such namespaces are not to be had, it says so.
 */
#include "stop_fixture.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define UNSHARE "unshare", "--user", "--map-root-user", "--net", "--mount"

static int name_server;
static unsigned questions;

/* ---- the namespaces ---------------------------------------------------------------------------------------------- */

/* Makes `path` read as `text` from now on, if there is such a file. */
static bool put_over(const char *path, const char *text) {
    char name[] = "/tmp/otel-stop-XXXXXX";
    const int fd = mkstemp(name);
    const ssize_t len = (ssize_t)strlen(text);
    const bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
    const bool put = written && (access(path, F_OK) != 0 || mount(name, path, NULL, MS_BIND, NULL) == 0);
    if (fd >= 0)
        close(fd);
    unlink(name);
    return put;
}

static bool start_name_server(void) {
    struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(53),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    name_server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return ioctl(name_server, SIOCSIFFLAGS, &loopback) == 0 &&
           bind(name_server, (const struct sockaddr *)&address, sizeof address) == 0;
}

static bool namespaces_can_be_had(void) {
    const pid_t child = fork();
    int status = -1;
    if (child == 0) {
        execlp("unshare", UNSHARE, "true", (char *)NULL);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && status == 0 && access("/etc/resolv.conf", F_OK) == 0;
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static unsigned count_questions(struct black_hole *hole) {
    char question[512];
    (void)hole;
    while (recv(name_server, question, sizeof question, 0) > 0)
        questions++;
    return questions;
}

static void open_look_up(struct black_hole *hole) {
    snprintf(hole->url, sizeof hole->url, "http://collector.example.com:4318/v1/traces");
}

static void close_look_up(struct black_hole *hole) { (void)hole; }

static const struct black_hole hole_resolver = { .stage = "name server",
                                                 .open = open_look_up,
                                                 .close = close_look_up,
                                                 .reached = count_questions,
                                                 .leaves_threads = true,
                                                 .own = OTEL_ERR_TIMEOUT,
                                                 .batch = 8 };

static void a_stop_does_not_wait_for_the_name_server(void **state) {
    (void)state;
    stop_measure(&hole_resolver, UNDER_WAY, STOP_MS);
    stop_measure(&hole_resolver, TO_BEGIN, STOP_MS);
    stop_measure(&hole_resolver, UNDER_WAY, 0);
}

static void a_flush_does_not_wait_for_the_name_server(void **state) {
    (void)state;
    stop_measure_flush(&hole_resolver, UNDER_WAY);
    stop_measure_flush(&hole_resolver, TO_BEGIN);
}

static int skip_because(const char *why) {
    printf("SKIPPED: %s\n", why);
    return 77;
}

#define test(name) cmocka_unit_test_teardown(name, stop_teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(a_stop_does_not_wait_for_the_name_server),
        test(a_flush_does_not_wait_for_the_name_server),
    };
    if (LIBCURL_VERSION_NUM < 0x075700 || curl_version_info(CURLVERSION_NOW)->version_num < 0x075700)
        return skip_because("libcurl before 7.87 cannot leave a look-up behind");
    if (argc == 1) {
        if (namespaces_can_be_had())
            execlp("unshare", UNSHARE, argv[0], "inside", (char *)NULL);
        return skip_because("no user, network and mount namespaces can be made here");
    }
    if (!put_over("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n") ||
        !put_over("/etc/nsswitch.conf", "hosts: dns\n") || !start_name_server())
        return skip_because("the namespaces that can be made here do not allow another name server");
    return cmocka_run_group_tests(tests, stop_group_setup, NULL);
}
