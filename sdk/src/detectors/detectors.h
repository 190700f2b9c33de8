/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detectors.h - the built-in detectors: each adds what it finds (semantic conventions: docs/resource/, of the version in
 * detector.c). What they parse is declared here for the tests.
 */
#ifndef OTEL_SDK_DETECTORS_H
#define OTEL_SDK_DETECTORS_H

#include "probe.h"

void otel__detect_service(const struct otel__detection *detection);
void otel__detect_process(const struct otel__detection *detection);
void otel__detect_command_args(const struct otel__detection *detection);
void otel__detect_host(const struct otel__detection *detection);
void otel__detect_os(const struct otel__detection *detection);
void otel__detect_container(const struct otel__detection *detection);
void otel__detect_k8s(const struct otel__detection *detection);

/* The file name of the path of an executable that may have been deleted since. */
otel_str otel__executable_name(otel_str path);
/* What the conventions call the machine's architecture, as uname() names it. */
const char *otel__host_arch(const char *machine);
/*
 * The value of a line of os-release, KEY=value in shell quotes, under `key`, without the quotes and written to `out`,
 * which has room for the whole file. Empty when there is none.
 */
otel_str otel__os_release_value(otel_str file, const char *key, char *out);
/* The container's id in /proc/self/cgroup or /proc/self/mountinfo; empty when it tells of none. */
otel_str otel__container_in_cgroup(otel_str file);
otel_str otel__container_in_mountinfo(otel_str file);
/* The pod's UID in /proc/self/mountinfo. */
otel_str otel__pod_in_mountinfo(otel_str file);
/* Of the container that the process runs in; empty outside of one. */
otel_str otel__container_id(const struct otel__detection *detection);

/* The next line of mountinfo: what part of its file system is mounted, and where. False past the last. */
bool otel__mount_next(otel_str *rest, otel_str *root, otel_str *point);
/* Cuts the last component off the end of the path; false when there is none. */
bool otel__path_last(otel_str *path, otel_str *component);

#endif
