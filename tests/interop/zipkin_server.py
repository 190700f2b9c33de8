# SPDX-License-Identifier: Apache-2.0
"""The real Zipkin as a fixture: spans in, memory as its store, the query API out.

Only the loopback is used, on a port chosen at each start, so any number of these run beside each other.
"""

import json
import urllib.error
import urllib.request

from processes import Died, Program, free_ports

START_ATTEMPTS = 5
START_SECONDS = 120
STOP_SECONDS = 20
PORT_TAKEN = "Address already in use"


class Zipkin:
    def __init__(self, archive, folder):
        self._archive = archive
        self.log = folder / "zipkin.log"
        self._running = None

    def __enter__(self):
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start()
                return self
            except Died:
                if attempt == START_ATTEMPTS or PORT_TAKEN not in self.log.read_text(errors="replace"):
                    raise
        raise AssertionError("unreachable")

    def __exit__(self, *_):
        self._running.stop(STOP_SECONDS)

    def _start(self):
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        self.endpoint = f"{self._url}/api/v2/spans"
        self.log.write_bytes(b"")
        command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", self._archive]
        listener = {"port": port, "ip": "127.0.0.1", "protocols[0]": "http"}
        place = [f"--armeria.ports[0].{name}={value}" for name, value in listener.items()]
        self._running = Program("zipkin", command + place, self.log)
        try:
            self._running.wait_ready(self._ready, START_SECONDS)
        except BaseException:
            self._running.kill()
            raise

    def _ready(self):
        try:
            return self._get("/health") is not None
        except OSError:
            return False

    def _get(self, path):
        """The answer's JSON, or None where Zipkin says that there is no such thing."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise OSError(f"GET {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def trace(self, trace_id):
        """The spans of one trace, or None until there is one."""
        return self._get(f"/api/v2/trace/{trace_id}")
