# SPDX-License-Identifier: Apache-2.0
"""An authority that issues certificates to servers and clients, made by the openssl command, valid for a day."""

import subprocess
from pathlib import Path
from typing import NamedTuple

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]


class Identity(NamedTuple):
    """Files in PEM."""

    certificate: Path
    key: Path


class Authority:
    def __init__(self, folder, name):
        self._folder = folder
        self._name = name
        self._own = self._make(name, "basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign")

    @property
    def certificate(self):
        return self._own.certificate

    def server(self, host):
        """For a server that is reached under `host`, such as "IP:127.0.0.1" or "DNS:a.test"."""
        return self._issue(f"server {host}", f"subjectAltName={host}", "extendedKeyUsage=serverAuth")

    def client(self, name):
        return self._issue(f"client {name}", "extendedKeyUsage=clientAuth")

    def _issue(self, name, *extensions):
        issuer = ["-CA", self._own.certificate, "-CAkey", self._own.key]
        return self._make(f"{self._name} {name}", "basicConstraints=critical,CA:false", *extensions, issuer=issuer)

    def _make(self, name, *extensions, issuer=()):
        file = "".join(letter if letter.isalnum() else "-" for letter in name)
        made = Identity(self._folder / f"{file}.pem", self._folder / f"{file}.key.pem")
        output = ["-out", made.certificate, "-keyout", made.key]
        command = ["openssl", "req", "-x509", "-days", "1", "-subj", f"/CN={name}", *KEY, *issuer, *output]
        for extension in extensions:
            command += ["-addext", extension]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"openssl makes no certificate for {name}:\n{done.stdout}")
        return made
