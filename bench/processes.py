"""Processes as a bench sees them: what they said, how long they took, and the most memory that they held."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended."""

    code: int
    seconds: float
    memory: float
    """The most that it held at any moment, in MB (10^6 bytes)."""
    output: str
    errors: str


def warm() -> dict[str, str]:
    """An environment in which Python keeps its compiled modules, as it does where somebody has installed a program."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"drillbook-bench-{os.getuid()}")}


def finished(
    command: Sequence[str], limit: float, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Finished:
    """Run ``command`` to its end; after ``limit`` seconds it is killed, and its code is then -9."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
        timer = threading.Timer(limit, process.kill)
        timer.start()
        try:
            # wait4 is the one way to learn what a single child used; RUSAGE_CHILDREN mixes all of them.
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return Finished(process.returncode, seconds, usage.ru_maxrss * 1024 / 1e6, output.read(), errors.read())


def resident(pid: int) -> float:
    """What a process holds now, in MB. RuntimeError where the system doesn't say."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError(f"no VmRSS in the status of process {pid}")
    return int(found[1]) * 1024 / 1e6
