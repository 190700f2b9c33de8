# SPDX-License-Identifier: Apache-2.0
"""The collectors' configurations: a real collector (Jaeger) can read them, whatever is defined is used and the reverse, and
the order of processors is the one that protects memory."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import HERE, Problems, arguments, skip  # noqa: E402

# What its README lists. The collector that is at hand does not have this exporter.
LOAD_BALANCING = {"routing_key", "protocol", "resolver", "timeout", "retry_on_failure", "sending_queue"}
DNS = {"hostname", "port", "interval", "timeout"}
KINDS = ("receivers", "processors", "exporters")


def jaeger():
    built = subprocess.run([HERE.parent / "interop/jaeger/build"], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        skip("there is no Jaeger; the lines above say why")
    return built.stdout.strip().splitlines()[-1]


def check_used(problems, name, config):
    pipelines = config["service"]["pipelines"]
    for kind in KINDS:
        used = {component for pipeline in pipelines.values() for component in pipeline.get(kind, [])}
        defined = set(config.get(kind) or {})
        problems.check(defined == used, f"{name}: {kind}: {defined ^ used} are defined or used, not both")
    extensions = set(config.get("extensions") or {}), set(config["service"].get("extensions", []))
    problems.check(extensions[0] == extensions[1], f"{name}: extensions: {extensions[0] ^ extensions[1]}")
    for pipeline in pipelines.values():
        problems.check(pipeline["receivers"] and pipeline["exporters"], f"{name}: a pipeline from or to nowhere")
        problems.check(pipeline["processors"][0] == "memory_limiter", f"{name}: memory_limiter is not the first")


def check_load_balancing(problems, agent, gateway):
    exporter = agent["exporters"]["loadbalancing"]
    problems.check(set(exporter) <= LOAD_BALANCING, f"agent: unknown: {set(exporter) - LOAD_BALANCING}")
    problems.check(exporter["routing_key"] == "traceID", "agent: a trace would go to several collectors")
    problems.check("endpoint" not in exporter["protocol"]["otlp"], "agent: the resolver says the endpoints")
    ((kind, resolver),) = exporter["resolver"].items()
    problems.check(kind == "dns" and set(resolver) <= DNS, f"agent: resolver is {kind}: {resolver}")
    port = gateway["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].rsplit(":", 1)[1]
    problems.check(resolver["port"] == port, f"agent: sends to port {resolver['port']}, the gateway has {port}")
    processors = agent["service"]["pipelines"]["traces"]["processors"]
    problems.check(not {"batch", "tail_sampling"} & set(processors), "agent: sorts or samples before whole traces")


def check_sampling(problems, gateway):
    sampler = gateway["processors"]["tail_sampling"]
    order = gateway["service"]["pipelines"]["traces"]["processors"]
    problems.check(order[-1] == "batch", "gateway: batches have to be made after the choice")
    policies = {policy["name"]: policy for policy in sampler["policies"]}
    problems.check(len(policies) == len(sampler["policies"]), "gateway: two policies of one name")
    for name, policy in policies.items():
        problems.check(policy["type"] in policy, f"gateway: policy {name} says nothing of its {policy['type']}")
    wait = int(re.fullmatch(r"(\d+)s", sampler["decision_wait"]).group(1))
    problems.check(
        wait * sampler["expected_new_traces_per_sec"] <= sampler["num_traces"], "gateway: traces are dropped undecided"
    )


def main():
    arguments(__doc__)
    import agents
    import yaml

    problems = Problems()
    agent, gateway = agents.configuration("agent"), agents.configuration("gateway")
    for name, config in (("agent", agent), ("gateway", gateway)):
        check_used(problems, name, config)
    check_load_balancing(problems, agent, gateway)
    check_sampling(problems, gateway)
    program = jaeger()
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder) / "wrong.yaml"
        for name, config in (("agent", agents.stand_in(agent, "localhost:4317")), ("gateway", gateway)):
            path = Path(folder) / f"{name}.yaml"
            path.write_text(yaml.safe_dump(config))
            said = agents.validate(program, path)
            problems.check(not said, f"{name}: {said}")
            wrong.write_text(json.dumps({**config, "exporters": {}}))
            problems.check(agents.validate(program, wrong), "the collector takes whatever it is given")
    problems.finish("2 configurations")


if __name__ == "__main__":
    main()
