#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a service of kalki. A password comes as a file (a secret of compose or Kubernetes), so that no URL, no command line and
# no `docker inspect` shows it; libpq reads it from PGPASSWORD.
set -eu
if [ -n "${KALKI_DATABASE_PASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$KALKI_DATABASE_PASSWORD_FILE")
    export PGPASSWORD
fi
exec "$@"
