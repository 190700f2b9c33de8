# SPDX-License-Identifier: Apache-2.0
"""Doubles of those who get Alertmanager's messages: Slack, PagerDuty (events, v2), the pager's webhook, a mail server.

Each keeps what came, in order, and refuses what the real one would: a wrong key, token or password.
"""

import asyncio
import base64
import email
import email.policy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stack_config import Receivers

SECRETS = {"smtp_password": "mail secret", "pagerduty_key": "0123456789abcdef", "pager_token": "pager secret"}
SLACK_PATH = "/services/T0/B0/slack-secret"


class Inbox:
    """What one receiver got; from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._messages = []

    def add(self, message):
        with self._lock:
            self._messages.append(message)

    def all(self):
        with self._lock:
            return list(self._messages)

    def clear(self):
        with self._lock:
            self._messages.clear()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.owner.take(self.path, self.headers, json.loads(body))
        answer = b"ok" if status < 300 else b"refused"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Mail:
    """A mail server in a thread of its own: EHLO, AUTH PLAIN, MAIL, RCPT, DATA, QUIT."""

    def __init__(self, inbox):
        self._inbox = inbox
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        def say(line):
            writer.write(f"{line}\r\n".encode())

        known, recipients = False, []
        say("220 double")
        while line := (await reader.readline()).decode(errors="replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                say("250-double\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                known = self._knows(line.split(" ")[-1])
                say("235 welcome" if known else "535 wrong password")
            elif verb == "RCPT":
                recipients.append(line.split(":", 1)[1].strip("<> "))
                say("250 ok" if known else "530 who are you?")
            elif verb == "DATA":
                say("354 go on")
                self._inbox.add((recipients, await self._message(reader)))
                recipients = []
                say("250 ok")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
        writer.close()

    @staticmethod
    def _knows(credentials):
        return base64.b64decode(credentials).split(b"\0")[-1] == SECRETS["smtp_password"].encode()

    @staticmethod
    async def _message(reader):
        lines = []
        while (line := await reader.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)


class Doubles:
    """A context with all of them; slack, pagerduty, sms, phone and mail are the inboxes."""

    def __enter__(self):
        self.slack, self.pagerduty, self.sms, self.phone, self.mail = (Inbox() for _ in range(5))
        self.refused = Inbox()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()
        self._mail_server = Mail(self.mail)
        return self

    def __exit__(self, *_):
        self._mail_server.stop()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def inboxes(self):
        return {name: getattr(self, name) for name in ("slack", "pagerduty", "sms", "phone", "mail", "refused")}

    @property
    def addresses(self):
        url = f"http://127.0.0.1:{self._http.server_port}"
        return Receivers(
            pagerduty=f"{url}/v2/enqueue",
            pager=f"{url}/pager",
            smtp=self._mail_server.address,
            secrets={"slack_url": f"{url}{SLACK_PATH}", **SECRETS},
        )

    def take(self, path, headers, message):
        """One message that came by HTTP; the status of the answer."""
        if path == SLACK_PATH:
            self.slack.add(message)
            return 200
        if path == "/v2/enqueue" and message["routing_key"] == SECRETS["pagerduty_key"]:
            self.pagerduty.add(message)
            return 202
        inbox = {"/pager/sms": self.sms, "/pager/phone": self.phone}.get(path)
        if inbox and headers["Authorization"] == f"Bearer {SECRETS['pager_token']}":
            inbox.add(message)
            return 200
        self.refused.add((path, message))
        return 403
