/* SPDX-License-Identifier: Apache-2.0 */
/* resource_detect_test.c - detectors: which run, what they find below a root of the test's own, what they report. */
#include "detector.h"

#include "detectors/detectors.h"
#include "failing_allocator.h"
#include "fake_env.h"
#include "fake_root.h"
#include "reports.h"
#include "resource_fixture.h"

#include <otel/sdk.h>

#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char semantics[] = "https://opentelemetry.io/schemas/1.40.0";
static struct otel__probe probe = { .get = fake_env_get };
static otel_resource *found;

static int set_up(void **state) {
    (void)state;
    fake_env_clear();
    probe.root = fake_root_make();
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel_resource_release(found);
    found = NULL;
    otel__detectors_forget();
    fake_root_remove();
    reports_stop();
    return 0;
}

static void detect(const char *names) {
    otel_resource_release(found);
    struct otel__builder *builder = otel__builder_create();
    otel__detect(builder, names, "the test", &probe);
    found = otel__builder_finish(builder);
}

/* ---- process and service ---------------------------------------------------------------------------------------- */

static void the_process(void **state) {
    (void)state;
    char passwd[128];
    snprintf(passwd, sizeof passwd, "other:x:99999:0::/:/bin/sh\nbad line\nworker:x:%u:1:W:/home:/bin/sh\n", geteuid());
    fake_root_link("/proc/self/exe", "/usr/local/bin/carts (deleted)");
    fake_root_bytes("/proc/self/cmdline", "./carts\0--password=secret\0", 26);
    fake_root_file("/etc/passwd", passwd);
    detect("process");
    assert_int_equal(otel_resource_get(found, "process.pid")->u.i, getpid());
    assert_int_equal(otel_resource_get(found, "process.pid")->type, OTEL_TYPE_INT);
    assert_int_equal(otel_resource_get(found, "process.parent_pid")->u.i, getppid());
    assert_attribute(found, "process.executable.name", "carts");
    assert_attribute(found, "process.executable.path", "/usr/local/bin/carts (deleted)");
    assert_attribute(found, "process.command", "./carts");
    assert_attribute(found, "process.owner", "worker");
    assert_non_null(otel_resource_get(found, "process.runtime.name"));
    assert_no_attribute(found, "process.command_args");
    assert_str(otel_resource_schema_url(found), semantics);
    assert_int_equal(reports_count(), 0);
}

static void arguments_only_on_request(void **state) {
    (void)state;
    fake_root_bytes("/proc/self/cmdline", "./carts\0\0--password=secret\0", 27);
    detect("all");
    assert_no_attribute(found, "process.command_args");
    assert_non_null(otel_resource_get(found, "process.pid"));
    detect("process_command_args");
    const otel_value *list = otel_resource_get(found, "process.command_args");
    assert_int_equal(list->type, OTEL_TYPE_STRINGS);
    assert_int_equal(list->len, 3);
    assert_str(((const otel_str *)list->u.p)[0], "./carts");
    assert_str(((const otel_str *)list->u.p)[1], "");
    assert_str(((const otel_str *)list->u.p)[2], "--password=secret");
}

static void the_service(void **state) {
    (void)state;
    char first[OTEL__UUID_LEN + 1] = "";
    fake_env_set("OTEL_SERVICE_NAME", "carts");
    detect("service");
    assert_attribute(found, "service.name", "carts");
    const otel_value *id = otel_resource_get(found, "service.instance.id");
    assert_int_equal(id->len, OTEL__UUID_LEN);
    memcpy(first, id->u.p, OTEL__UUID_LEN);
    for (int i = 0; i < OTEL__UUID_LEN; i++)
        assert_true(i == 8 || i == 13 || i == 18 || i == 23 ? first[i] == '-'
                                                            : strchr("0123456789abcdef", first[i]) != NULL);
    assert_int_equal(first[14], '4');
    assert_non_null(strchr("89ab", first[19]));
    detect("service");
    assert_memory_not_equal(otel_resource_get(found, "service.instance.id")->u.p, first, OTEL__UUID_LEN);
}

static void without_a_name_the_service_has_an_id_only(void **state) {
    (void)state;
    detect("service");
    assert_no_attribute(found, "service.name");
    assert_int_equal(otel_resource_attributes(found).count, 1);
}

/* ---- host and os ------------------------------------------------------------------------------------------------ */

static const char debian[] = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
                             "VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n"
                             "HOME_URL=\"https://www.debian.org/\"\n";
static const char ubuntu[] = "PRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\n"
                             "VERSION=\"22.04.4 LTS (Jammy Jellyfish)\"\nVERSION_CODENAME=jammy\nID=ubuntu\n"
                             "ID_LIKE=debian\nUBUNTU_CODENAME=jammy\n";
