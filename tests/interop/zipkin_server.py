# SPDX-License-Identifier: Apache-2.0
"""The real Zipkin as a fixture: spans in, memory as its store, the query API out."""

from backend import Backend
from processes import free_ports


class Zipkin(Backend):
    """Once started, `endpoints` holds the one URL that spans are POSTed to."""

    name = "zipkin"
    start_seconds = 120
    port_taken = "Address already in use"

    def command(self):
        (port,) = free_ports(1)
        self.query = f"http://127.0.0.1:{port}"
        self.endpoints = {"zipkin": f"{self.query}/api/v2/spans"}
        listener = {"port": port, "ip": "127.0.0.1", "protocols[0]": "http"}
        place = [f"--armeria.ports[0].{name}={value}" for name, value in listener.items()]
        return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", self.program, *place]

    def ready(self):
        try:
            return self.get("/health") is not None
        except OSError:
            return False

    def trace(self, trace_id):
        """The spans of one trace, or None until there is one."""
        return self.get(f"/api/v2/trace/{trace_id}")
