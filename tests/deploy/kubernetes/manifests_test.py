# SPDX-License-Identifier: Apache-2.0
"""The manifests as the real kustomize makes them: valid by Kubernetes' schemas and the Prometheus operator's, pods that are
restricted, probed and bounded, selectors that select, quotas that suffice, and rules equal to those of deploy/prometheus."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, Problems, arguments, document, documents, node_program  # noqa: E402

VERSIONS = ["1.28", "1.31", "1.34"]  # of Kubernetes
NAME = "app.kubernetes.io/name"
SERVICES = {"kalki-gateway", "kalki-query", "kalki-llm"}
MESHES = {
    "istio": {
        "proxy.istio.io/config": "holdApplicationUntilProxyStarts",
        "traffic.sidecar.istio.io/excludeInboundPorts": "9464",
        "traffic.sidecar.istio.io/excludeOutboundPorts": "5432",
    },
    "linkerd": {
        "config.linkerd.io/proxy-await": "enabled",
        "config.linkerd.io/skip-inbound-ports": "9464",
        "config.linkerd.io/opaque-ports": "5432",
    },
}


def check_schemas(problems, folder, resources, operator):
    import kubernetes_validate

    ours = [one for one in resources if not one["apiVersion"].startswith("monitoring.coreos.com/")]
    for resource in ours:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                text = getattr(error, "message", str(error))
                problems.check(False, f"{folder}: {resource['kind']} {resource['metadata']['name']}, {version}: {text}")
    others = [one for one in resources if one not in ours]
    done = subprocess.run(operator, input=json.dumps(others), capture_output=True, text=True, check=True)
    for resource, wrong in zip(others, json.loads(done.stdout)):
        problems.check(not wrong, f"{folder}: {resource['kind']} {resource['metadata']['name']}: {wrong}")


def check_pod(problems, name, spec):
    (container,) = spec["containers"]
    safe = container["securityContext"]
    problems.check(spec["securityContext"].get("runAsNonRoot"), f"{name} may run as root")
    problems.check(spec["securityContext"].get("seccompProfile"), f"{name}: no seccomp profile")
    problems.check(safe.get("allowPrivilegeEscalation") is False, f"{name} may gain privileges")
    problems.check(safe.get("readOnlyRootFilesystem"), f"{name} may write to its image")
    problems.check(safe.get("capabilities", {}).get("drop") == ["ALL"], f"{name} keeps capabilities")
    problems.check(":" in container["image"] and "latest" not in container["image"], f"{name}: {container['image']}")
    for probe, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
        asked = container.get(f"{probe}Probe", {}).get("httpGet", {})
        problems.check(asked == {"path": f"/health/{path}", "port": "http"}, f"{name}: {probe}Probe asks {asked}")
    for what in ("cpu", "memory"):
        for bound in ("requests", "limits"):
            problems.check(what in container["resources"].get(bound, {}), f"{name}: no {bound} of {what}")
    writable = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
    data = {mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/var/lib/kalki"}
    problems.check(data and data <= writable, f"{name} cannot write to /var/lib/kalki")
    problems.check(spec.get("enableServiceLinks") is False, f"{name}: variables KALKI_... of services would be options")


def check_selectors(problems, cluster):
    pods = cluster.pods()
    labels = {name: pod["metadata"]["labels"] for name, pod in pods.items()}
    for name, service in cluster.of_kind("Service").items():
        wanted = service["spec"]["selector"].items()
        chosen = [pod for pod in pods if wanted <= labels[pod].items()]
        problems.check(chosen == [name], f"service {name} leads to {chosen}")
        problems.check(service["metadata"]["labels"].get(NAME) == name, f"{name}: the label job would not be its name")
        ports = {port["name"] for port in pods[name]["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            problems.check(port["targetPort"] in ports, f"service {name}: there is no port {port['targetPort']}")
    monitor = cluster.of_kind("ServiceMonitor")["kalki"]["spec"]
    (choice,) = monitor["selector"]["matchExpressions"]
    problems.check(choice["key"] == NAME and set(choice["values"]) == SERVICES, f"scraped is {choice}")
    problems.check(monitor["jobLabel"] == NAME, f"the label job is {monitor['jobLabel']}")
    prometheus = cluster.of_kind("Prometheus")["kalki"]["spec"]
    problems.check(prometheus["replicas"] == 2, f"{prometheus['replicas']} replicas of Prometheus")
    problems.check("exemplar-storage" in prometheus.get("enableFeatures", []), "Prometheus throws exemplars away")
    for selector, kind in (("serviceMonitorSelector", "ServiceMonitor"), ("ruleSelector", "PrometheusRule")):
        wanted = prometheus[selector]["matchLabels"].items()
        there = cluster.of_kind(kind)["kalki"]["metadata"]["labels"]
        problems.check(wanted <= there.items(), f"Prometheus does not choose the {kind}")


def check_scaling(problems, cluster):
    deployments = cluster.of_kind("Deployment")
    scalers = cluster.of_kind("HorizontalPodAutoscaler")
    problems.check(scalers, "nothing is scaled")
    for name, scaler in scalers.items():
        target = scaler["spec"]["scaleTargetRef"]["name"]
        problems.check(target in deployments, f"{name} scales {target}")
        problems.check("replicas" not in deployments[target]["spec"], f"{target}: replicas would undo what {name} does")
        calm = scaler["spec"].get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", 300)
        problems.check(calm >= 300, f"{name} goes up and down: it looks back {calm} s")
    return {
        name: scalers[name]["spec"]["maxReplicas"] if name in scalers else one["spec"]["replicas"]
        for name, one in deployments.items()
    }


# Who may reach a port: None stands for everybody.
REACHED = {
    ("kalki-gateway", "http"): None,
    ("kalki-query", "http"): {"kalki-gateway"},
    ("kalki-llm", "http"): {"kalki-gateway"},
    **{(service, "metrics"): {"prometheus"} for service in SERVICES},
}


def chooses(selector, name):
    """Whether a selector of pods takes those of this name, as far as our policies select."""
    expressions = [
        {"key": key, "operator": "In", "values": [value]} for key, value in selector.get("matchLabels", {}).items()
    ] + selector.get("matchExpressions", [])
    return all(one["key"] == NAME and one["operator"] == "In" and name in one["values"] for one in expressions)


def check_network(problems, cluster):
    """Each port is reached by those that need it and by nobody else."""
    reached = {}
    for policy in cluster.of_kind("NetworkPolicy").values():
        problems.check(policy["spec"]["policyTypes"] == ["Ingress"], f"{policy['metadata']['name']} bounds something else")
        for service in filter(lambda name: chooses(policy["spec"]["podSelector"], name), SERVICES):
            for rule in policy["spec"]["ingress"]:
                callers = [one["podSelector"]["matchLabels"][NAME] for one in rule.get("from", [])]
                for port in rule["ports"]:
                    reached[service, port["port"]] = set(callers) if callers else None
    problems.check(reached == REACHED, f"the network policies let through: {reached}")


def check_quota(problems, cluster, most):
    """All pods at their most, and one more of each while they are replaced, fit into the quota; with Prometheus."""
    from cluster import amount

    hard = cluster.of_kind("ResourceQuota")["kalki"]["spec"]["hard"]
    prometheus = cluster.of_kind("Prometheus")["kalki"]["spec"]
    bound = cluster.of_kind("LimitRange")["kalki"]["spec"]["limits"][0]["max"]
    needs = [(most[name] + 1, pod["spec"]["containers"][0]["resources"]) for name, pod in cluster.pods().items()]
    needs.append((prometheus["replicas"], prometheus["resources"]))
    problems.check(sum(count for count, _ in needs) <= int(hard["pods"]), "the quota has no room for all pods")
    for what in ("cpu", "memory"):
        for kind in ("requests", "limits"):
            needed = sum(count * amount(resources[kind].get(what, "0")) for count, resources in needs)
            given = amount(hard[f"{kind}.{what}"])
            problems.check(needed <= given, f"{kind}.{what}: {needed:g} needed, the quota has {given:g}")
        for _, resources in needs:
            problems.check(
                amount(resources["limits"].get(what, "0")) <= amount(bound[what]), f"{what} beyond the LimitRange"
            )


def check_mesh(problems, cluster, folder):
    for name, pod in cluster.pods().items():
        found = pod["metadata"].get("annotations", {})
        for annotation, value in MESHES[folder].items():
            problems.check(
                value in found.get(annotation, ""), f"{folder}: {name}: {annotation} is {found.get(annotation)}"
            )
    about = cluster.of_kind("Namespace")["kalki"]["metadata"]
    both = {**about["labels"], **about.get("annotations", {})}
    problems.check("enabled" in (both.get("istio-injection"), both.get("linkerd.io/inject")), f"{folder}: not injected")


def check_rules(problems, cluster):
    """The same groups, by meaning; and the file is what its maker makes of them."""
    place = DEPLOY / "kubernetes" / "monitoring"
    sources = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    groups = [group for source in sources for group in document(source)["groups"]]
    made = cluster.of_kind("PrometheusRule")["kalki"]["spec"]["groups"]
    problems.check(groups and made == groups, "prometheusrule.yaml does not hold the rules of deploy/prometheus")
    with tempfile.NamedTemporaryFile() as again:
        subprocess.run([sys.executable, "-B", place / "rules", again.name], check=True)
        same = Path(again.name).read_bytes() == (place / "prometheusrule.yaml").read_bytes()
    problems.check(same, "prometheusrule.yaml is not what kubernetes/monitoring/rules makes: run it")
    return sum(len(group["rules"]) for group in groups)


def check_used(problems, place):
    """Every file is named by a kustomization."""
    for path in place.rglob("*.yaml"):
        if path.name != "kustomization.yaml":
            named = document(path.parent / "kustomization.yaml").get("resources", [])
            problems.check(path.name in named, f"{path.relative_to(place)} is in no kustomization")
            documents(path)


def main():
    given = arguments(__doc__)
    from cluster import FOLDER, Cluster, kustomize

    program, operator = kustomize(given), node_program(given, "operator.mjs")
    problems = Problems()
    check_used(problems, FOLDER)
    for folder in ("base", *MESHES):
        cluster = Cluster(program, folder)
        if problems.check(cluster.resources, f"kustomize, {folder}: {cluster.error}"):
            check_schemas(problems, folder, cluster.resources, operator)
        if folder in MESHES and cluster.resources:
            check_mesh(problems, cluster, folder)
    base = Cluster(program, "base")
    if not base.resources:
        problems.finish("no resources")
    pods = base.pods()
    problems.check(set(pods) == SERVICES, f"deployments are {set(pods)}")
    for name, pod in pods.items():
        check_pod(problems, name, pod["spec"])
    check_selectors(problems, base)
    check_network(problems, base)
    check_quota(problems, base, check_scaling(problems, base))
    rules = check_rules(problems, base)
    problems.finish(f"{len(base.resources)} resources, against Kubernetes {', '.join(VERSIONS)}; {rules} rules")


if __name__ == "__main__":
    main()
