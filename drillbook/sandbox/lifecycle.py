"""Starting, asking after and ending sandboxes, from outside of them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drillbook.errors import ConfigError, Unreachable
from drillbook.places import sandbox_dir, state_root, system_dir
from drillbook.sandbox import record
from drillbook.sandbox.asking import ask
from drillbook.sandbox.kubelet import processes
from drillbook.sandbox.record import Record

LONGEST_SOCKET: Final = 107
_DEEPEST: Final = "pods/01234567-0123-0123-0123-0123456789ab/c0/run/.s.PGSQL.5432"
NEEDED_BYTES: Final = 200 * 1024 * 1024
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_GIVEN_TO_STOP: Final = 3.0

type OnProgress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Up:
    """What came of ``up``."""

    record: Record
    was_running: bool
    took_seconds: float


def up(
    system: str,
    name: str | None = None,
    *,
    leash: int | None = None,
    timeout: float = 60.0,
    keep: bool = False,
    on_progress: OnProgress | None = None,
) -> Up:
    """Start a sandbox and return when every pod is Ready; one that runs already is left as it is.

    ``on_progress`` hears of each step. Raises ConfigError for what is wrong with the call or the manifests,
    Unreachable when it doesn't come up; then, and when interrupted, nothing of it is left, unless ``keep``.
    """
    began = time.monotonic()
    name = name or system
    manifests = system_dir(system) / "manifests"
    if not manifests.is_dir():
        raise ConfigError(f"the system {system} has no manifests: expected Kubernetes YAML files in {manifests}")
    _check_name(name)
    before = record.read(name)
    if before is not None and before.running:
        if before.system != system:
            raise ConfigError(
                f"a sandbox called {name} runs already, with the system {before.system}; "
                f"give this one another --name, or take that one down"
            )
        return Up(_until_ready(before, timeout), True, time.monotonic() - began)
    if sandbox_dir(name).exists():
        down(name)
    identity = secrets.token_hex(16)
    try:
        state = _claim_state(name, system, identity)
        found = _start(name, identity, system, state, manifests, leash, timeout, keep, on_progress)
    except BaseException as error:
        # Known by its id: an interrupt may come before the claim, just after it, or while another holds the name.
        claimed = record.read(name)
        if claimed is not None and claimed.id == identity and not (keep and isinstance(error, Unreachable)):
            down(name)
        raise
    return Up(found, False, time.monotonic() - began)


def down(name: str) -> bool:
    """End a sandbox and everything that is left of it; False when there was nothing."""
    state = sandbox_dir(name)
    found = record.read(name)
    if found is None and not state.exists():
        return False
    if found is not None and found.running and found.pid != os.getpid():
        processes.kill(found.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GIVEN_TO_STOP
        while found.running and time.monotonic() < deadline:
            time.sleep(0.01)
        if found.running:
            processes.kill(found.pid)
    _sweep(state, found)
    _remove(state, found)
    return True


def running() -> Iterator[Record]:
    """Every sandbox that runs."""
    for name in record.names():
        found = record.read(name)
        if found is not None and found.running:
            yield found


def need(name: str) -> Record:
    """The record of a sandbox that runs. Raises Unreachable when it doesn't."""
    found = record.read(name)
    if found is None or not found.running or not found.api:
        raise Unreachable(
            f"no sandbox called {name} is running: expected its state in {sandbox_dir(name)}; "
            f"start it with: drillbook sandbox up {name}"
        )
    return found


def pods(found: Record) -> list[dict[str, Any]]:
    """Its pods, as its API tells them. Raises Unreachable when that doesn't answer."""
    return list(ask(found, "GET", "/api/v1/pods").need()["items"])


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} can't be the name of a sandbox: expected up to 40 small letters, digits and hyphens"
        )
    longest = len(os.fsencode(sandbox_dir(name) / _DEEPEST))
    if longest > LONGEST_SOCKET:
        raise ConfigError(
            f"the state folder {sandbox_dir(name)} is {longest - LONGEST_SOCKET} bytes too long: the unix sockets of "
            f"the sandbox's programs live below it, and their paths end at {LONGEST_SOCKET} bytes; "
            f"set DRILLBOOK_STATE to a shorter folder"
        )


