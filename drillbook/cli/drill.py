"""``drillbook drill``: break something on purpose, watch the recovery, judge it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from drillbook.errors import ConfigError

if TYPE_CHECKING:
    from drillbook.drills.plan import Order
    from drillbook.judge.control import ControlArm
    from drillbook.model.drill import DrillResult
    from drillbook.model.environment import Environment
    from drillbook.model.policy import DrillPlan, Policy
    from drillbook.model.verdict import Waiver
    from drillbook.report.recorder import Recorder

TIMEOUT_SECONDS = 120.0


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
    "--timeout",
    type=click.FloatRange(min=1),
    default=TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for the recovery, where the documented time is longer.",
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
    timeout: float,
) -> int:
    """Run DRILL of SYSTEM: inject its fault, watch the recovery, judge it, undo it.

    Exit code 0: recovered in the documented time with nothing lost; 1: it was not so; 3: something was not seen; 4: the
    drill was refused, or its undo failed; 130: stopped by hand, after the undo.
    """
    from drillbook.checking import load_system

    policy, where, waivers = load_system(system, environment, sandbox)
    if list_all:
        return _list(policy, where)
    plans = _chosen(policy, drill, all_drills)
    if dry_run:
        return _rehearse(policy, where, waivers, plans, timeout)
    confirmed = _confirmed(policy, where, plans, confirm)
    return _run(policy, where, waivers, plans, timeout, confirmed, production, control)


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


def _rehearse(
    policy: Policy, where: Environment, waivers: tuple[Waiver, ...], plans: tuple[DrillPlan, ...], timeout: float
) -> int:
    """Print, for each drill, what the guard found and which objects would be touched."""
    from pathlib import Path

    from drillbook.drills.drill import rehearse
    from drillbook.drills.plan import Order

    for plan in plans:
        order = Order(policy, where, waivers, plan, Path(), "rehearsal", timeout, confirmed=True, production=True)
        cleared = rehearse(order, _narrator())
        click.echo(f"{plan.id}: nothing is touched; a drill would touch")
        for target in cleared.choice.chosen:
            click.echo(f"  {target.kind} {target.namespace}/{target.name} (UID {target.uid})")
        for sentence in (*cleared.looked_at, *cleared.choice.left_out):
            click.echo(f"  {sentence}")
    return 0


def _run(
    policy: Policy,
    where: Environment,
    waivers: tuple[Waiver, ...],
    plans: tuple[DrillPlan, ...],
    timeout: float,
    confirmed: bool,
    production: bool,
    control: bool,
) -> int:
    from drillbook.drills.control import run_control
    from drillbook.drills.drill import run_drill
    from drillbook.drills.plan import Order
    from drillbook.report.recorder import recording
    from drillbook.report.terminal import show

    with recording("drill", policy, where) as run:
        run.add_waivers(_became_of(waivers, run))
        for plan in plans:
            order: Order = Order(policy, where, waivers, plan, run.folder, run.id, timeout, confirmed, production)
            arm = run_control(order, _narrator(f"{plan.id}-control")) if control else None
            if arm is None or arm.undone:
                run_drill(order, _narrator(plan.id), _keeping(run, arm))
            if (arm and not arm.undone) or not run.drills[-1].undone:
                run.add_problem(f"the undo of {plan.id} is not finished: no other drill is begun")
                break
        run.add_waivers(_became_of(waivers, run))
    show(run)
    return int(run.exit_code)


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


def _narrator(name: str = "") -> Callable[[str], None]:
    """Says on standard error what is being done, with the seconds since the drill's start."""
    begun = time.monotonic()
    prefix = f"{name} " if name else ""

    def narrate(text: str) -> None:
        click.echo(f"{prefix}{time.monotonic() - begun:6.1f} s  {text}", err=True)

    return narrate
