/* SPDX-License-Identifier: Apache-2.0 */
/* resource_container_test.c - container and pod ids in cgroup and mountinfo, as the usual runtimes leave them. */
#include "detector.h"

#include "detectors/detectors.h"
#include "fake_env.h"
#include "fake_root.h"
#include "resource_fixture.h"

#include <stdio.h>

#define A "3c1f0b9d8e7a6f5c4b3a29181706f5e4d3c2b1a09f8e7d6c5b4a392817060504"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define POD "1f5e0d3c-9d5e-4a51-8d9c-0f6a1b2c3d4e"
#define POD_ "1f5e0d3c_9d5e_4a51_8d9c_0f6a1b2c3d4e"

struct sample {
    const char *what, *file, *id;
};

static void assert_samples(const struct sample *samples, size_t count, otel_str (*parse)(otel_str file)) {
    for (size_t i = 0; i < count; i++) {
        const otel_str id = parse(otel_cstr(samples[i].file));
        if (id.len != strlen(samples[i].id) || (id.len && memcmp(id.ptr, samples[i].id, id.len) != 0))
            fail_msg("%s: found '%.*s'", samples[i].what, (int)id.len, id.len ? id.ptr : "");
    }
}

/* ---- control groups --------------------------------------------------------------------------------------------- */

static const struct sample cgroups[] = {
    { "docker, version 1",
      "12:pids:/docker/" A "\n11:hugetlb:/docker/" A "\n2:cpu,cpuacct:/docker/" A "\n1:name=systemd:/docker/" A "\n",
      A },
    { "docker with systemd", "1:name=systemd:/system.slice/docker-" A ".scope\n", A },
    { "docker, version 2, in the host's namespace", "0::/system.slice/docker-" A ".scope\n", A },
    { "docker in docker", "4:memory:/docker/" B "/docker/" A "\n", A },
    { "kubernetes with docker", "11:cpu:/kubepods/burstable/pod" POD "/" A "\n", A },
    { "kubernetes with containerd",
      "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice/cri-containerd-" A ".scope\n",
      A },
    { "kubernetes with containerd, its own tree",
      "9:memory:/system.slice/containerd.service/kubepods-besteffort-pod" POD_ ".slice:cri-containerd:" A "\n", A },
    { "kubernetes with CRI-O", "0::/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" A ".scope\n", A },
    { "CRI-O, a group within", "0::/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" A ".scope/container\n", A },
    { "podman", "0::/machine.slice/libpod-" A ".scope/container\n", A },
    { "podman in a pod", "0::/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope\n", A },
    { "podman without root",
      "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container\n", A },
    { "ECS on Fargate", "5:memory:/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-2784961234\n",
      "0123456789abcdef0123456789abcdef-2784961234" },
    { "a later line", "2:cpuset:/\n1:name=systemd:/docker/" A "\n0::/\n", A },
    { "no line end", "0::/docker/" A, A },
    { "monitor of CRI-O", "0::/system.slice/crio-conmon-" A ".scope\n", "" },
    { "monitor of podman", "0::/machine.slice/libpod-conmon-" A ".scope\n", "" },
    { "a namespace of its own", "0::/\n", "" },
    { "a session", "1:name=systemd:/user.slice/user-1000.slice/session-3.scope\n0::/user.slice\n", "" },
    { "the docker daemon", "0::/system.slice/docker.service\n", "" },
    { "digits of a longer name", "0::/docker/x" A "\n", "" },
    { "capitals", "0::/docker/3C1F0B9D8E7A6F5C4B3A29181706F5E4D3C2B1A09F8E7D6C5B4A392817060504\n", "" },
    { "too short", "0::/docker/3c1f0b9d\n", "" },
    { "no path", "0:\n\n:\n::\n0::\n" A "\n", "" },
    { "empty", "", "" },
};

static void ids_in_control_groups(void **state) {
    (void)state;
    assert_samples(cgroups, sizeof cgroups / sizeof *cgroups, otel__container_in_cgroup);
}

