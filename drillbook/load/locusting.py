"""Where Locust meets Drillbook: its options, its users, and the exit code at its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import gevent
from locust import User, constant, events, task

from drillbook import places
from drillbook.checking import load_system
from drillbook.errors import ConfigError, DrillbookError
from drillbook.judge import apply_waivers
from drillbook.load.arrivals import Arrivals
from drillbook.load.observing import judge_load, summed_up
from drillbook.load.plan import LoadPlan
from drillbook.load.shots import Shot, ShotWriter
from drillbook.orphans import end_with
from drillbook.report.outcome import outcome

PLAN: Final = "DRILLBOOK_LOAD_PLAN"
"""A file with the plan, where a parent process has worked it out already."""
RECORD: Final = "DRILLBOOK_LOAD_RECORD"
"""A file to keep every request in; the parent process judges, and this one only sends."""
LEASH: Final = "DRILLBOOK_LOAD_LEASH"
"""The process id of the parent: when it is gone, this process ends too."""


class Session:
    """One load test in this process, from Locust's start to its end."""

    def __init__(self, plan: LoadPlan, record: Path | None) -> None:
        self.plan = plan
        self.shots: list[Shot] = []
        self.arrivals: Arrivals | None = None
        self.writer = ShotWriter(record) if record else None
        self._ending = False

    def all_sent(self, runner: Any) -> None:
        """A plan with an end of its own ends Locust, in a greenlet that is none of the users that end with it."""
        if self.plan.seconds is not None and not self._ending:
            self._ending = True
            gevent.spawn(runner.quit)


_sessions: dict[int, Session] = {}
"""By the id of Locust's environment: Locust hands that, and nothing else, to everybody."""


class Caller(User):
    """Takes the next arrival when it is due. More users take arrivals at a higher rate; none waits for an answer."""

    wait_time = constant(0)

    @task  # type: ignore[untyped-decorator,unused-ignore]
    def next_arrival(self) -> None:
        session = _sessions[id(self.environment)]
        if session.arrivals is None or not session.arrivals.take():
            session.all_sent(self.environment.runner)
            gevent.sleep(0.2)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def _options(parser: Any) -> None:
    group = parser.add_argument_group("Drillbook")
    add = group.add_argument
    add("--system", env_var="DRILLBOOK_SYSTEM", default="", help="the system to press; default: the sandbox's own")
    add("--environment", env_var="DRILLBOOK_ENVIRONMENT", default="sandbox", help="where it runs")
    add("--sandbox", default="", help="another sandbox than the environment's own (else $DRILLBOOK_SANDBOX)")
    add("--rate", env_var="DRILLBOOK_RATE", type=float, default=20.0, help="arrivals per second")


@events.init.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def _prepare(environment: Any, **_: Any) -> None:
    _leash()
    given = os.environ.get(RECORD)
    try:
        plan = _plan(environment.parsed_options)
    except DrillbookError as error:
        print(f"drillbook: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    _sessions[id(environment)] = Session(plan, Path(given) if given else None)


@events.test_start.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def _start(environment: Any, **_: Any) -> None:
    session = _sessions[id(environment)]

    def report(shot: Shot) -> None:
        session.shots.append(shot)
        if session.writer:
            session.writer.write(shot)
        method, _, path = shot.route.partition(" ")
        environment.events.request.fire(
            request_type=method,
            name=path,
            response_time=shot.took * 1000,
            response_length=0,
            exception=RuntimeError(shot.problem or f"HTTP {shot.status}") if shot.failed else None,
            context={},
        )

    seconds = session.plan.seconds or environment.parsed_options.run_time
    session.arrivals = Arrivals(session.plan, float(seconds) if seconds else None, report)


@events.quitting.add_listener  # type: ignore[untyped-decorator,unused-ignore]
def _finish(environment: Any, **_: Any) -> None:
    session = _sessions[id(environment)]
    if session.arrivals:
        session.arrivals.settle()
    if session.writer:
        session.writer.close()
        environment.process_exit_code = 0
        return
    environment.process_exit_code = _judge(session)


def _judge(session: Session) -> int:
    """Print what the objectives came to; the exit code for it."""
    plan = session.plan
    policy, _, waivers = load_system(plan.system, plan.environment, plan.sandbox)
    now = datetime.now(UTC)
    judged = apply_waivers(judge_load(policy, plan, session.shots, now), waivers, now.date())
    for verdict in judged:
        print(f"drillbook: {verdict.status.upper()} {verdict.id}: {verdict.reason}")
    if not judged:
        print(f"drillbook: {plan.system} has no objective on the latency or the errors of what was sent")
    return int(outcome((), (), summed_up(session.shots, judged)).exit_code)


def _plan(options: Any) -> LoadPlan:
    """The plan that a parent has made, else one made in a process of its own: no asyncio under gevent."""
    if given := os.environ.get(PLAN):
        return LoadPlan.from_json(Path(given).read_text(encoding="utf-8"))
    system = options.system or _running_system(options.sandbox or os.environ.get("DRILLBOOK_SANDBOX", ""))
    command = [sys.executable, "-m", "drillbook.load.plan", system]
    command += ["--environment", options.environment, "--rate", str(options.rate)]
    command += ["--sandbox", options.sandbox] if options.sandbox else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no plan could be made"]
        raise _as_said(lines[-1].removeprefix("drillbook: "), done.returncode)
    return LoadPlan.from_json(done.stdout)


def _as_said(sentence: str, code: int) -> DrillbookError:
    error = DrillbookError(sentence)
    error.exit_code = type(error.exit_code)(code) if code in set(type(error.exit_code)) else error.exit_code
    return error


def _running_system(sandbox: str) -> str:
    """The system of the sandbox that runs (or of the one named). Raises ConfigError when there isn't exactly one."""
    found = {}
    for state in sorted(places.state_root().glob("*/sandbox.json")):
        if not sandbox or state.parent.name == sandbox:
            found[state.parent.name] = str(json.loads(state.read_text(encoding="utf-8"))["system"])
    if len(found) != 1:
        running = ", ".join(found) or "none"
        raise ConfigError(f"expected --system NAME or $DRILLBOOK_SYSTEM; running sandboxes to take it from: {running}")
    return next(iter(found.values()))


def _leash() -> None:
    """End with the process that started this one, even when it is killed."""
    if LEASH in os.environ and not end_with(int(os.environ[LEASH]), signal.SIGTERM):
        sys.exit(0)