def _claim_state(name: str, system: str, identity: str) -> Path:
    """The state folder, made in one step together with its record, so that of two starts at once one wins."""
    state, root = sandbox_dir(name), state_root()
    fresh = root / f".{name}-{secrets.token_hex(4)}"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if root.stat().st_uid != os.geteuid():
            raise ConfigError(
                f"the folder {root} belongs to another user, and the sandbox keeps secrets there; "
                f"set DRILLBOOK_STATE to a folder of your own"
            )
        free = shutil.disk_usage(root).free
        if free < NEEDED_BYTES:
            raise ConfigError(
                f"{root} has {free // 2**20} MiB free, and a sandbox needs {NEEDED_BYTES // 2**20} MiB; "
                f"free some, or set DRILLBOOK_STATE to a folder on another disk"
            )
        fresh.mkdir(mode=0o700)
        for folder in ("pods", "volumes", "logs"):
            (fresh / folder).mkdir()
        Record(name, system, identity, os.getpid(), processes.started_at(os.getpid())).write(fresh)
        fresh.rename(state)
    except OSError as error:
        if state.exists():
            raise ConfigError(f"the sandbox {name} is being started by another process; wait for it") from error
        raise ConfigError(
            f"the state folder {state} can't be made: {error.strerror or error}; "
            f"set DRILLBOOK_STATE to a folder that you can write to"
        ) from error
    finally:
        # Renamed, it is gone already.
        shutil.rmtree(fresh, ignore_errors=True)
    return state


def _start(
    name: str,
    identity: str,
    system: str,
    state: Path,
    manifests: Path,
    leash: int | None,
    timeout: float,
    keep: bool,
    on_progress: OnProgress | None,
) -> Record:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "drillbook.sandbox.daemon"]
    told = {
        "name": name,
        "system": system,
        "id": identity,
        "state": state,
        "manifests": manifests,
        "timeout": timeout,
        "report": writer,
    }
    command += [f"--{key}={value}" for key, value in told.items()]
    command += [f"--leash={leash}"] if leash else []
    command += ["--keep"] if keep else []
    with (state / "daemon.log").open("ab") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(writer,)
        )
    os.close(writer)
    try:
        with os.fdopen(reader, "r", encoding="utf-8") as news:
            for line in news:
                heard = json.loads(line)
                if "failed" in heard:
                    raise (ConfigError if heard.get("config") else Unreachable)(heard["failed"])
                if on_progress:
                    on_progress(heard)
                if heard.get("ready"):
                    break
        found = record.read(name)
        if found is None or not found.ready:
            raise Unreachable(f"the sandbox's daemon ended before it was ready: {_last_lines(state / 'daemon.log')}")
    except BaseException:
        if not keep:
            _stop(daemon)
        raise
    return found


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(_GIVEN_TO_STOP)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _until_ready(found: Record, timeout: float) -> Record:
    """Somebody else started it: wait until it is ready."""
    deadline = time.monotonic() + timeout
    while not found.ready:
        now = record.read(found.name)
        if now is None or not now.running:
            raise Unreachable(f"the sandbox {found.name} was being started by another process, and that failed")
        found = now
        if time.monotonic() > deadline:
            raise Unreachable(
                f"the sandbox {found.name} is up but not ready after {timeout:g} s; see {found.state}/daemon.log"
            )
        time.sleep(0.1)
    return found


def _sweep(state: Path, found: Record | None) -> None:
    """SIGKILL to every process that carries the sandbox's mark, until none is left."""
    marks = [b"DRILLBOOK_RUN=" + os.fsencode(state) + b"/"]
    if found is not None:
        marks.append(b"DRILLBOOK_SANDBOX=" + found.id.encode() + b"\0")
    for _ in range(200):
        left = list(processes.marked(*marks))
        if not left:
            return
        for pid in left:
            processes.kill(pid)
        time.sleep(0.01)


def _remove(state: Path, found: Record | None) -> None:
    from drillbook.sandbox.kubelet import volumes
    from drillbook.sandbox.leftovers import remove_shared_memory

    if found is not None and not found.isolated:
        remove_shared_memory(state)
    volumes.remove(state)


def _last_lines(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return " / ".join(lines[-3:]) or "it said nothing"
