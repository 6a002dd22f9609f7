"""The seam between the API server and the kubelet: what the one asks of the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from drillbook.sandbox.kinds import Object


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What a pod's containers used, as metrics.k8s.io tells it."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    timestamp: datetime
    window_seconds: float
    containers: Mapping[str, tuple[float, int]]
    """By container name: CPU in cores (averaged over the window), working set in bytes."""


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """What all pods of a node used."""

    name: str
    labels: Mapping[str, str]
    timestamp: datetime
    window_seconds: float
    cores: float
    bytes: int
    """Working set."""


class ExecSession(Protocol):
    """A command that runs beside a container's process."""

    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    """Ends at once with a terminal: there everything comes through ``stdout``."""

    async def write(self, data: bytes) -> None:
        """To the command's standard input."""
        ...

    async def close_stdin(self) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int:
        """The exit code; 128 + n when signal n ended the command."""
        ...

    async def kill(self) -> None: ...


class NodeAgent(Protocol):
    """The kubelet of all nodes, as the API server sees it."""

    def logs(
        self,
        pod: Object,
        container: str,
        *,
        follow: bool,
        tail: int | None,
        since: datetime | None,
        previous: bool,
        timestamps: bool,
        limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:
        """A container's output in chunks. ApiError 400 when the container has not started or has no previous run."""
        ...

    async def exec(self, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> ExecSession:
        """Start a command in a running container. OSError when it can't be started."""
        ...

    def pod_usage(self) -> list[PodUsage]: ...

    def node_usage(self) -> list[NodeUsage]: ...

    async def stats_summary(self, node: str) -> Object:
        """The kubelet's ``/stats/summary`` of one node; its pods list their volumes with used and free bytes."""
        ...

    def terminate(self, pod: Object) -> None:
        """A pod was marked deleted, or taken out by force: act now."""
        ...


@runtime_checkable
class Attaches(Protocol):
    """An agent that can also join a container's own process, as ``kubectl attach`` and ``kubectl run -i`` ask."""

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        """The streams of the process that runs; ``kill`` leaves it alone. ``wait`` gives 0 once it has ended."""
        ...
