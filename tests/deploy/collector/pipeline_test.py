# SPDX-License-Identifier: Apache-2.0
"""Spans through both tiers into Jaeger: the agent hands on what it gets, and the gateway keeps traces that failed, even if
that becomes known late, those that were slow, and about a tenth of the rest, each of them whole.

The tiers run the configurations of deploy/collector, save for ports, a shorter decision_wait, and the load balancing
between several gateways, for which the agent's exporter of OTLP stands in (see agents.py).
"""

import json
import random
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import Problems, arguments  # noqa: E402

ORDINARY = 300
KEPT = (15, 50)  # of 300, at 10 %: 30, and nearly four standard deviations to both sides
WAIT = 5  # seconds until the decision
OK, ERROR = 0, 2


def span(trace, number, milliseconds, status=OK, parent=""):
    end = time.time_ns()
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{trace % 2**32:08x}{number:08x}",
        "parentSpanId": parent and f"{trace % 2**32:08x}{parent:08x}",
        "name": f"span {number}",
        "kind": 2,
        "startTimeUnixNano": str(end - milliseconds * 10**6),
        "endTimeUnixNano": str(end),
        "status": {"code": status},
    }


def send(endpoint, spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "fleet"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{endpoint}/v1/traces", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200, answer.status


def start(stack, folder):
    import agents
    from config_test import jaeger
    from jaeger_server import Jaeger

    program = jaeger()
    store = stack.enter_context(Jaeger(program, folder))
    changes = [f"--set=processors.tail_sampling.decision_wait={WAIT}s", "--set=exporters.otlp/jaeger.endpoint="]
    changes[1] += store.endpoints["grpc"].removeprefix("http://")
    config = agents.configuration("gateway")
    gateway = stack.enter_context(agents.Collector("gateway", program, folder, config, changes))
    config = agents.stand_in(agents.configuration("agent"), gateway.endpoints["grpc"])
    agent = stack.enter_context(agents.Collector("agent", program, folder, config))
    return store, agent.endpoints["http"]


def main():
    arguments(__doc__)
    from processes import wait_until

    problems = Problems()
    ids = random.Random(9)
    failed, slow, late = (ids.getrandbits(128) for _ in range(3))
    ordinary = [ids.getrandbits(128) for _ in range(ORDINARY)]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        store, endpoint = start(stack, Path(name))
        send(endpoint, [span(failed, 1, 5), span(failed, 2, 3, ERROR, parent=1)])
        send(endpoint, [span(slow, 1, 700), span(slow, 2, 3, parent=1)])
        send(endpoint, [span(late, 1, 5)])
        send(endpoint, [part for one in ordinary for part in (span(one, 1, 5), span(one, 2, 3, parent=1))])
        send(endpoint, [span(late, 2, 3, ERROR, parent=1)])

        def stored(trace):
            return len(store.spans(f"{trace:032x}"))

        for what, trace in (("failed", failed), ("slow", slow), ("failed late", late)):
            try:
                wait_until(lambda: stored(trace) == 2, 30, what)
            except TimeoutError:
                problems.check(False, f"of the trace that {what}, {stored(trace)} of 2 spans are in Jaeger")
        time.sleep(WAIT)  # decided are all by now, and the batch of the last is sent a second later
        counts = [stored(trace) for trace in ordinary]
    kept = len([count for count in counts if count])
    problems.check(set(counts) <= {0, 2}, f"traces in part: {counts}")
    problems.check(KEPT[0] <= kept <= KEPT[1], f"{kept} of {ORDINARY} ordinary traces were kept")
    print(f"measured: tail sampling: {kept} of {ORDINARY} ordinary traces, and all 3 that failed or were slow")
    problems.finish(f"{ORDINARY + 3} traces sent")


if __name__ == "__main__":
    main()
