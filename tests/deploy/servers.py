# SPDX-License-Identifier: Apache-2.0
"""Real servers that kalki depends on: PostgreSQL and Redis from the distribution's packages, each on a free port of the
loopback, with its data in a temporary folder, and gone when the test is.

    with PostgreSQL(logs) as database:
        ... database.url ...
        database.kill()     # as a power cut would
        database.start()    # again, with the data of before and on the same port
        database.freeze()   # alive, but silent; thaw() ends that

What is not installed raises unittest.SkipTest.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from processes import Died, Program, free_ports, wait_until

READY_SECONDS = 60
STOP_SECONDS = 30
ATTEMPTS = 3


def _state_and_parent(pid):
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None, None
    return after_name[0], int(after_name[1])


def _runs(pid):
    return _state_and_parent(pid)[0] not in (None, "Z", "X")


def _with_descendants(pid):
    """A process that runs and those below it, the parents first."""
    parents = {int(entry.name): _state_and_parent(entry.name)[1] for entry in Path("/proc").glob("[0-9]*")}
    found = [pid] if _runs(pid) else []
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


class Server:
    """A server with data that outlive a kill() and a start(). Subclasses say how it is made and run."""

    name = ""
    stop_signal = signal.SIGTERM
    user = None

    def __init__(self, logs):
        self.log = Path(logs) / f"{self.name}.log"
        self.port = None
        self._program = None
        self._folder = None

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix=f"kalki-{self.name}-"))
        try:
            if self.user and os.geteuid() == 0:
                shutil.chown(self._folder, self.user.pw_uid, self.user.pw_gid)
            self.prepare(self._folder)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """On a free port the first time, on the same port again later."""
        for attempt in range(ATTEMPTS):
            if attempt > 0 or self.port is None:
                (self.port,) = free_ports(1)
            self._program = Program(self.name, self.command(), self.log, user=self.user)
            try:
                self._program.wait_ready(self.ready, READY_SECONDS)
                return
            except Died:
                if attempt == ATTEMPTS - 1:
                    raise

    def kill(self):
        """Without a chance to say good-bye to anybody."""
        if self._program:
            everyone = self._signal(signal.SIGKILL)
            self._program.kill()
            wait_until(lambda: not any(map(_runs, everyone)), STOP_SECONDS, f"all of {self.name} is gone")

    def freeze(self):
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def stop(self):
        """An orderly end; clients that are connected lose their connections."""
        self.thaw()
        os.kill(self._program.pid, self.stop_signal)
        if self._program.wait(STOP_SECONDS) is None:
            self.kill()

    def _signal(self, number):
        """To the server and all processes that it has started, which are returned."""
        everyone = _with_descendants(self._program.pid)
        for pid in everyone:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return everyone

    def close(self):
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def prepare(self, folder):
        pass

    def command(self):
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError


def _user():
    """Somebody who is not root, which PostgreSQL refuses to run as."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise unittest.SkipTest("there is no user but root to run PostgreSQL as")


def _as(user):
    def become():
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return become if user and os.geteuid() == 0 else None


class PostgreSQL(Server):
    """A database `kalki` with the user `kalki`, who needs a password only where one is given."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": does not wait for clients to leave

    def __init__(self, logs, password=None):
        super().__init__(logs)
        self._password = password
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
        found = shutil.which("initdb")
        if not folders and not found:
            raise unittest.SkipTest("PostgreSQL is not installed (package postgresql)")
        self._bin = folders[-1] if folders else Path(found).parent
        self.user = _user()

    @property
    def url(self):
        return f"postgresql://kalki@127.0.0.1:{self.port}/kalki"

    def prepare(self, folder):
        self._data = folder / "data"
        make = [self._bin / "initdb", "-D", self._data, "-U", "kalki", "-E", "UTF8", "--locale=C"]
        if self._password:
            secret = folder / "password"
            secret.write_text(self._password)
            make += ["-A", "scram-sha-256", f"--pwfile={secret}"]
        else:
            make += ["-A", "trust"]
        made = subprocess.run(
            [*map(str, make), "--no-sync"],
            preexec_fn=_as(self.user),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb ended with {made.returncode}:\n{made.stdout}")

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        settings.update(max_connections=40, shared_buffers="16MB", restart_after_crash="on")
        return [self._bin / "postgres", "-D", self._data, *(f"--{key}={value}" for key, value in settings.items())]

    def ready(self):
        try:
            self.sql("SELECT 1", database="postgres")
        except subprocess.CalledProcessError:
            return False
        if self.sql("SELECT count(*) FROM pg_database WHERE datname = 'kalki'", database="postgres") == "0":
            self.sql("CREATE DATABASE kalki", database="postgres")
        return True

    def sql(self, statement, database="kalki"):
        """What psql prints for a statement, without decoration."""
        url = f"postgresql://kalki@127.0.0.1:{self.port}/{database}?connect_timeout=5"
        command = [str(self._bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, url]
        env = {**os.environ, "PGPASSWORD": self._password or ""}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=30)
        return ended.stdout.strip()


class Redis(Server):
    """Without persistence: a start() after a kill() finds nothing of before."""

    name = "redis"

    def __init__(self, logs, *arguments):
        super().__init__(logs)
        self._redis = shutil.which("redis-server")
        self._arguments = arguments
        if not self._redis:
            raise unittest.SkipTest("Redis is not installed (package redis-server)")

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def command(self):
        settings = ["--port", self.port, "--bind", "127.0.0.1", "--dir", self._folder, "--save", "", "--appendonly", "no"]
        return [self._redis, *settings, *self._arguments]

    def ready(self):
        try:
            return self.ask("PING") == "+PONG"
        except OSError:
            return False

    def ask(self, *words):
        """The first line of the answer to a command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"*{len(words)}\r\n".encode())
            for word in words:
                connection.sendall(f"${len(word.encode())}\r\n{word}\r\n".encode())
            return connection.makefile("rb").readline().decode().strip()
