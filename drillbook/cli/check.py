"""``drillbook check``: hold a running system to every limit that its runbook documents."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from drillbook.model.environment import Environment
    from drillbook.model.policy import Objective
    from drillbook.model.verdict import Verdict


@click.command()
@click.argument("system")
@click.option(
    "--environment", "-e", default="sandbox", show_default=True, help="Where to look: environments/NAME.yaml."
)
@click.option("--sandbox", help="Look at the sandbox of this name instead of the environment's own.")
@click.option(
    "--only", multiple=True, metavar="WORD", help="An objective's id, an indicator, a tag or a severity; repeatable."
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Look at this cluster instead of the environment's own.",
)
@click.option(
    "--format", "format_", type=click.Choice(("terminal", "json")), default="terminal", help="json prints run.json."
)
@click.option(
    "--since", metavar="WHEN", help="Look back to WHEN (2h, 2026-11-21T09:00Z) where the policy names a window."
)
@click.option("--watch", "watching", is_flag=True, help="Check again and again until Ctrl-C; writes no report.")
@click.option(
    "--every", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Seconds between rounds of --watch."
)
def check(
    system: str,
    environment: str,
    sandbox: str | None,
    only: tuple[str, ...],
    kubeconfig: Path | None,
    format_: str,
    since: str | None,
    watching: bool,
    every: float,
) -> int:
    """Check SYSTEM against its runbook and write a report.

    Every objective is observed once, all of them at the same time, then judged. Exit code 0: all pass (or are waived);
    1: a limit is broken; 3: something could not be told, or the system can't be reached; 5: --only names nothing.
    """
    from drillbook.checking import Selection, check_objectives, load_system
    from drillbook.clock import SYSTEM_CLOCK
    from drillbook.judge import waiver_report
    from drillbook.policy.looking_back import looking_back, looks_back
    from drillbook.report.recorder import recording

    policy, where, waivers = load_system(system, environment, sandbox, kubeconfig)
    choice = Selection(only).choose(policy, where)
    if since is not None:
        choice = replace(choice, objectives=looking_back(choice.objectives, since, SYSTEM_CLOCK.now()))
    objectives = choice.objectives
    if watching:
        from drillbook.cli.watching import watch

        if format_ == "json":
            raise click.UsageError("--watch writes for people: expected it without --format json")
        return watch(policy, where, waivers, choice, every)
    with recording("check", policy, where) as run:
        run.add_not_asked(choice.not_asked)
        if since is not None:
            asked = ", ".join(objective.id for objective in objectives if looks_back(objective))
            run.add_problem(f"--since {since}: looked back to then instead of over the policy's own windows: {asked}")
        with _progress(policy.title, where, objectives) as on_progress:
            verdicts = check_objectives(policy, where, waivers, objectives, on_progress=on_progress)
        run.add_waivers(waiver_report(verdicts, waivers, SYSTEM_CLOCK.now().date()).as_json())
        run.add_verdicts(verdicts)
        if shared := _one_problem(verdicts):
            run.add_problem(f"nothing could be observed: {shared}")
    if format_ == "json":
        click.echo((run.folder / "run.json").read_text(encoding="utf-8"), nl=False)
    else:
        from drillbook.report.terminal import show

        show(run)
    return int(run.exit_code)


@contextmanager
def _progress(title: str, where: Environment, objectives: Sequence[Objective]) -> Iterator[Callable[[str], None]]:
    """Say on standard error what is being done and about how long it takes, then count the looks that have ended."""
    from drillbook.checking import about_seconds

    live, ended, count = sys.stderr.isatty(), 0, len(objectives)
    what = f"{count} objective{'' if count == 1 else 's'} of {title} in environment {where.name}"
    click.echo(f"checking {what}, about {about_seconds(objectives, where)} s", err=True)

    def one_ended(sentence: str) -> None:
        nonlocal ended
        ended += 1
        if live:
            click.echo(f"\r\x1b[K{ended}/{count}  {sentence}"[:100], nl=False, err=True)

    try:
        yield one_ended
    finally:
        if live:
            click.echo("\r\x1b[K", nl=False, err=True)


def _one_problem(verdicts: Sequence[Verdict]) -> str:
    """The problem that kept every single objective from being observed, if it is one and the same."""
    problems = {verdict.observation.problem for verdict in verdicts}
    return problems.pop() if len(verdicts) > 1 and len(problems) == 1 else ""
