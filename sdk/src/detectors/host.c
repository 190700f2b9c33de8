/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - the host and its operating system. */
#include "detectors.h"

#include "base/str.h"

#include <string.h>
#include <sys/utsname.h>

/* ---- the host --------------------------------------------------------------------------------------------------- */

const char *otel__host_arch(const char *machine) {
    static const struct {
        const char *machine, *arch;
    } known[] = {
        { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i386", "x86" },      { "i486", "x86" },     { "i586", "x86" },
        { "i686", "x86" },     { "ppc", "ppc32" },     { "ppc64le", "ppc64" }, { "armv8l", "arm32" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(machine, known[i].machine) == 0)
            return known[i].arch;
    return strncmp(machine, "arm", 3) == 0 && strcmp(machine, "arm64") != 0 ? "arm32" : machine;
}

/* 32 hexadecimal digits; anything else, such as "uninitialized", names no machine. */
static otel_str machine_id(otel_str file) {
    const otel_str id = otel__probe_trim(file);
    return id.len == 32 && otel__str_all_in(id, "0123456789abcdef") ? id : otel_strn(NULL, 0);
}

/* A container's machine id is its image's, which all containers of that image share. */
static void add_id(const struct otel__detection *detection) {
    if (otel__container_id(detection).len)
        return;
    otel_str id = machine_id(otel__probe_read(detection, "/etc/machine-id"));
    if (!id.len)
        id = machine_id(otel__probe_read(detection, "/var/lib/dbus/machine-id"));
    otel__builder_add_text(detection->found, "host.id", id);
}

void otel__detect_host(const struct otel__detection *detection) {
    struct utsname names;
    if (uname(&names) == 0) {
        otel__builder_add_text(detection->found, "host.name", otel_cstr(names.nodename));
        otel__builder_add_text(detection->found, "host.arch", otel_cstr(otel__host_arch(names.machine)));
    }
    add_id(detection);
    otel__detect_os(detection);
}

/* ---- the operating system --------------------------------------------------------------------------------------- */

/* The text within the quotes that it begins with, or all of it; a backslash keeps the next character. */
static otel_str unquote(otel_str text, char *out) {
    const char quote = text.len && (text.ptr[0] == '"' || text.ptr[0] == '\'') ? text.ptr[0] : '\0';
    size_t len = 0;
    for (size_t i = quote ? 1 : 0; i < text.len && !(quote && text.ptr[i] == quote); i++) {
        if (text.ptr[i] == '\\' && quote != '\'' && i + 1 < text.len)
            i++;
        out[len++] = text.ptr[i];
    }
    return otel_strn(out, len);
}

otel_str otel__os_release_value(otel_str file, const char *key, char *out) {
    const size_t len = strlen(key);
    otel_str line, value = otel_strn(NULL, 0);
    while (otel__probe_line(&file, &line)) {
        line = otel__probe_trim(line);
        if (line.len > len && memcmp(line.ptr, key, len) == 0 && line.ptr[len] == '=')
            value =
                unquote(otel_strn(line.ptr + len + 1, line.len - len - 1), out); /* as in a shell, the last counts */
    }
    return value;
}

void otel__detect_os(const struct otel__detection *detection) {
    static const struct {
        const char *key, *attribute;
    } values[] = { { "NAME", "os.name" },
                   { "VERSION_ID", "os.version" },
                   { "PRETTY_NAME", "os.description" },
                   { "BUILD_ID", "os.build_id" } };
    otel_str file = otel__probe_read(detection, "/etc/os-release");
    if (!file.ptr)
        file = otel__probe_read(detection, "/usr/lib/os-release");
    char *room = file.len ? otel__builder_room(detection->found, file.len) : NULL;
    const otel_str kernel = otel__probe_trim(otel__probe_read(detection, "/proc/sys/kernel/osrelease"));
    otel__builder_add_text(detection->found, "os.type", otel_cstr("linux"));
    otel__builder_add_text(detection->found, "os.build_id", kernel); /* unless the distribution has one */
    for (size_t i = 0; room && i < sizeof values / sizeof *values; i++)
        otel__builder_add_text(detection->found, values[i].attribute,
                               otel__os_release_value(file, values[i].key, room));
}
