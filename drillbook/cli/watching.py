"""``drillbook check --watch``: the same check again and again, for a screen on the wall."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from drillbook.checking import Choice
    from drillbook.model.environment import Environment
    from drillbook.model.policy import Policy
    from drillbook.model.run import Run
    from drillbook.model.verdict import Waiver


def watch(
    policy: Policy,
    environment: Environment,
    waivers: tuple[Waiver, ...],
    choice: Choice,
    every: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Check every ``every`` seconds until Ctrl-C; returns the exit code of the last round that came to its end.

    A terminal is wiped and written anew; a file or a pipe gets a line for each round, and one for each objective that
    needs a person. Nothing is kept on disk: a wall would fill it.
    """
    code = 0
    try:
        while True:
            begun = time.monotonic()
            found = one_round(policy, environment, waivers, choice)
            code = int(found.exit_code)
            _show(found)
            sleep(max(0.0, every - (time.monotonic() - begun)))
    except KeyboardInterrupt:
        click.echo("drillbook: watched until interrupted", err=True)
        return code


def one_round(policy: Policy, environment: Environment, waivers: tuple[Waiver, ...], choice: Choice) -> Run:
    """One check, as a run that nobody keeps."""
    from drillbook.checking import check_objectives
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.judge import waiver_report
    from drillbook.model.run import Run
    from drillbook.report.outcome import outcome
    from drillbook.report.recorder import versions

    started = SYSTEM_CLOCK.now()
    verdicts = check_objectives(policy, environment, waivers, choice.objectives)
    came_to = outcome(verdicts)
    return Run(
        id="watch",
        command="check --watch",
        system=policy.system,
        title=policy.title,
        environment=environment.name,
        environment_class=environment.environment_class.value,
        started=started,
        finished=SYSTEM_CLOCK.now(),
        status=came_to.status.value,
        exit_code=came_to.exit_code,
        versions=versions(),
        verdicts=verdicts,
        waivers=waiver_report(verdicts, waivers, SYSTEM_CLOCK.now().date()).as_json(),
        not_asked=choice.not_asked,
    )


def _show(found: Run) -> None:
    from drillbook.judge import waiver_lines
    from drillbook.report import encode, headline
    from drillbook.report.terminal import summary, terminal

    document = encode.run(found)
    moment = f"{found.finished:%Y-%m-%d %H:%M:%S}Z"
    if sys.stdout.isatty():
        console = terminal()
        console.clear()
        console.print(f"{moment}  every round anew, Ctrl-C ends")
        console.print(summary(document, None, console))
        return
    click.echo(f"{moment} {headline.word(document)}: {headline.sentence(document)}")
    for verdict in headline.judged(document):
        if verdict["status"] in {"fail", "inconclusive"}:
            click.echo(f"{moment} {verdict['status']} {verdict['id']}: {verdict['reason']}")
    for line in waiver_lines(document["waivers"]):
        click.echo(f"{moment} {line}")