static const char alpine[] = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n"
                             "HOME_URL=\"https://alpinelinux.org/\"\n";

static void the_operating_system(void **state) {
    (void)state;
    fake_root_file("/usr/lib/os-release", alpine);
    fake_root_file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    detect("os");
    assert_attribute(found, "os.type", "linux");
    assert_attribute(found, "os.name", "Alpine Linux");
    assert_attribute(found, "os.version", "3.19.1");
    assert_attribute(found, "os.description", "Alpine Linux v3.19");
    assert_attribute(found, "os.build_id", "6.1.0-18-amd64");
    fake_root_file("/etc/os-release", debian);
    detect("os");
    assert_attribute(found, "os.name", "Debian GNU/Linux");
    assert_attribute(found, "os.version", "12");
    assert_attribute(found, "os.description", "Debian GNU/Linux 12 (bookworm)");
    fake_root_file("/etc/os-release", ubuntu);
    detect("os");
    assert_attribute(found, "os.version", "22.04");
    assert_int_equal(otel_resource_attributes(found).count, 5);
}

static void quotes_of_os_release(void **state) {
    (void)state;
    fake_root_file("/etc/os-release",
                   "# NAME=comment\nNAME=first\nNAME='a \\b \"c\"'\r\nPRETTY_NAME=\"say \\\"hi\\\" \\$1\"\n"
                   "VERSION_ID=\nBUILD_ID=\"open");
    detect("os");
    assert_attribute(found, "os.name", "a \\b \"c\"");
    assert_attribute(found, "os.description", "say \"hi\" $1");
    assert_attribute(found, "os.build_id", "open");
    assert_no_attribute(found, "os.version");
}

static void the_host_with_its_system(void **state) {
    (void)state;
    struct utsname names;
    uname(&names);
    fake_root_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    detect("host");
    assert_attribute(found, "host.name", names.nodename);
    assert_attribute(found, "host.arch", otel__host_arch(names.machine));
    assert_attribute(found, "host.id", "0123456789abcdef0123456789abcdef");
    assert_attribute(found, "os.type", "linux");
    assert_str(otel_resource_schema_url(found), semantics);
}

