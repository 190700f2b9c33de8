/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k8s.c - the Kubernetes pod, as far as it can be known without asking the cluster's API: from variables that the pod's
 * specification fills from the downward API, under the names that are customary, and from what the kubelet mounts.
 */
#include "detectors.h"

#include "base/str.h"
#include "text.h"

static const char account[] = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

static const struct {
    const char *attribute;
    const char *variables[5];
} known[] = {
    { "k8s.cluster.name", { "K8S_CLUSTER_NAME" } },
    { "k8s.node.name",
      { "K8S_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "NODE_NAME", "MY_NODE_NAME", "KUBE_NODE_NAME" } },
    { "k8s.namespace.name", { "K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE", "MY_POD_NAMESPACE" } },
    { "k8s.pod.name", { "K8S_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "POD_NAME", "MY_POD_NAME" } },
    { "k8s.pod.uid", { "K8S_POD_UID", "OTEL_RESOURCE_ATTRIBUTES_POD_UID", "POD_UID", "MY_POD_UID" } },
    { "k8s.container.name", { "K8S_CONTAINER_NAME", "CONTAINER_NAME" } },
};

static otel_str first_of(const struct otel__detection *detection, const char *const *variables) {
    otel_str value = otel_strn(NULL, 0);
    for (int i = 0; i < 5 && variables[i] && !value.len; i++)
        value = otel__probe_variable(detection, variables[i]);
    return value;
}

/* 8-4-4-4-12 hexadecimal digits; static pods have 32 without dashes. */
static bool is_uid(otel_str text) {
    if (text.len != 36 && text.len != 32)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const bool dash = text.len == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash ? text.ptr[i] != '-' : !otel__str_char_in(text.ptr[i], "0123456789abcdef"))
            return false;
    }
    return true;
}

/* /var/lib/kubelet/pods/<uid>/etc-hosts is mounted over /etc/hosts. */
otel_str otel__pod_in_mountinfo(otel_str file) {
    otel_str root, point, file_name, name, above;
    while (otel__mount_next(&file, &root, &point)) {
        if (!otel__same_text(point, otel_cstr("/etc/hosts")))
            continue;
        if (otel__path_last(&root, &file_name) && otel__path_last(&root, &name) && is_uid(name) &&
            otel__path_last(&root, &above) && otel__same_text(above, otel_cstr("pods")))
            return name;
    }
    return otel_strn(NULL, 0);
}

/* Elsewhere POD_NAME and its like may mean anything. */
void otel__detect_k8s(const struct otel__detection *detection) {
    const otel_str namespace = otel__probe_trim(otel__probe_read(detection, account));
    if (!namespace.len && !otel__probe_variable(detection, "KUBERNETES_SERVICE_HOST").len)
        return;
    const otel_str pod = otel__pod_in_mountinfo(otel__probe_read(detection, "/proc/self/mountinfo"));
    otel__builder_add_text(detection->found, "k8s.namespace.name", namespace);
    otel__builder_add_text(detection->found, "k8s.pod.uid", pod);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        otel__builder_add_text(detection->found, known[i].attribute, first_of(detection, known[i].variables));
}
