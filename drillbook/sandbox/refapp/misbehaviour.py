"""What the switches do to a process: slow and wrong answers, leaked connections, a busy processor, filled memory."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
from typing import Final

from drillbook.sandbox.refapp.database import Database
from drillbook.sandbox.refapp.http import HttpError
from drillbook.sandbox.refapp.switches import Switches

CHUNK: Final = 16 * 1024 * 1024
PAGE: Final = 4096
BURN: Final = """
import os, sys, time
share, parent = float(sys.argv[1]), int(sys.argv[2])
began = time.monotonic()
while os.getppid() == parent:
    if time.process_time() < share * (time.monotonic() - began):
        for _ in range(20_000):
            pass
    else:
        time.sleep(0.005)
"""
"""Runs in processes of its own, so that the service answers on; it ends with its parent."""


class Misbehaviour:
    """The switches as they stand, and what they hold."""

    def __init__(self, database: Database | None) -> None:
        self.switches = Switches()
        self._database = database
        self._owed = 0.0
        """Errors that are due: the ratio adds up until it makes a whole one."""
        self._burning: list[subprocess.Popen[bytes]] = []
        self._memory: list[bytearray] = []

    async def apply(self, wanted: Switches) -> None:
        """Make it so; returns once connections and memory are really held.

        Raises DatabaseUnavailable when a connection that should be held can't be opened.
        """
        before, self.switches = self.switches, wanted
        if before.error_ratio != wanted.error_ratio:
            self._owed = 0.0
        if before.burn_cores != wanted.burn_cores:
            self._burn(wanted.burn_cores)
        if before.hold_bytes != wanted.hold_bytes:
            await asyncio.to_thread(self._fill, wanted.hold_bytes)
        if self._database:
            await self._database.hold(wanted.hold_connections)

    async def before_answer(self) -> None:
        """What an API request goes through first: the delay, and HttpError when its turn has come."""
        if self.switches.delay_seconds:
            await asyncio.sleep(self.switches.delay_seconds)
        self._owed += self.switches.error_ratio
        # A tenth added ten times falls a little short of one.
        if self._owed >= 1 - 1e-9:
            self._owed -= 1
            status = self.switches.error_status
            headers = {"Retry-After": "1"} if status in {429, 503} else {}
            raise HttpError(status, "told to fail by the switch error_ratio", headers)

    def stop(self) -> None:
        """End the processes that burn."""
        self._burn(0)

    def _burn(self, cores: float) -> None:
        for process in self._burning:
            process.kill()
            process.wait()
        shares = [min(1.0, cores - number) for number in range(math.ceil(cores))]
        self._burning = [
            subprocess.Popen([sys.executable, "-I", "-S", "-c", BURN, str(share), str(os.getpid())]) for share in shares
        ]

    def _fill(self, size: int) -> None:
        held = sum(len(chunk) for chunk in self._memory)
        if size < held:
            self._memory.clear()
            held = 0
        while held < size:
            chunk = bytearray(min(CHUNK, size - held))
            # Memory counts once each of its pages was written to.
            for start in range(0, len(chunk), PAGE):
                chunk[start] = 1
            self._memory.append(chunk)
            held += len(chunk)
