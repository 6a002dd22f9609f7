"""One container of a pod: started, probed, restarted with growing waits, stopped with grace."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.sandbox.images.program import Program
from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet import backoff, hooks, last_words, preparing, probing, process, processes
from drillbook.sandbox.kubelet.attaching import Streams
from drillbook.sandbox.kubelet.logs import LogFile
from drillbook.sandbox.kubelet.process import Process, StartError
from drillbook.sandbox.kubelet.surroundings import CONTAINER_MARK, Surroundings
from drillbook.sandbox.store import timestamp

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.pod_worker import PodWorker


class Container:
    """Runs one container until its pod ends or its restart policy says that it is done."""

    def __init__(self, worker: PodWorker, spec: Object, *, init: bool = False) -> None:
        self.worker, self.spec, self.init = worker, spec, init
        self.name: str = spec["name"]
        self.state: Object = {"waiting": {"reason": "PodInitializing" if worker.has_init else "ContainerCreating"}}
        self.last_state: Object = {}
        self.restarts = 0
        self.ready = False
        self.has_started = asyncio.Event()
        """Set once its startup probe, if any, was passed for the first time."""
        self.started = False
        self.id = ""
        self.process: Process | None = None
        self.commands: list[Process] = []
        """Commands that run beside its program: what they use is its use too."""
        self.surroundings: Surroundings | None = None
        self.log: LogFile | None = None
        self.previous_log: LogFile | None = None
        self.streams: Streams | None = None
        self.stopping = False
        self.killed_because: str | None = None
        self._backoff = backoff.BackOff()
        self._space: str | None = None
        self._program: Program | None = None
        self.folder: Path = worker.folder / f"{'i' if init else 'c'}{worker.index_of(spec)}"

    @property
    def policy(self) -> str:
        """``Always``, ``OnFailure`` or ``Never``; init containers run until they succeed."""
        own = self.spec.get("restartPolicy")
        pods = str(self.worker.pod["spec"].get("restartPolicy", "Always"))
        if own:
            return str(own)
        return ("Never" if pods == "Never" else "OnFailure") if self.init else pods

    @property
    def exit_code(self) -> int | None:
        """How the last run ended, when none is on and none will follow by itself."""
        ended = self.state.get("terminated")
        return int(ended["exitCode"]) if ended else None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    async def run(self) -> None:
        """Run, and run again as the policy says."""
        while not self.stopping:
            await self.worker.awake.wait()
            if self.stopping:
                return
            began = asyncio.get_running_loop().time()
            await self._run_once()
            ran = asyncio.get_running_loop().time() - began
            if self.stopping or not self._runs_again():
                return
            wait = self._backoff.failed(ran)
            if wait:
                await self._wait_for_restart(wait)
            self.restarts += 1

    async def stop(self, grace_seconds: float) -> None:
        """preStop hook, the image's stop signal, and SIGKILL when the grace is over."""
        self.stopping = True
        if not self.running or self.process is None:
            return
        self.say("normal", "Killing", f"Stopping container {self.name}")
        await self._end(self.process, grace_seconds)

    def signal_stop(self) -> None:
        """The image's stop signal, to its program."""
        if self.process is not None:
            self.process.signal(self._program.stop_signal if self._program else signal.SIGTERM)

    def kill(self, because: str | None = None) -> None:
        """SIGKILL to everything in it, now."""
        if self.process is not None and self.process.running:
            self.killed_because = because
            self.process.kill()

    async def restart(self, because: str) -> None:
        """A liveness probe failed: end this run; ``run`` starts the next one."""
        if self.process is None or not self.process.running:
            return
        self.say("normal", "Killing", f"Container {self.name} {because}, will be restarted")
        await self._end(self.process, float(self.worker.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    async def execute(self, command: list[str], timeout: float) -> tuple[int, str]:
        """Run a command in the container; returns its exit code and what it said. Raises StartError, TimeoutError."""
        said = bytearray()
        beside = await process.start(self.beside(command), self.env, lambda _, data: said.extend(data))
        try:
            async with asyncio.timeout(timeout):
                code = await asyncio.shield(beside.exited)
                await asyncio.shield(beside.closed)
        finally:
            beside.kill()
        return code, bytes(said[:10_000]).decode(errors="replace").strip()

    def beside(self, command: list[str], *, terminal: bool = False) -> process.Launch:
        """How to start a command beside the container's program. Raises StartError when that doesn't run."""
        if self.surroundings is None or self.process is None or not self.process.running:
            raise StartError(f"container {self.name} is not running")
        own = self.surroundings.launch
        return process.Launch(
            argv=command,
            folder=own.folder,
            isolated=own.isolated,
            uid=own.uid,
            gid=own.gid,
            hostname=own.hostname,
            staging=own.staging,
            become=own.become,
            join=self.process.pid if own.isolated else 0,
            terminal=terminal,
        )

    @property
    def env(self) -> dict[str, str]:
        """The variables that its program was started with."""
        return self.surroundings.env if self.surroundings else {}

    def close(self) -> None:
        """The pod is gone: let go of its files."""
        for kept in (self.log, self.previous_log):
            if kept is not None:
                kept.end()

    def open_log(self) -> None:
        """The log of the next run; the one before becomes the previous log. OSError when it can't be made."""
        fresh = LogFile(self.folder / f"{self.restarts}.log")
        if self.previous_log is not None and self.previous_log.path != fresh.path:
            self.previous_log.discard()
        self.previous_log, self.log = self.log, fresh
        if self.previous_log is not None:
            self.previous_log.end()

    def waits(self, reason: str, message: str) -> None:
        """Tell what the container waits for."""
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.worker.changed()

    def say(self, type_: str, reason: str, message: str) -> None:
        """An event about this container."""
        kind = "initContainers" if self.init else "containers"
        self.worker.say(type_, reason, message, field=f"spec.{kind}{{{self.name}}}")

    async def _run_once(self) -> None:
        self._program = await preparing.until_image(self)
        surroundings = await preparing.until_configured(self, self._program)
        if surroundings is None or self.log is None:
            return
        self.surroundings = surroundings
        self.say("normal", "Created", f"Created container: {self.name}")
        try:
            self.streams = Streams(self.spec, self.log)
            self.process = await self.streams.start(surroundings.launch, surroundings.env)
        except StartError as error:
            message = f"failed to create task: OCI runtime create failed: {error}"
            self.say("warning", "Failed", f"Error: {message}")
            self._ended(128, "StartError", message, timestamp())
            return
        self._space = processes.space(self.process.pid)
        began = timestamp()
        if self.stopping:  # the pod was deleted while we were at it
            self.process.kill()
        await hooks.post_start(self)
        self.say("normal", "Started", f"Started container {self.name}")
        self.state = {"running": {"startedAt": began}}
        with probing.watch(self):
            self.worker.changed()
            code = await self.process.exited
        self._clear_away()
        self.started = self.ready = False
        reason = self.killed_because or ("Completed" if code == 0 else "Error")
        self.killed_because = None
        code = 137 if reason == "OOMKilled" else code
        self._ended(code, reason, await last_words.of(self, code), began)

    async def _end(self, running: Process, grace_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_seconds
        await hooks.pre_stop(self, grace_seconds)
        self.signal_stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - loop.time())):
                await asyncio.shield(running.exited)
                return
        running.kill()
        await running.exited

    def _clear_away(self) -> None:
        """What the program left behind dies with it, as in a container."""
        if self.process is not None:
            self.process.kill()
        for command in self.commands:
            command.kill()
        self.commands.clear()
        for orphan in self.leftovers(self.worker.orphans()):
            processes.kill_tree(orphan)
        if self.log is not None and self.process is not None:
            ended = self.log
            self.process.closed.add_done_callback(lambda _: ended.end())

    def leftovers(self, orphans: Sequence[int]) -> list[int]:
        """Of the daemon's orphans those in the container: what a command left in the background."""
        return [orphan for orphan in orphans if self._is_ours(orphan)]

    def _is_ours(self, pid: int) -> bool:
        """By its mount space, or where it shares the host's, by its mark: programs may overwrite their environment."""
        own = self.surroundings is not None and self.surroundings.launch.isolated
        if own and self._space:
            return processes.space(pid) == self._space
        return processes.variable(pid, CONTAINER_MARK) == self.id

    def _runs_again(self) -> bool:
        if self.policy == "Always":
            return True
        return self.policy == "OnFailure" and self.exit_code != 0

    async def _wait_for_restart(self, wait: float) -> None:
        meta = self.worker.pod["metadata"]
        where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        self.waits(
            "CrashLoopBackOff", f"back-off {backoff.text(wait)} restarting failed container={self.name} pod={where}"
        )
        self.say("warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {where}")
        await asyncio.sleep(wait)

    def _ended(self, code: int, reason: str, message: str, began: str) -> None:
        ended: Object = {
            "exitCode": code,
            "reason": reason,
            "startedAt": began,
            "finishedAt": timestamp(),
            "containerID": f"drillbook://{self.id}",
        }
        if message:
            ended["message"] = message
        self.last_state, self.state = {"terminated": ended}, {"terminated": ended}
        self.worker.changed()
