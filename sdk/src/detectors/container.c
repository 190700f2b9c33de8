/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - the id of the container that the process runs in. The kernel knows of none; it shows in the names that
 * runtimes give to control groups (version 1, or without a namespace of their own), and otherwise in where the files
 * come from that they mount over /etc/hostname and the like.
 */
#include "detectors.h"

#include "base/str.h"
#include "text.h"

#include <string.h>

enum { ID_LEN = 64, TASK_LEN = 32 };

/* ---- paths ------------------------------------------------------------------------------------------------------ */

bool otel__path_last(otel_str *path, otel_str *component) {
    while (path->len && path->ptr[path->len - 1] == '/')
        path->len--;
    size_t begin = path->len;
    while (begin > 0 && path->ptr[begin - 1] != '/')
        begin--;
    *component = otel_strn(path->ptr + begin, path->len - begin);
    path->len = begin;
    return component->len > 0;
}

static bool ends_in(otel_str text, const char *end) {
    const size_t len = strlen(end);
    return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

static bool is_id(otel_str text) { return text.len == ID_LEN && otel__str_all_in(text, "0123456789abcdef"); }

/* ECS on Fargate: the task's id, a dash, and a number. */
static bool is_task_id(otel_str text) {
    return text.len > TASK_LEN + 1 && text.ptr[TASK_LEN] == '-' &&
           otel__str_all_in(otel_strn(text.ptr, TASK_LEN), "0123456789abcdef") &&
           otel__str_all_in(otel_strn(text.ptr + TASK_LEN + 1, text.len - TASK_LEN - 1), "0123456789");
}

/* ---- control groups --------------------------------------------------------------------------------------------- */

/* <id>, docker-<id>.scope, ...:cri-containerd:<id>; not crio-conmon-<id>.scope, which is the runtime's monitor. */
static otel_str id_in_name(otel_str name) {
    if (is_task_id(name))
        return name;
    if (ends_in(name, ".scope"))
        name.len -= strlen(".scope");
    if (name.len < ID_LEN)
        return otel_strn(NULL, 0);
    const otel_str id = otel_strn(name.ptr + name.len - ID_LEN, ID_LEN);
    const otel_str before = otel_strn(name.ptr, name.len - ID_LEN);
    const bool separate = before.len == 0 || ends_in(before, "-") || ends_in(before, ":");
    return is_id(id) && separate && !ends_in(before, "conmon-") ? id : otel_strn(NULL, 0);
}

/* The innermost, where containers run in containers. */
static otel_str id_in_path(otel_str path) {
    otel_str name;
    while (otel__path_last(&path, &name)) {
        const otel_str id = id_in_name(name);
        if (id.len)
            return id;
    }
    return otel_strn(NULL, 0);
}

/* Lines of hierarchy:controllers:path. */
otel_str otel__container_in_cgroup(otel_str file) {
    otel_str line;
    while (otel__probe_line(&file, &line)) {
        const otel_str id = otel__probe_skip(&line, ':', 2) ? id_in_path(line) : otel_strn(NULL, 0);
        if (id.len)
            return id;
    }
    return otel_strn(NULL, 0);
}

/* ---- mounts ----------------------------------------------------------------------------------------------------- */

bool otel__mount_next(otel_str *rest, otel_str *root, otel_str *point) {
    otel_str line;
    while (otel__probe_line(rest, &line)) /* id parent device root point options ... */
        if (otel__probe_skip(&line, ' ', 3) && otel__str_next(&line, ' ', root) && otel__str_next(&line, ' ', point))
            return true;
    return false;
}

/* .../containers/<id>/hostname, .../overlay-containers/<id>/userdata/hostname; a sandbox's id is not the container's. */
static otel_str id_of_folder(otel_str path) {
    otel_str name, within;
    while (otel__path_last(&path, &name)) {
        otel_str above = path;
        if (is_id(name) && otel__path_last(&above, &within) && ends_in(within, "containers"))
            return name;
    }
    return otel_strn(NULL, 0);
}

/*
 * What a runtime mounts for each container. In a pod the names and addresses may be those of the pod's first container,
 * while .containerenv and secrets are each one's own: so the best of these counts.
 */
static int worth_of(otel_str point) {
    static const char *const points[] = { "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/secrets",
                                          "/run/.containerenv" };
    for (int i = 0; i < (int)(sizeof points / sizeof *points); i++)
        if (otel__same_text(point, otel_cstr(points[i])))
            return i + 1;
    return 0;
}

static bool is_control_group(otel_str point) {
    static const char folder[] = "/sys/fs/cgroup";
    const size_t len = sizeof folder - 1;
    return point.len >= len && memcmp(point.ptr, folder, len) == 0 && (point.len == len || point.ptr[len] == '/');
}

otel_str otel__container_in_mountinfo(otel_str file) {
    otel_str root, point, best = otel_strn(NULL, 0);
    int worth = 0;
    while (otel__mount_next(&file, &root, &point)) {
        const bool group = is_control_group(point);
        const int here = group ? 10 : worth_of(point);
        const otel_str id = group ? id_in_path(root) : id_of_folder(root);
        if (!id.len || here <= worth)
            continue;
        worth = here;
        best = id;
    }
    return best;
}

/* ---- the detector ----------------------------------------------------------------------------------------------- */

otel_str otel__container_id(const struct otel__detection *detection) {
    const otel_str id = otel__container_in_cgroup(otel__probe_read(detection, "/proc/self/cgroup"));
    return id.len ? id : otel__container_in_mountinfo(otel__probe_read(detection, "/proc/self/mountinfo"));
}

void otel__detect_container(const struct otel__detection *detection) {
    otel__builder_add_text(detection->found, "container.id", otel__container_id(detection));
}
