# SPDX-License-Identifier: Apache-2.0
"""What the real servers have in common as fixtures: started on free ports of the loopback, asked by HTTP, and stopped.

A server's ports are chosen at each start, so any number of them run beside each other.
"""

import json
import urllib.error
import urllib.parse
import urllib.request

from processes import Died, Program

START_ATTEMPTS = 5
STOP_SECONDS = 20


class Backend:
    """A context in which the server runs. What is below belongs to each kind of server."""

    name = None
    start_seconds = None
    port_taken = None  # how its log says that somebody else was faster to take a port

    def command(self):
        """Chooses ports and sets `self.query`, the URL of the query API; the command that starts the server."""
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.log = folder / f"{self.name}.log"
        self.query = None
        self._running = None

    def __enter__(self):
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start()
                return self
            except Died:
                if attempt == START_ATTEMPTS or self.port_taken not in self.log.read_text(errors="replace"):
                    raise
        raise AssertionError("unreachable")

    def __exit__(self, *_):
        self._running.stop(STOP_SECONDS)

    def _start(self):
        command = self.command()
        self.log.write_bytes(b"")
        self._running = Program(self.name, command, self.log)
        try:
            self._running.wait_ready(self.ready, self.start_seconds)
        except BaseException:
            self._running.kill()
            raise

    def get(self, path, **parameters):
        """The answer's JSON, or None where the server says that there is no such thing."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(self.query + path + query, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise OSError(f"GET {path}{query}: {error.code} {error.read().decode(errors='replace')}") from None
