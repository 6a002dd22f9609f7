"""``drillbook demo``: the whole arrow at once, on a system that it starts on this machine and takes down again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from drillbook.errors import ConfigError

if TYPE_CHECKING:
    from drillbook.model.environment import Environment
    from drillbook.model.policy import DrillPlan, Policy
    from drillbook.model.verdict import Waiver
    from drillbook.report.recorder import Recorder

LOAD_RATE: Final = 10.0
"""Requests per second of the traffic that runs behind the drills: enough to be seen, too little to matter."""
LOAD_SECONDS: Final = 300.0
"""When that traffic ends by itself; the demo ends it before."""
LOAD_ANSWER_SECONDS: Final = 3.0
RECOVERY_SECONDS: Final = 60.0
"""How long a drill waits for a recovery: here it takes seconds, whatever the runbook allows."""
DRILLS_SHOWN: Final = 2


class Narrator:
    """Says on standard error what is being done, with the seconds since the demo's start."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self._begun:6.1f} s  {text}", err=True)


@click.command()
@click.argument("system", default="solar")
@click.option("--keep", is_flag=True, help="Leave the system running, to look around in it.")
@click.option("--sandbox", help="Name of the sandbox to start; default: SYSTEM-demo.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), help="Where reports go.")
def demo(system: str, keep: bool, sandbox: str | None, reports: Path | None) -> int:
    """Start SYSTEM on this machine, check it against its runbook, drill it, show the report, take it down.

    Needs no cluster, no Docker and no root. Exit code 0: every limit held, and every drill recovered in the documented
    time with nothing acknowledged lost.
    """
    from drillbook.checking import asked_in, load_system
    from drillbook.report.recorder import recording
    from drillbook.report.terminal import show

    say = Narrator()
    name = sandbox or f"{system}-demo"
    policy, where, waivers = load_system(system, "sandbox", name)
    drills = " and ".join(plan.id for plan in _shown(policy)) or "nothing"
    count = len(asked_in(policy, where))
    say(f"{policy.title}: start it here, check {count} objectives, drill {drills}; under a minute")
    with recording("demo", policy, where, reports, on_end=show) as run, _sandbox(system, name, keep, say):
        _check(run, policy, where, waivers, say)
        _drill(run, policy, where, waivers, say)
    code: int = run.exit_code
    return code


@contextmanager
def _sandbox(system: str, name: str, keep: bool, say: Narrator) -> Iterator[None]:
    """The system, running; gone afterwards whatever happens, unless it is to be kept."""
    from drillbook.report.recorder import undisturbed
    from drillbook.sandbox import lifecycle

    if any(record.name == name for record in lifecycle.running()):
        raise ConfigError(
            f"a sandbox called {name} runs already, and the demo breaks and removes its own: expected none; take it "
            f"down with `drillbook sandbox down {name}`, or give this one another name with --sandbox"
        )
    say("starting the sandbox, about 5 s")
    up = lifecycle.up(system, name, leash=None if keep else os.getpid(), on_progress=_progress(say))
    try:
        for place in up.record.listens:
            if not place["what"].startswith("service "):
                say(f"{place['what']}: {place['address']}")
        yield
    finally:
        if keep:
            say(f"the sandbox {name} stays: take it down with `drillbook sandbox down {name}`")
        else:
            with undisturbed():
                lifecycle.down(name)
                say("the sandbox is down, nothing is left of it")


def _tell(say: Narrator, drill: str, text: str) -> None:
    say(f"{drill}: {text}")


def _progress(say: Narrator) -> Any:
    """Tells of the pods as they become Ready, in a few lines and not in fifty."""
    told = -1

    def hear(news: dict[str, Any]) -> None:
        nonlocal told
        ready, pods = news.get("pods_ready"), news.get("pods")
        if ready is not None and pods and ready * 4 // pods > told:
            told = ready * 4 // pods
            say(f"{ready} of {pods} pods Ready")

    return hear


def _check(run: Recorder, policy: Policy, where: Environment, waivers: tuple[Waiver, ...], say: Narrator) -> None:
    """Every objective of the policy."""
    from collections import Counter

    from drillbook.checking import Selection, check_objectives
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.judge import waiver_report

    choice = Selection().choose(policy, where)
    say(f"checking {len(choice.objectives)} objectives, about 6 s")
    verdicts = check_objectives(policy, where, waivers, choice.objectives)
    run.add_verdicts(verdicts)
    run.add_not_asked(choice.not_asked)
    run.add_waivers(waiver_report(verdicts, waivers, SYSTEM_CLOCK.now().date()).as_json())
    say(", ".join(f"{number} {status}" for status, number in Counter(v.status for v in verdicts).items()))


def _shown(policy: Policy) -> tuple[DrillPlan, ...]:
    """The policy's first drills: all of them would take minutes."""
    return policy.drills[:DRILLS_SHOWN]


def _drill(run: Recorder, policy: Policy, where: Environment, waivers: tuple[Waiver, ...], say: Narrator) -> None:
    """The drills that are shown, with traffic behind them."""
    from drillbook.drills.drill import run_drill
    from drillbook.drills.plan import Order
    from drillbook.load.observing import summed_up
    from drillbook.load.plan import plan_load
    from drillbook.load.running import LoadProcess

    plan = plan_load(policy, where, LOAD_RATE, LOAD_SECONDS, LOAD_ANSWER_SECONDS)
    say(f"sending {LOAD_RATE:g} requests per second in the background")
    with LoadProcess(plan, run.folder) as load:
        try:
            for drill in _shown(policy):
                say(f"drill {drill.id}, about 15 s")
                # What was checked last, a moment ago, is the steady state of what comes now.
                steady = run.drills[-1].objectives_after if run.drills else run.verdicts
                order = Order(
                    policy, where, waivers, drill, run.folder, run.id, RECOVERY_SECONDS, confirmed=True, steady=steady
                )
                run_drill(order, partial(_tell, say, drill.id), run.add_drill)
        finally:
            run.add_load(summed_up(load.stop()))
