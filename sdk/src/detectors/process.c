/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - the process: ids, executable, owner, C library. Arguments often hold secrets, so that they are a detector
 * of their own, which has to be asked for by name.
 */
#include "detectors.h"

#include "base/str.h"

#include <stdio.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

otel_str otel__executable_name(otel_str path) {
    static const char deleted[] = " (deleted)"; /* what the kernel appends when the file is gone */
    const size_t suffix = sizeof deleted - 1;
    if (path.len > suffix && memcmp(path.ptr + path.len - suffix, deleted, suffix) == 0)
        path.len -= suffix;
    size_t begin = path.len;
    while (begin > 0 && path.ptr[begin - 1] != '/')
        begin--;
    return otel_strn(path.ptr + begin, path.len - begin);
}

/* Not getpwuid(), which may ask a directory over the network. name:password:uid:... */
static otel_str owner(otel_str passwd, uid_t user) {
    otel_str line, name, field;
    while (otel__probe_line(&passwd, &line)) {
        int64_t id;
        otel__str_next(&line, ':', &name);
        if (otel__probe_skip(&line, ':', 1) && otel__str_next(&line, ':', &field) && otel__str_to_int(field, &id) &&
            id == (int64_t)user)
            return name;
    }
    return otel_strn(NULL, 0);
}

static void add_runtime(struct otel__builder *found) {
#ifdef __GLIBC__
    otel__builder_add_text(found, "process.runtime.name", otel_cstr("glibc"));
    otel__builder_add_text(found, "process.runtime.version", otel_cstr(gnu_get_libc_version()));
#else
    otel__builder_add_text(found, "process.runtime.name", otel_cstr("musl"));
#endif
}

void otel__detect_process(const struct otel__detection *detection) {
    struct otel__builder *found = detection->found;
    const otel_str executable = otel__probe_link(detection, "/proc/self/exe");
    otel_str command = otel__probe_read(detection, "/proc/self/cmdline"), first;
    otel__builder_add_own(found, OTEL__OWN_PID);
    otel__builder_add_own(found, OTEL__OWN_PARENT_PID);
    otel__builder_add_text(found, "process.executable.name", otel__executable_name(executable));
    otel__builder_add_text(found, "process.executable.path", executable);
    if (otel__str_next(&command, '\0', &first))
        otel__builder_add_text(found, "process.command", first);
    otel__builder_add_text(found, "process.owner", owner(otel__probe_read(detection, "/etc/passwd"), geteuid()));
    add_runtime(found);
}

void otel__detect_command_args(const struct otel__detection *detection) {
    otel_str command = otel__probe_read(detection, "/proc/self/cmdline"), argument;
    size_t count = 0;
    for (size_t i = 0; i < command.len; i++)
        count += command.ptr[i] == '\0';
    otel_str *list = count ? (otel_str *)(void *)otel__builder_room(detection->found, count * sizeof *list) : NULL;
    if (!list)
        return;
    for (size_t i = 0; i < count && otel__str_next(&command, '\0', &argument); i++)
        list[i] = argument;
    otel__builder_add(detection->found, otel__attr("process.command_args", otel_strings(list, count)));
}
