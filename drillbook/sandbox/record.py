"""``sandbox.json``: what is known of a running sandbox from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from drillbook.places import sandbox_dir, state_root
from drillbook.sandbox.kubeconfig import write_private
from drillbook.sandbox.kubelet import processes

FILE: Final = "sandbox.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One sandbox."""

    name: str
    system: str
    id: str
    pid: int
    """The daemon; while it is being started, whoever starts it."""
    pid_started: int | None
    api: str = ""
    network: str = ""
    kubeconfig: str = ""
    ca: str = ""
    cluster_uid: str = ""
    isolation: str = ""
    """A sentence on how containers are kept apart."""
    isolated: bool = True
    """Whether they have name spaces of their own."""
    ready: bool = False
    listens: list[dict[str, Any]] = field(default_factory=list)
    """What listens where, for a person: ``{"what", "address", "hint"}`` each."""

    @property
    def state(self) -> Path:
        return sandbox_dir(self.name)

    @property
    def running(self) -> bool:
        """Whether its daemon runs; another process that got the same id by chance doesn't count."""
        return processes.is_running(self.pid, self.pid_started)

    def write(self, folder: Path) -> None:
        """Put it into the state folder."""
        write_private(folder / FILE, (json.dumps(asdict(self), indent=2) + "\n").encode())


def read(name: str) -> Record | None:
    """The record of the sandbox called ``name``; None when there is none, or no sound one."""
    try:
        told = json.loads((sandbox_dir(name) / FILE).read_text(encoding="utf-8"))
        return Record(**told)
    except (OSError, ValueError, TypeError):
        return None


def names() -> Iterator[str]:
    """Every sandbox that has a state folder."""
    root = state_root()
    if root.is_dir():
        yield from sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