static void no_id_of_a_host_that_has_none(void **state) {
    (void)state;
    fake_root_file("/etc/machine-id", "uninitialized\n");
    detect("host");
    assert_no_attribute(found, "host.id");
    fake_root_file("/var/lib/dbus/machine-id", "ffffffffffffffffffffffffffffffff");
    detect("host");
    assert_attribute(found, "host.id", "ffffffffffffffffffffffffffffffff");
    fake_root_file("/proc/self/cgroup",
                   "0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    detect("host"); /* the image's, which is no host's */
    assert_no_attribute(found, "host.id");
}

static void architectures(void **state) {
    (void)state;
    assert_string_equal(otel__host_arch("x86_64"), "amd64");
    assert_string_equal(otel__host_arch("aarch64"), "arm64");
    assert_string_equal(otel__host_arch("armv7l"), "arm32");
    assert_string_equal(otel__host_arch("i686"), "x86");
    assert_string_equal(otel__host_arch("ppc64le"), "ppc64");
    assert_string_equal(otel__host_arch("s390x"), "s390x");
    assert_string_equal(otel__host_arch("riscv64"), "riscv64");
}

/* ---- kubernetes ------------------------------------------------------------------------------------------------- */

static void the_pod(void **state) {
    (void)state;
    fake_env_set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    fake_env_set("POD_NAME", "carts-1");
    fake_env_set("K8S_POD_NAME", "carts-0");
    fake_env_set("MY_NODE_NAME", "node-7");
    fake_env_set("K8S_CONTAINER_NAME", "app");
    fake_env_set("K8S_CLUSTER_NAME", "prod");
    fake_root_file("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "shop");
    fake_root_file("/proc/self/mountinfo",
                   "900 880 8:1 /var/lib/kubelet/pods/1f5e0d3c-9d5e-4a51-8d9c-0f6a1b2c3d4e/etc-hosts /etc/hosts rw - "
                   "ext4 /dev/sda1 rw\n");
    detect("k8s");
    assert_attribute(found, "k8s.pod.name", "carts-0");
    assert_attribute(found, "k8s.pod.uid", "1f5e0d3c-9d5e-4a51-8d9c-0f6a1b2c3d4e");
    assert_attribute(found, "k8s.namespace.name", "shop");
    assert_attribute(found, "k8s.node.name", "node-7");
    assert_attribute(found, "k8s.container.name", "app");
    assert_attribute(found, "k8s.cluster.name", "prod");
    fake_env_set("POD_UID", "from-downward-api");
    fake_env_set("POD_NAMESPACE", "other");
    detect("k8s");
    assert_attribute(found, "k8s.pod.uid", "from-downward-api");
    assert_attribute(found, "k8s.namespace.name", "other");
}

static void outside_of_a_cluster_such_variables_mean_nothing(void **state) {
    (void)state;
    fake_env_set("POD_NAME", "carts-1");
    fake_env_set("CONTAINER_NAME", "app");
    detect("k8s");
    assert_int_equal(otel_resource_attributes(found).count, 0);
}

/* ---- finding nothing, and failing ------------------------------------------------------------------------------- */

static void nothing_found_is_no_error(void **state) {
    (void)state;
    detect("container,k8s,process_command_args");
    assert_int_equal(otel_resource_attributes(found).count, 0);
    assert_int_equal(otel_resource_schema_url(found).len, 0);
    detect("process,host,container,k8s");
    assert_no_attribute(found, "process.executable.name");
    assert_int_equal(reports_count(), 0);
}

static void a_failure_is_reported_and_stops_no_other(void **state) {
    (void)state;
    fake_root_link("/etc/os-release", "os-release"); /* a loop */
    detect("os,service");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("the resource detector os cannot read /etc/os-release: ", NULL));
    assert_non_null(otel_resource_get(found, "service.instance.id"));
    assert_attribute(found, "os.type", "linux");
}

static void what_is_no_file_is_not_waited_for(void **state) {
    (void)state;
    fake_root_pipe("/proc/self/cgroup");
    fake_root_link("/proc/self/mountinfo", "/dev/zero");
    detect("container");
    assert_true(reports_mention("the resource detector container cannot read /proc/self/cgroup", NULL));
    assert_int_equal(otel_resource_attributes(found).count, 0);
}

static void of_a_large_file_the_beginning_is_read(void **state) {
    (void)state;
    enum { LARGE = 4 << 20 };
    static char text[LARGE];
    memset(text, '\n', sizeof text);
    memcpy(text, "NAME=early", 10);
    memcpy(text + LARGE - 100, "VERSION_ID=late", 15);
    fake_root_bytes("/etc/os-release", text, sizeof text);
    detect("os");
    assert_attribute(found, "os.name", "early");
    assert_no_attribute(found, "os.version");
}

static void without_memory_there_is_no_resource_or_less(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    fake_root_file("/etc/os-release", debian);
    unsigned failed = 1;
    for (unsigned nth = 1; failed; nth++) {
        failing_allocator_fail(nth, false);
        struct otel__builder *builder = otel__builder_create();
        if (builder)
            otel__detect(builder, "all", "the test", &probe);
        found = builder ? otel__builder_finish(builder) : NULL;
        failed = failing_allocator_failures();
        failing_allocator_fail(0, false);
        assert_true(failed || otel_resource_get(found, "os.name"));
        otel_resource_release(found);
        found = NULL;
    }
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void lists_of_names(void **state) {
    (void)state;
    detect(NULL);
    assert_int_equal(otel_resource_attributes(found).count, 0);
    detect("");
    assert_int_equal(otel_resource_attributes(found).count, 0);
    detect("none");
    assert_int_equal(otel_resource_attributes(found).count, 0);
    assert_int_equal(reports_count(), 0);
    detect(" OS , ec2,, service");
    assert_non_null(otel_resource_get(found, "os.type"));
    assert_non_null(otel_resource_get(found, "service.instance.id"));
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("the test names the resource detector \"ec2\", which is unknown", "container"));
}

static otel_resource *give(void *data) { return data ? otel_resource_create(*(const otel_attrs *)data, NULL) : NULL; }

static otel_resource *give_another_schema(void *data) {
    (void)data;
    return otel_resource_create(OTEL_ATTRS(OTEL_ATTR("cloud.region", "north")),
                                "https://opentelemetry.io/schemas/1.2.0");
}

static void a_detector_of_the_users_own(void **state) {
    (void)state;
    otel_attrs attrs = OTEL_ATTRS(OTEL_ATTR("cloud.provider", "mine"), OTEL_ATTR("os.type", "mine"));
    assert_int_equal(otel_resource_detector_add("my_cloud", give, &attrs), OTEL_OK);
    assert_int_equal(otel_resource_detector_add("nothing_2", give, NULL), OTEL_OK);
    detect("os,my_cloud,nothing_2");
    assert_attribute(found, "cloud.provider", "mine");
    assert_attribute(found, "os.type", "mine"); /* the later detector wins */
    detect("my_cloud,os");
    assert_attribute(found, "os.type", "linux");
    detect("all");
    assert_no_attribute(found, "cloud.provider");
    assert_int_equal(reports_count(), 0);
}

static void detectors_of_different_schemas(void **state) {
    (void)state;
    otel_resource_detector_add("old_cloud", give_another_schema, NULL);
    detect("os,old_cloud,host");
    assert_int_equal(otel_resource_schema_url(found).len, 0);
    assert_attribute(found, "cloud.region", "north");
    assert_int_equal(reports_count(), 1);
    assert_int_equal(reports_level(0), OTEL_LOG_ERROR);
}

static void names_that_cannot_be(void **state) {
    (void)state;
    static const char *const bad[] = { "service", "process", "host", "container", "k8s",      "all",
                                       "none",    "mine",    "My",   "my-cloud",  "my cloud", "" };
    assert_int_equal(otel_resource_detector_add("mine", give, NULL), OTEL_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reports_start(OTEL_LOG_WARN);
        assert_int_equal(otel_resource_detector_add(bad[i], give, NULL), OTEL_ERR_CONFIG);
        assert_true(reports_mention("the name of the resource detector", bad[i]));
    }
    assert_int_equal(otel_resource_detector_add(NULL, give, NULL), OTEL_ERR_CONFIG);
    assert_int_equal(otel_resource_detector_add("other", NULL, NULL), OTEL_ERR_CONFIG);
}

static void so_many_can_be_added(void **state) {
    (void)state;
    static char names[17][16];
    for (int i = 0; i < 17; i++) {
        snprintf(names[i], sizeof names[i], "d%d", i);
        assert_int_equal(otel_resource_detector_add(names[i], give, NULL), i < 16 ? OTEL_OK : OTEL_ERR_CONFIG);
    }
}

/* ---- within the SDK's resource ---------------------------------------------------------------------------------- */

static otel_resource *assemble(const otel_sdk_options *options) {
    struct otel__config config;
    otel__config_load(&config, NULL, fake_env_get);
    otel_resource *resource = otel__resource_create_for(options, &config, "app");
    otel__config_free(&config);
    return resource;
}

static void detectors_are_stronger_than_defaults_only(void **state) {
    (void)state;
    otel_attrs attrs = OTEL_ATTRS(OTEL_ATTR("telemetry.sdk.name", "detected"), OTEL_ATTR("entity", "detected"),
                                  OTEL_ATTR("variable", "detected"), OTEL_ATTR("code", "detected"));
    otel_resource_detector_add("mine", give, &attrs);
    fake_env_set("OTEL_C_RESOURCE_DETECTORS", "mine");
    fake_env_set("OTEL_ENTITIES", "e{entity=entity,variable=entity}");
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "variable=variable,code=variable");
    found = assemble(OTEL_SDK(.service_name = "s", .resource = OTEL_ATTRS(OTEL_ATTR("code", "code"))));
    assert_attribute(found, "telemetry.sdk.name", "detected");
    assert_attribute(found, "entity", "entity");
    assert_attribute(found, "variable", "variable");
    assert_attribute(found, "code", "code");
}

