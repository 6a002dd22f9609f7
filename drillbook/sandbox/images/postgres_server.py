"""What ``postgres`` images start: the official image's entry point, on this machine's PostgreSQL.

On an empty data folder it makes a cluster as POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB say; then it becomes the
server, which listens on $POD_IP:5432 and on a socket in $DRILLBOOK_RUN. fsync stays on: a database that loses its
power must keep what it acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Final, NoReturn

from drillbook.errors import ConfigError, DrillbookError
from drillbook.sandbox.images.postgres import binaries
from drillbook.sandbox.images.postgres_scripts import run_scripts
from drillbook.sandbox.images.program import DATA, RUN
from drillbook.sandbox.images.tools import become

DATA_PATH: Final = PurePosixPath("/var/lib/postgresql/data")
HALF_MADE: Final = ".half-made"
"""Where in a data folder its cluster is made; one that still has it was interrupted, and is made anew."""

OLD_SERVER_SECONDS: Final = 10.0
"""How long the processes of a killed predecessor may take to notice, before the folder counts as in use."""

FIRST_NORMAL_OID: Final = 16384
"""Where PostgreSQL begins to number what its users make."""
SETTINGS: Final = {
    "max_connections": "100",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Below the data folder, not in /dev/shm, where a killed server would leave them for good.
    "dynamic_shared_memory_type": "mmap",
}


def main(arguments: Sequence[str]) -> NoReturn:
    """Run what a container of a postgres image runs; another program than the server is simply started."""
    if arguments and arguments[0] != "postgres" and not arguments[0].startswith("-"):
        become(arguments)
    options = [argument for argument in arguments if argument != "postgres"]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        data = data_folder()
        sockets = run_folder()
        _claim(data)
        if not (data / "PG_VERSION").exists():
            make_cluster(data, sockets)
    except DrillbookError as error:
        sys.exit(f"Error: {error}")
    os.environ["PGDATA"] = str(data)
    address = os.environ.get("POD_IP") or "*"
    server = [str(binaries() / "postgres"), "-D", str(data)]
    become([*server, "-c", f"listen_addresses={address}", "-c", f"unix_socket_directories={sockets}", *options])


def data_folder() -> Path:
    """The real folder of $PGDATA: the part below the image's data path, put below $DRILLBOOK_DATA. It is made.

    Raises ConfigError for another path: it would be one of the machine's own.
    """
    wanted = PurePosixPath(os.environ.get("PGDATA") or DATA_PATH)
    root = os.environ.get(DATA)
    if not root or not wanted.is_relative_to(DATA_PATH) or ".." in wanted.parts:
        raise ConfigError(f"PGDATA: expected {DATA_PATH} or a folder below it, where the volume is, found {wanted}")
    folder = Path(root) / wanted.relative_to(DATA_PATH)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"the data folder {wanted} can't be made at {folder}: {error.strerror}") from error
    return folder


def run_folder() -> Path:
    """The private folder of the server's socket: its mode is what keeps others away from a socket that trusts."""
    folder = Path(os.environ.get(RUN) or f"/tmp/postgres-{os.getpid()}")  # noqa: S108 - short; made private below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def make_cluster(data: Path, scratch: Path) -> None:
    """Fill an empty data folder: a cluster, its superuser with a password, its database, pg_stat_statements,
    and what the first scripts add.

    It is made in a folder of its own and moved up, so that being killed on the way leaves nothing that looks whole.
    Raises ConfigError when the folder holds something else, or the environment names no password.
    """
    making = data / HALF_MADE
    if any(data.iterdir()) and not making.exists():
        raise ConfigError(f"the data folder {data} holds files but no database cluster; empty it, or mount another one")
    user = _given("POSTGRES_USER") or "postgres"
    password = _given("POSTGRES_PASSWORD")
    method = _given("POSTGRES_HOST_AUTH_METHOD") or "scram-sha-256"
    if not password and method != "trust":
        raise ConfigError(
            "the database is not initialised and no superuser password is given; set POSTGRES_PASSWORD to a non-empty "
            "value, or POSTGRES_HOST_AUTH_METHOD=trust to let everyone in"
        )
    _empty(data)
    _initdb(making, user, password)
    _number_as_users_objects(making)
    database = _given("POSTGRES_DB") or user
    extension = "CREATE EXTENSION pg_stat_statements;\n"
    create = "" if database == "postgres" else f"CREATE DATABASE {_quoted(database)};\n"
    _single_user(making, "template1", extension + create)
    _single_user(making, "postgres", extension)
    # Settings come last: a cluster that gathers statistics from the start would hold those of its own making.
    with (making / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
    with (making / "pg_hba.conf").open("a", encoding="utf-8") as rules:
        rules.write(f"\nhost all all all {method}\n")
    run_scripts(making, scratch, user, database)
    for entry in making.iterdir():
        shutil.move(entry, data / entry.name)
    making.rmdir()


def _initdb(folder: Path, user: str, password: str | None) -> None:
    # The password goes through a pipe, so that it is neither in a file nor in the list of processes.
    reading, writing = os.pipe()
    os.write(writing, f"{password or 'unused'}\n".encode())
    os.close(writing)
    command = [str(binaries() / "initdb"), "-D", str(folder), "-U", user, f"--pwfile=/dev/fd/{reading}"]
    command += ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]
    command += ["--auth-local=trust", "--auth-host=scram-sha-256"]
    # From the first moment: initdb's own servers may be killed too, and what they have in /dev/shm would stay.
    command += [f"--set=dynamic_shared_memory_type={SETTINGS['dynamic_shared_memory_type']}"]
    command += (_given("POSTGRES_INITDB_ARGS") or "").split()
    try:
        os.set_inheritable(reading, True)
        done = _run(command)
    finally:
        os.close(reading)
    if done.returncode != 0:
        raise ConfigError(f"initdb ended with {done.returncode} for {folder}: {done.stderr.strip()}")