/* ---- mounts ----------------------------------------------------------------------------------------------------- */

#define MOUNT(root, point) "812 790 8:1 " root " " point " rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n"
#define OVERLAY "780 640 0:51 / / rw,relatime master:280 - overlay overlay rw,lowerdir=/x/" B "/l,upperdir=/x/" B "/u\n"
#define GROUP(root) "795 790 0:26 " root " /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n"

static const struct sample mounts[] = {
    { "docker",
      OVERLAY "785 780 0:55 / /proc rw,nosuid - proc proc rw\n" GROUP("/")
          MOUNT("/var/lib/docker/containers/" A "/resolv.conf", "/etc/resolv.conf")
              MOUNT("/var/lib/docker/containers/" A "/hostname", "/etc/hostname")
                  MOUNT("/var/lib/docker/containers/" A "/hosts", "/etc/hosts"),
      A },
    { "docker on a volume of its own", OVERLAY MOUNT("/containers/" A "/hostname", "/etc/hostname"), A },
    { "docker on btrfs", MOUNT("/@/var/lib/docker/containers/" A "/hostname", "/etc/hostname"), A },
    { "podman without root",
      OVERLAY "830 780 0:46 /containers/overlay-containers/" A "/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n"
              "831 780 0:46 /containers/overlay-containers/" A
              "/userdata/.containerenv /run/.containerenv rw - tmpfs tmpfs rw\n",
      A },
    { "podman in a pod, whose first container has the names",
      MOUNT("/containers/overlay-containers/" A "/userdata/.containerenv", "/run/.containerenv")
          MOUNT("/containers/overlay-containers/" B "/userdata/hostname", "/etc/hostname")
              MOUNT("/containers/overlay-containers/" B "/userdata/resolv.conf", "/etc/resolv.conf"),
      A },
    { "CRI-O in a pod",
      MOUNT("/containers/storage/overlay-containers/" B "/userdata/hostname", "/etc/hostname")
          MOUNT("/containers/storage/overlay-containers/" A "/userdata/run/secrets", "/run/secrets"),
      A },
    { "CRI-O with its control group visible", GROUP("/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" A ".scope"), A },
    { "control groups of version 1",
      "700 699 0:30 /docker/" A " /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n", A },
    { "containerd in a pod: only the sandbox is known",
      OVERLAY MOUNT("/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" B "/hostname", "/etc/hostname")
          MOUNT("/var/lib/kubelet/pods/" POD "/etc-hosts", "/etc/hosts"),
      "" },
    { "a host with containers",
      "100 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "210 100 0:47 / /var/lib/docker/overlay2/" B "/merged rw - overlay overlay rw\n"
      "220 100 0:48 / /var/lib/docker/containers/" B "/mounts/shm rw - tmpfs shm rw\n" GROUP("/"),
      "" },
    { "a container that looks at others' files", MOUNT("/var/lib/docker/containers/" B "/log", "/logs"), "" },
    { "cut off", "812 790 8:1 /containers/" A "/hostname", "" },
    { "words missing", "812\n812 790 8:1\n\n   \n", "" },
    { "empty", "", "" },
};

static void ids_in_mounts(void **state) {
    (void)state;
    assert_samples(mounts, sizeof mounts / sizeof *mounts, otel__container_in_mountinfo);
}

static const struct sample pods[] = {
    { "containerd", OVERLAY MOUNT("/var/lib/kubelet/pods/" POD "/etc-hosts", "/etc/hosts"), POD },
    { "another volume", MOUNT("/kubelet/pods/" POD "/etc-hosts", "/etc/hosts"), POD },
    { "a static pod", MOUNT("/var/lib/kubelet/pods/0123456789abcdef0123456789abcdef/etc-hosts", "/etc/hosts"),
      "0123456789abcdef0123456789abcdef" },
    { "another file", MOUNT("/var/lib/kubelet/pods/" POD "/containers/app/77af", "/dev/termination-log"), "" },
    { "another folder", MOUNT("/var/lib/docker/containers/" A "/hosts", "/etc/hosts"), "" },
    { "no id", MOUNT("/var/lib/kubelet/pods/1f5e0d3c-9d5e-4a51-8d9c-0f6a1b2c3dXX/etc-hosts", "/etc/hosts"), "" },
    { "short", MOUNT("/pods", "/etc/hosts") MOUNT("/", "/etc/hosts"), "" },
};

