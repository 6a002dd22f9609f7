"""Starts what an image name stands for, through the kubelet's own launcher, and without the rest of a cluster."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from drillbook.sandbox.images import resolve
from drillbook.sandbox.images.program import DATA, RUN, Program
from drillbook.sandbox.kubelet.isolation import Isolation, find_out
from drillbook.sandbox.kubelet.process import LAUNCHER, Launch

SECONDS: Final = 20.0
_HOSTS = itertools.count(1)


def address() -> str:
    """A loopback address that this test run has not used yet; runs side by side have different ones."""
    run = 200 + os.getpid() % 50
    return f"127.66.{run}.{1 + (os.getpid() // 50 + next(_HOSTS)) % 250}"


def until[Answer](look: Callable[[], Answer], what: str, seconds: float = SECONDS) -> Answer:
    """Look until the answer is true; fails with ``what`` was awaited."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)
    return answer


@dataclass
class Container:
    """One running program with its folders."""

    image: str
    folder: Path
    env: dict[str, str]
    args: Sequence[str] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def program(self) -> Program:
        """What its image starts."""
        found = resolve(self.image)
        assert found is not None
        return found

    def start(self) -> None:
        """Start it, or start it anew after it ended: the data folder is the same."""
        self.process = self._launch(self.program.command_line((), self.args), uid=self.program.uid)

    def exec(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command with the container's variables and PATH, as ``kubectl exec`` does."""
        return subprocess.run(
            ["/usr/bin/env", *command], env=self._env(), input=given, capture_output=True, timeout=SECONDS, check=False
        )

    def stop(self) -> int:
        """End it as its image asks to be ended; returns the exit code."""
        self.process.send_signal(self.program.stop_signal)
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        """SIGKILL to the program."""
        self.process.kill()
        self.process.wait(SECONDS)

    def log(self) -> str:
        """Everything that it wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _env(self) -> dict[str, str]:
        program, shims, run = self.program, self.folder / "shims", self.folder / "run"
        program.write_shims(shims)
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = {RUN: str(run)}
        data = program.data_folder({}, self.folder / "root")
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
            own[DATA] = str(data)
        path = {"PATH": f"{shims}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(self.folder)}
        return program.environment(own | self.env) | path | own | self.env

    def _launch(self, argv: Sequence[str], uid: int | None) -> subprocess.Popen[bytes]:
        isolation = kernel()
        staging = self.folder / "staging"
        staging.mkdir(exist_ok=True)
        env, inside, become = self._env(), isolation.user_of(uid), isolation.become(uid)
        if become:
            for place in (self.folder, *self.folder.rglob("*")):
                os.chown(place, *become)
        launch = Launch(argv, "/", isolation.namespaces, *inside, "test", staging, become=become)
        reading, writing = os.pipe()
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, launch.text(writing)],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                start_new_session=True,
            )
        os.close(writing)
        with os.fdopen(reading, "rb") as status:
            assert status.read() == b""
        return process


@cache
def kernel() -> Isolation:
    """What this machine's kernel allows, found out once."""
    with tempfile.TemporaryDirectory() as scratch:
        return asyncio.run(find_out(Path(scratch)))


class Containers:
    """Makes containers, and ends all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Container] = []

    def start(self, image: str, env: Mapping[str, str], *, args: Sequence[str] = ()) -> Container:
        """A new container, started, with folders of its own."""
        folder = self._folder / f"c{len(self._made)}"
        folder.mkdir()
        made = Container(image, folder, dict(env), args)
        self._made.append(made)
        made.start()
        return made

    def end(self) -> None:
        """End what still runs: everything that a container started is in its session."""
        running = [container for container in self._made if container.process.poll() is None]
        for container in running:
            container.process.send_signal(container.program.stop_signal)
        for container in running:
            try:
                container.process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(container.process.pid, signal.SIGKILL)
                container.process.wait(SECONDS)
