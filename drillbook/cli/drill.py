"""``drillbook drill``: break something on purpose, watch the recovery, judge it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drillbook.errors import ConfigError

if TYPE_CHECKING:
    from drillbook.cli.game_day import Lines, Screen
    from drillbook.drills.plan import Order
    from drillbook.judge.control import ControlArm
    from drillbook.model.drill import DrillResult
    from drillbook.model.environment import Environment
    from drillbook.model.policy import DrillPlan, Policy
    from drillbook.model.verdict import Waiver
    from drillbook.report.recorder import Recorder


@click.command()
@click.argument("system")
@click.argument("drill", required=False)
@click.option("--all", "all_drills", is_flag=True, help="Every drill of the system's policy, one after the other.")
@click.option("--list", "list_all", is_flag=True, help="Only say which drills, experiments and faults there are.")
@click.option("--environment", "-e", default="sandbox", show_default=True, help="Where: environments/NAME.yaml.")
@click.option("--sandbox", help="Drill the sandbox of this name instead of the environment's own.")
@click.option("--dry-run", is_flag=True, help="Pass the guard and print what would be touched; touch nothing.")
@click.option("--confirm", metavar="SYSTEM", help="Name the system once more, for anything that is not a sandbox.")
@click.option("--production", is_flag=True, help="Production is meant, and not by mistake.")
@click.option("--control", is_flag=True, help="First the same fault without the procedure: does it heal by itself?")
@click.option(
    "--manual", is_flag=True, help="People follow the procedure, step by step on a screen; Drillbook does none of it."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    help="Seconds to wait for the recovery, where the documented time is longer.  [default: 120; by hand 3600]",
)
def drill(
    system: str,
    drill: str | None,
    all_drills: bool,
    list_all: bool,
    environment: str,
    sandbox: str | None,
    dry_run: bool,
    confirm: str | None,
    production: bool,
    control: bool,
    manual: bool,
    timeout: float | None,
) -> int:
    """Run DRILL of SYSTEM: inject its fault, watch the recovery, judge it, undo it.

    Exit code 0: recovered in the documented time with nothing lost; 1: it was not so; 3: something was not seen; 4: the
    drill was refused or aborted, or its undo failed; 130: stopped by hand, after the undo.
    """
    from drillbook.checking import load_system

    policy, where, waivers = load_system(system, environment, sandbox)
    if list_all:
        return _list(policy, where)
    plans = _chosen(policy, drill, all_drills)
    if manual:
        plans = tuple(replace(plan, recovery="manual") for plan in plans)
    orders = tuple(_order(policy, where, waivers, plan, timeout) for plan in plans)
    if dry_run:
        return _rehearse(orders)
    confirmed = _confirmed(policy, where, plans, confirm)
    return _run(tuple(replace(order, confirmed=confirmed, production=production) for order in orders), control)


def _order(
    policy: Policy, where: Environment, waivers: tuple[Waiver, ...], plan: DrillPlan, timeout: float | None
) -> Order:
    """What is asked for, but for the run that it will be part of."""
    from drillbook.drills.manual import MANUAL_SECONDS
    from drillbook.drills.plan import DEFAULT_TIMEOUT, Order

    usual = MANUAL_SECONDS if plan.recovery == "manual" else DEFAULT_TIMEOUT
    return Order(policy, where, waivers, plan, Path(), "rehearsal", usual if timeout is None else timeout)


def _list(policy: Policy, where: Environment) -> int:
    from drillbook.cli.drill_list import listed

    for line in listed(policy, where):
        click.echo(line)
    return 0


def _chosen(policy: Policy, drill: str | None, all_drills: bool) -> tuple[DrillPlan, ...]:
    from drillbook.drills.plan import drill_plan
    from drillbook.errors import NothingSelected

    if all_drills == (drill is not None):
        known = ", ".join(plan.id for plan in policy.drills) or "none"
        raise ConfigError(f"expected one DRILL or --all; the drills of {policy.system} are {known}")
    if drill is not None:
        return (drill_plan(policy, drill),)
    if not policy.drills:
        raise NothingSelected(f"{policy.path} has no drills, and nothing drilled is never a pass")
    return policy.drills


def _confirmed(policy: Policy, where: Environment, plans: tuple[DrillPlan, ...], named: str | None) -> bool:
    """Whether a person named the system; nobody is asked for a sandbox, which is there to be broken."""
    from drillbook.model.environment import EnvironmentClass

    if where.environment_class is EnvironmentClass.SANDBOX:
        return True
    if named is not None or not sys.stdin.isatty():
        return named == policy.system
    names = ", ".join(plan.id for plan in plans)
    question = f"This breaks {policy.title} in {where.name} ({where.environment_class}): {names}. Type its name"
    answer: str = click.prompt(f"{question} ({policy.system}) to go on", default="", show_default=False, err=True)
    return answer.strip() == policy.system


def _rehearse(orders: tuple[Order, ...]) -> int:
    """Print, for each drill, what the guard found and which objects would be touched."""
    from drillbook.drills.drill import rehearse

    for order in orders:
        cleared = rehearse(replace(order, confirmed=True, production=True), _narrator())
        click.echo(f"{order.plan.id}: nothing is touched; a drill would touch")
        for target in cleared.choice.chosen:
            click.echo(f"  {target.kind} {target.namespace}/{target.name} (UID {target.uid})")
        for sentence in (*cleared.looked_at, *cleared.choice.left_out):
            click.echo(f"  {sentence}")
    return 0


def _run(orders: tuple[Order, ...], control: bool) -> int:
    from drillbook.drills.control import run_control
    from drillbook.drills.drill import run_drill
    from drillbook.report.recorder import recording
    from drillbook.report.terminal import show

    policy, where, waivers = orders[0].policy, orders[0].environment, orders[0].waivers
    with recording("drill", policy, where) as run, _people(orders) as person:
        say = person.say if person else _to_standard_error
        run.add_waivers(_became_of(waivers, run))
        for ordered in orders:
            order, name = replace(ordered, folder=run.folder, run_id=run.id), ordered.plan.id
            arm = run_control(order, _narrator(f"{name}-control", say)) if control else None
            if arm is None or arm.undone:
                run_drill(order, _narrator(name, say), _keeping(run, arm), person=person)
            if (arm and not arm.undone) or not run.drills[-1].undone:
                run.add_problem(f"the undo of {name} is not finished: no other drill is begun")
                break
        run.add_waivers(_became_of(waivers, run))
    show(run)
    return int(run.exit_code)


def _people(orders: tuple[Order, ...]) -> AbstractContextManager[Screen | Lines | None]:
    """Somebody at a screen, where people are to recover the system."""
    from drillbook.cli.game_day import game_day

    return game_day() if any(order.plan.recovery == "manual" for order in orders) else nullcontext()


def _keeping(run: Recorder, arm: ControlArm | None) -> Callable[[DrillResult], None]:
    """Keeps a drill's result, held against its control arm where there was one."""
    from drillbook.judge.control import against

    return lambda result: run.add_drill(against(arm, result) if arm else result)


def _became_of(waivers: tuple[Waiver, ...], run: Recorder) -> dict[str, Any]:
    """What became of the waivers, by what was judged last after the drills so far."""
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.judge import waiver_report

    judged = {v.objective.id: v for drill in run.drills for v in drill.objectives_after}
    return waiver_report(judged.values(), waivers, SYSTEM_CLOCK.now().date()).as_json()


def _to_standard_error(text: str) -> None:
    click.echo(text, err=True)


def _narrator(name: str = "", say: Callable[[str], None] = _to_standard_error) -> Callable[[str], None]:
    """Says what is done, with the seconds since the start."""
    begun = time.monotonic()
    prefix = f"{name} " if name else ""

    def narrate(text: str) -> None:
        say(f"{prefix}{time.monotonic() - begun:6.1f} s  {text}")

    return narrate
