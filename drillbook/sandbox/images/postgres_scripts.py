"""The scripts that a fresh database begins with: /docker-entrypoint-initdb.d, as the official image runs them."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from drillbook.errors import ConfigError
from drillbook.sandbox.images.postgres import binaries

FOLDER: Final = Path("/docker-entrypoint-initdb.d")
START_SECONDS: Final = 60.0


def run_scripts(cluster: Path, sockets: Path, user: str, database: str) -> None:
    """Run each file in the order of names: ``.sql`` and ``.sql.gz`` through psql, ``.sh`` by a shell.

    The server that they speak to listens on its socket alone. Raises ConfigError with what the first file that fails
    says.
    """
    files = sorted(path for path in FOLDER.iterdir() if path.is_file()) if FOLDER.is_dir() else []
    if not files:
        return
    here = {"PGHOST": str(sockets), "PGUSER": user, "PGDATABASE": database}
    with _serving(cluster, sockets):
        for path in files:
            _run(path, os.environ | here)


def _run(path: Path, env: dict[str, str]) -> None:
    psql = [str(binaries() / "psql"), "--quiet", "--no-psqlrc", "--no-password", "-v", "ON_ERROR_STOP=1"]
    if path.name.endswith(".sql"):
        command, given = [*psql, "-f", str(path)], None
    elif path.name.endswith(".sql.gz"):
        command, given = psql, gzip.decompress(path.read_bytes())
    elif path.name.endswith(".sh"):
        command, given = [str(path)] if os.access(path, os.X_OK) else ["sh", str(path)], None
    else:
        print(f"ignoring {path}", flush=True)
        return
    print(f"running {path}", flush=True)
    done = subprocess.run(command, input=given, env=env, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ConfigError(
            f"{path} ended with {done.returncode}: {said}; correct it, the database is not made without it"
        )


@contextmanager
def _serving(cluster: Path, sockets: Path) -> Iterator[None]:
    command = [str(binaries() / "postgres"), "-D", str(cluster), "-c", "listen_addresses=", "-c", "fsync=off"]
    command += ["-c", f"unix_socket_directories={sockets}"]
    # Open files are handed on, so that the data folder stays claimed for as long as this server lives.
    server = subprocess.Popen(command, stdout=sys.stderr, close_fds=False)
    try:
        _wait(server, sockets)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _wait(server: subprocess.Popen[bytes], sockets: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    asking = [str(binaries() / "pg_isready"), "--quiet", "-h", str(sockets)]
    while subprocess.run(asking, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise ConfigError("the server for the first scripts did not start; its log above says why")
        time.sleep(0.02)
