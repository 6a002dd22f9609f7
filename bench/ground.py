"""What measurements stand on: a sandbox that several of them share, and cycles of starting and ending one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.api import Api
from bench.fleet.comparing import Comparison, compare
from drillbook.places import sandbox_dir

SYSTEM = "solar"
NAMESPACE = "solar-pv-llm-ai"
CYCLES = 5


@dataclass
class Cycle:
    """One start and one end, in seconds."""

    up: float
    down: float


@dataclass
class Ground:
    """Everything is started when it is first asked for; ``leave`` ends what is up."""

    name: str = field(default_factory=lambda: f"bench-{os.getpid()}")
    _cycles: list[Cycle] = field(default_factory=list)
    _api: Api | None = None
    _fleet: Comparison | None = None

    def cycles(self) -> list[Cycle]:
        """Several starts and ends, measured once for all who ask."""
        while len(self._cycles) < CYCLES:
            name = f"{self.name}-{len(self._cycles)}"
            up = _seconds("up", SYSTEM, "--name", name, "--quiet", "--leash", str(os.getpid()))
            self._cycles.append(Cycle(up, _seconds("down", "--name", name)))
        return self._cycles

    def api(self) -> Api:
        """The API of a sandbox that stays up for all measurements that ask."""
        if self._api is None:
            _seconds("up", SYSTEM, "--name", self.name, "--quiet", "--leash", str(os.getpid()))
            self._api = Api(Path(self.record()["kubeconfig"]))
        return self._api

    def fleet(self) -> Comparison:
        """A thousand objectives, ours and theirs, compared once for all who ask."""
        if self._fleet is None:
            self._fleet = compare()
        return self._fleet

    def record(self) -> dict[str, Any]:
        """What the sandbox says of itself: its ``sandbox.json``."""
        found: dict[str, Any] = json.loads((sandbox_dir(self.name) / "sandbox.json").read_text())
        return found

    def leave(self) -> None:
        """End the shared sandbox."""
        if self._api is not None:
            self._api.close()
            self._api = None
            _seconds("down", "--name", self.name)


def _seconds(*arguments: str) -> float:
    """How long a ``drillbook sandbox`` command takes, as its user waits for it. RuntimeError when it fails."""
    started = time.perf_counter()
    command = [str(Path(sys.executable).with_name("drillbook")), "sandbox", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    took = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"drillbook sandbox {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return took
