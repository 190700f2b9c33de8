# SPDX-License-Identifier: Apache-2.0
"""Programs under test: started on free ports of the loopback, waited for, and stopped whatever happens."""

import ctypes
import os
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Died(RuntimeError):
    """A program ended before it was ready."""


def free_udp_ports(count):
    """As free_ports(), for datagrams."""
    return free_ports(count, socket.SOCK_DGRAM)


def free_ports(count, kind=socket.SOCK_STREAM):
    """Ports nobody listens on now. Somebody else may take one before its program does: callers try again then."""
    sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_until(condition, seconds, what):
    """Asks until the answer is true and returns it; what names in the failure what was waited for."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)


class Program:
    """A child process with its output in a file. It dies with this process, so that no test leaves one behind. It runs as
    `user`, an entry of pwd, where one is given and this is root."""

    def __init__(self, name, command, log, env=None, user=None):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                preexec_fn=lambda: self._become(user),
            )

    @staticmethod
    def _become(user):
        """In the child. A change of the user would forget the signal, so it comes first."""
        if user and os.geteuid() == 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    @property
    def pid(self):
        return self._child.pid

    def wait(self, seconds):
        """The exit code of a program that is about to end, or None."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_ready(self, ready, seconds):
        """Waits until ready() is true and returns it; raises Died when the program ends before."""

        def ready_or_dead():
            if self._child.poll() is not None:
                raise Died(f"{self.name} ended with {self._child.returncode} before it was ready:\n{self.log_tail()}")
            return ready()

        try:
            return wait_until(ready_or_dead, seconds, f"{self.name} is ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from None

    def stop(self, seconds):
        """Sends SIGTERM and returns the exit code, or None when the program had to be killed."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    def log_tail(self, lines=30):
        with open(self.log, errors="replace") as log:
            return "".join(f"    {line}" for line in log.readlines()[-lines:])
