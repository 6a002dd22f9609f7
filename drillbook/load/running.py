"""Starts Locust in a process of its own, bounded in time, and takes what it recorded."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from drillbook import places
from drillbook.errors import DrillbookError, ExitCode
from drillbook.load.plan import LoadPlan
from drillbook.load.shots import RECORD, Shot, read_shots

USERS: Final = 4
"""Takers of arrivals: enough for a thousand per second."""
_START_UP: Final = 30.0
"""Seconds that Locust may take to start, on a machine that is busy with other things."""


class LoadFailed(DrillbookError):
    """The load generator itself did not work: nothing was learned about the system."""

    exit_code = ExitCode.INCONCLUSIVE


class LoadProcess:
    """One Locust process. Use it as a context manager: however the body ends, the process has ended after it."""

    def __init__(self, plan: LoadPlan, folder: Path, users: int = USERS) -> None:
        """``folder`` gets the record of every request. The plan's ``seconds`` bound the sending: they must be set."""
        if plan.seconds is None:
            raise LoadFailed("a load that runs by itself must have an end: expected the plan's seconds to be set")
        self._plan, self._seconds, self._users = plan, plan.seconds, users
        self._record = folder / RECORD
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="drillbook-load-")

    def __enter__(self) -> LoadProcess:
        scratch = Path(self._scratch.name)
        (scratch / "plan.json").write_text(self._plan.to_json(), encoding="utf-8")
        command = [sys.executable, "-m", "locust", "-f", str(places.bundled("loadtests") / "locustfile.py")]
        command += ["--headless", "--users", str(self._users), "--spawn-rate", str(self._users)]
        command += ["--run-time", f"{math.ceil(self._seconds) + 5}s", "--only-summary", "--loglevel", "WARNING"]
        variables = {
            "DRILLBOOK_LOAD_PLAN": str(scratch / "plan.json"),
            "DRILLBOOK_LOAD_RECORD": str(self._record.absolute()),
            "DRILLBOOK_LOAD_LEASH": str(os.getpid()),
        }
        with (scratch / "log").open("wb") as log:
            # A session of its own: Ctrl-C reaches this process, which then ends the other in order.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=scratch,
                env=os.environ | variables,
                start_new_session=True,
            )
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.stop(1.0 if error[0] else None)
        finally:
            self._scratch.cleanup()

    @property
    def shots(self) -> tuple[Shot, ...]:
        """Every request that was settled by now."""
        return read_shots(self._record)

    def wait(self) -> tuple[Shot, ...]:
        """Wait until everything was sent and settled. Raises LoadFailed when Locust did not get that far."""
        if self._process is None:
            raise LoadFailed("the load generator was not started")
        patience = _START_UP + self._seconds + self._plan.timeout_seconds + 5
        try:
            code = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise LoadFailed(f"the load generator did not end within {patience:.0f} s; {self._said()}") from None
        if code:
            raise LoadFailed(f"the load generator ended with code {code}; {self._said()}")
        return self.shots

    def stop(self, patience: float | None = None) -> tuple[Shot, ...]:
        """End the sending now; the process is gone when this returns.

        ``patience``: how long requests in flight may still take, in seconds; None waits for their time-out.
        """
        patience = self._plan.timeout_seconds + 5 if patience is None else patience
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return self.shots

    def _said(self) -> str:
        lines = (Path(self._scratch.name) / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"its last words: {lines[-1]}" if lines else "it said nothing"