static void code_names_detectors_instead_of_the_environment(void **state) {
    (void)state;
    fake_env_set("OTEL_C_RESOURCE_DETECTORS", "service,strange");
    found = assemble(OTEL_SDK(.service_name = "s", .detectors = "os"));
    assert_non_null(otel_resource_get(found, "os.type"));
    assert_no_attribute(found, "service.instance.id");
    assert_int_equal(reports_count(), 0);
    otel_resource_release(found);
    found = assemble(OTEL_SDK(.service_name = "s", .detectors = "none"));
    assert_int_equal(otel_resource_attributes(found).count, 4);
    otel_resource_release(found);
    found = assemble(OTEL_SDK(.service_name = "s"));
    assert_non_null(otel_resource_get(found, "service.instance.id"));
    assert_true(reports_mention("OTEL_C_RESOURCE_DETECTORS names the resource detector \"strange\"", NULL));
}

static void the_machine_itself(void **state) {
    (void)state;
    otel_resource_release(found);
    found = otel_resource_detect("process");
    assert_attribute(found, "process.executable.name", "resource_detect_test");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_process),
        TEST(arguments_only_on_request),
        TEST(the_service),
        TEST(without_a_name_the_service_has_an_id_only),
        TEST(the_operating_system),
        TEST(quotes_of_os_release),
        TEST(the_host_with_its_system),
        TEST(no_id_of_a_host_that_has_none),
        TEST(architectures),
        TEST(the_pod),
        TEST(outside_of_a_cluster_such_variables_mean_nothing),
        TEST(nothing_found_is_no_error),
        TEST(a_failure_is_reported_and_stops_no_other),
        TEST(what_is_no_file_is_not_waited_for),
        TEST(of_a_large_file_the_beginning_is_read),
        TEST(without_memory_there_is_no_resource_or_less),
        TEST(lists_of_names),
        TEST(a_detector_of_the_users_own),
        TEST(detectors_of_different_schemas),
        TEST(names_that_cannot_be),
        TEST(so_many_can_be_added),
        TEST(detectors_are_stronger_than_defaults_only),
        TEST(code_names_detectors_instead_of_the_environment),
        TEST(the_machine_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
