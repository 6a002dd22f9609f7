"""A container's probes put to work: what follows from each answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet import probes
from drillbook.sandbox.kubelet.probes import Look, Pace
from drillbook.sandbox.kubelet.process import StartError

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container


@contextmanager
def watch(container: Container) -> Iterator[None]:
    """Probe a container while the block runs. Without a startup probe it has started at once; without a readiness
    probe it is ready as soon as it has started."""
    group = _Probing(container)
    group.begin()
    try:
        yield
    finally:
        group.end()


class _Probing:
    def __init__(self, container: Container) -> None:
        self.container = container
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        startup = self.container.spec.get("startupProbe")
        if startup:
            self._follow("Startup", startup, self._has_started, self._startup_failed)
        else:
            self._has_started()

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _has_started(self) -> None:
        if self.container.started:
            return
        self.container.started = True
        self.container.has_started.set()
        readiness = self.container.spec.get("readinessProbe")
        liveness = self.container.spec.get("livenessProbe")
        if readiness:
            self._follow("Readiness", readiness, lambda: self._set_ready(True), lambda: self._set_ready(False))
        else:
            self.container.ready = True
        if liveness:
            self._follow("Liveness", liveness, lambda: None, lambda: self._restart("failed liveness probe"))
        if self.container.spec.get("startupProbe"):
            self._tasks[0].cancel()
            self.container.worker.changed()

    def _startup_failed(self) -> None:
        self._restart("failed startup probe")

    def _set_ready(self, ready: bool) -> None:
        if self.container.ready != ready:
            self.container.ready = ready
            self.container.worker.changed()

    def _restart(self, because: str) -> None:
        self.end()  # one failure, one restart
        self.container.worker.in_background(self.container.restart(because))

    def _follow(self, name: str, probe: Object, on_well: Callable[[], None], on_unwell: Callable[[], None]) -> None:
        def failed(message: str) -> None:
            self.container.say("warning", "Unhealthy", f"{name} probe failed: {message}")

        pace = Pace.of(probe)
        following = probes.follow(
            pace,
            _look(self.container, probe, pace.timeout),
            eager=name != "Liveness",
            on_well=on_well,
            on_unwell=on_unwell,
            on_failure=failed,
        )
        self._tasks.append(asyncio.create_task(following, name=f"{name} probe of {self.container.name}"))


def _look(container: Container, probe: Object, timeout: float) -> Look:
    """How to look once. A port that the container doesn't name is what every look finds wrong."""

    async def look() -> str | None:
        await container.worker.awake.wait()
        host = container.worker.pod["status"]["podIP"]
        try:
            if http := probe.get("httpGet"):
                return await probes.http(host, port_of(container.spec, http["port"]), http, timeout)
            if tcp := probe.get("tcpSocket"):
                return await probes.tcp(str(tcp.get("host") or host), port_of(container.spec, tcp["port"]), timeout)
        except StartError as error:
            return str(error)
        if command := probe.get("exec"):
            return await _command(container, list(command["command"]), timeout)
        return None  # of a kind that the sandbox doesn't speak (gRPC): it can't be judged, so it stands in nobody's way

    return look


async def _command(container: Container, command: list[str], timeout: float) -> str | None:
    try:
        code, said = await container.execute(command, timeout)
    except StartError as error:
        return f'command "{" ".join(command)}": {error}'
    except TimeoutError:
        return f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s'
    return None if code == 0 else said


def port_of(spec: Object, port: int | str) -> int:
    """The number of a port that may be given by name. Raises StartError when the container has none of that name."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    for named in spec.get("ports") or ():
        if named.get("name") == port:
            return int(named["containerPort"])
    raise StartError(f'a probe or hook names the port "{port}", and the container has none of that name')
