# SPDX-License-Identifier: Apache-2.0
"""The real kalki with the switches of kalki_double.KalkiDouble: its troubles are those that its services have on purpose."""

import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grafana"))
from kalki import SERVICES, STOP_SECONDS, Kalki, _ask  # noqa: E402

LLM = "kalki-llm"


class RealKalki(Kalki):
    def __init__(self, programs):
        self._place = tempfile.TemporaryDirectory(prefix="kalki-")
        super().__init__(programs, Path(self._place.name))
        self._fails = threading.Event()
        self._healthy = True

    def __exit__(self, *exception):
        super().__exit__(*exception)
        self._sink.server_close()
        self._place.cleanup()

    def _use(self):
        """Beside what users do anyway: requests that fail, while they are to."""
        others = threading.Thread(target=super()._use)
        others.start()
        while not self._over.wait(0.05):
            if self._fails.is_set():
                _ask(f"{self._urls['kalki-gateway']}/search?q=span&fail=error")
        others.join()

    def _stop_users(self):
        self._over.set()
        self._user.join()

    def _start_users(self):
        self._over.clear()
        self._user = threading.Thread(target=self._use)
        self._user.start()

    def _end(self, *names):
        for program in [each for each in reversed(self._running) if each.name in names]:
            program.stop(STOP_SECONDS)
            self._running.remove(program)
            (self._folder / f"{program.name}.log").write_text("")  # what it says next is read as that of another one

    def break_summaries(self):
        self._healthy = False
        self._end(LLM)
        self._start(LLM, "--fail-every", "1")

    def break_searches(self):
        self._healthy = False
        self._fails.set()

    def break_everything(self):
        self._healthy = False
        self._stop_users()
        self._end(*SERVICES)

    def mend(self):
        """Starts only what does not run as it should."""
        if self._healthy:
            return
        self._fails.clear()
        self._stop_users()
        self._end(*SERVICES)
        for name in SERVICES:
            self._start(name)
        self._start_users()
        self._healthy = True