static void pods_in_mounts(void **state) {
    (void)state;
    assert_samples(pods, sizeof pods / sizeof *pods, otel__pod_in_mountinfo);
}

/* ---- the files -------------------------------------------------------------------------------------------------- */

static otel_resource *detect(const char *cgroup, const char *mountinfo) {
    const struct otel__probe probe = { .root = fake_root_make(), .get = fake_env_get };
    struct otel__builder *builder = otel__builder_create();
    if (cgroup)
        fake_root_file("/proc/self/cgroup", cgroup);
    if (mountinfo)
        fake_root_file("/proc/self/mountinfo", mountinfo);
    otel__detect(builder, "container", "the test", &probe);
    fake_root_remove();
    return otel__builder_finish(builder);
}

static void control_groups_before_mounts(void **state) {
    (void)state;
    otel_resource *both = detect("0::/docker/" A, MOUNT("/containers/" B "/hostname", "/etc/hostname"));
    otel_resource *mounted = detect("0::/\n", MOUNT("/containers/" B "/hostname", "/etc/hostname"));
    otel_resource *only = detect(NULL, MOUNT("/containers/" B "/hostname", "/etc/hostname"));
    otel_resource *none = detect("0::/\n", OVERLAY);
    assert_attribute(both, "container.id", A);
    assert_attribute(mounted, "container.id", B);
    assert_attribute(only, "container.id", B);
    assert_no_attribute(none, "container.id");
    otel_resource *list[] = { both, mounted, only, none };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        otel_resource_release(list[i]);
}

/* ---- any bytes -------------------------------------------------------------------------------------------------- */

static uint64_t random_state = 20240511;

static unsigned below(unsigned bound) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % bound;
}

/* Pieces of the samples, put together anew, in a block of exactly that size, so that sanitizers see a read beyond it. */
static char *mixture(size_t *len) {
    static const char *const pieces[] = {
        A,        B,    POD, "/",  ":", " ",    "\n",   "-",       "containers",    "/etc/hosts",
        ".scope", "\"", "'", "\\", "=", "NAME", "0::/", "docker-", "/etc/hostname", "pods",
        "\xff",   "#"
    };
    char text[2048];
    *len = 0;
    for (unsigned n = below(24); n > 0; n--) {
        const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
        memcpy(text + *len, piece, strlen(piece));
        *len += strlen(piece) - (below(8) == 0);
    }
    char *copy = malloc(*len + 1);
    memcpy(copy, text, *len);
    return realloc(copy, *len ? *len : 1);
}

static void any_bytes_are_read_within_their_bounds(void **state) {
    (void)state;
    static otel_str (*const parsers[])(otel_str file) = { otel__container_in_cgroup, otel__container_in_mountinfo,
                                                          otel__pod_in_mountinfo, otel__executable_name };
    for (int round = 0; round < 50000; round++) {
        size_t len;
        char *text = mixture(&len), *out = malloc(len + 1);
        for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++) {
            const otel_str id = parsers[i](otel_strn(text, len));
            assert_true(id.len == 0 || (id.ptr >= text && id.ptr + id.len <= text + len));
        }
        assert_true(otel__os_release_value(otel_strn(text, len), "NAME", out).len <= len);
        free(out);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_in_control_groups),
        cmocka_unit_test(ids_in_mounts),
        cmocka_unit_test(pods_in_mounts),
        cmocka_unit_test(control_groups_before_mounts),
        cmocka_unit_test(any_bytes_are_read_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