def _number_as_users_objects(folder: Path) -> None:
    """What is made from now on gets numbers beyond those of initdb's own objects.

    A server without a postmaster would go on with those, and pg_dump leaves out an extension that has one of them.
    """
    done = _run([str(binaries() / "pg_resetwal"), f"--next-oid={FIRST_NORMAL_OID}", "-D", str(folder)])
    if done.returncode != 0:
        raise ConfigError(f"the numbers of objects in {folder} could not be set: {done.stderr.strip()}")


def _single_user(folder: Path, database: str, statements: str) -> None:
    # No server to wait for and to stop again; nothing of it need be on disk before the folder is moved in.
    command = [str(binaries() / "postgres"), "--single", "-D", str(folder), "-c", "fsync=off", "-j", database]
    # With -j a statement ends at a semicolon followed by an empty line.
    script = statements.replace(";\n", ";\n\n")
    done = _run(command, script)
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise ConfigError(f"database {database} could not be prepared in {folder}: {done.stderr.strip()}")


def _run(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    # Open files are handed on: where this process is killed, the folder stays claimed until its child has ended too.
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, close_fds=False)


def _claim(data: Path) -> None:
    """Hold the data folder for as long as this server or one of its processes lives.

    PostgreSQL's own lock is a process number in postmaster.pid, which after a kill may have become somebody else's;
    a container is spared that by having its own numbers. This lock dies with its holders, so that once it is had, the
    file is a leftover.
    """
    handle = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + OLD_SERVER_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise ConfigError(f"another server is running on {data}; wait until it has stopped") from error
            time.sleep(0.05)
    os.set_inheritable(handle, True)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _given(name: str) -> str | None:
    """A variable, or the content of the file that ``NAME_FILE`` names."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name)
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise ConfigError(f"{name}_FILE names {file}, which can't be read: {error.strerror}") from error


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
