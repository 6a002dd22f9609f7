"""``drillbook policy``: what a policy says of itself, before any system is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from drillbook.model.policy import Policy
    from drillbook.policy.coverage import Answered, Coverage
    from drillbook.policy.lint.finding import Finding

_FORMAT = click.option(
    "--format", "format_", type=click.Choice(("terminal", "json")), default="terminal", help="json for machines."
)


@click.group()
def policy() -> None:
    """How much of each runbook its policy answers, and where a runbook contradicts itself."""


@policy.command("coverage")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@_FORMAT
def coverage_command(systems: tuple[str, ...], format_: str) -> int:
    """Count the rows of each runbook that its policy answers, and list those that it doesn't.

    Exit code 0: every row is answered; 1: one is missing.
    """
    from drillbook.errors import NothingSelected
    from drillbook.places import system_dir, system_names
    from drillbook.policy.coverage import coverage
    from drillbook.policy.requirements import load_requirements

    found = []
    for name in systems or system_names():
        folder = system_dir(name)
        requirements = load_requirements(folder)
        if requirements is not None:
            found.append(coverage(name, requirements, _policy_of(name)))
        elif systems:
            raise NothingSelected(f"{name} has no requirements.yaml, so there are no rows to count: expected {folder}")
    if not found:
        raise NothingSelected("no system here has a requirements.yaml, so there are no rows to count")
    if format_ == "json":
        click.echo(json.dumps([_coverage_json(one) for one in found], indent=1))
    else:
        _show_coverage(found)
    return int(any(one.missing for one in found))


@policy.command("lint")
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@_FORMAT
def lint_command(systems: tuple[str, ...], format_: str) -> int:
    """Find where a runbook contradicts itself, computed from the entries of its policy.

    Exit code 0: nothing contradicts; 1: something does.
    """
    from drillbook.errors import NothingSelected
    from drillbook.places import system_dir, systems_with_policy
    from drillbook.policy.lint import lint
    from drillbook.policy.requirements import load_requirements

    found = {}
    for name in systems or systems_with_policy():
        policy = _policy_of(name)
        if policy is None:
            raise NothingSelected(f"{name} has no policy.yaml, so there is nothing to compare")
        found[name] = lint(policy, load_requirements(system_dir(name)))
    if format_ == "json":
        click.echo(json.dumps({name: [_finding_json(f) for f in each] for name, each in found.items()}, indent=1))
    else:
        _show_findings(found)
    return int(any(found.values()))


def _policy_of(name: str) -> Policy | None:
    from drillbook.places import system_dir
    from drillbook.policy import load_policy

    path = system_dir(name) / "policy.yaml"
    return load_policy(path) if path.exists() else None


def _show_coverage(found: list[Coverage]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from drillbook.policy.coverage import Answer
    from drillbook.report.terminal import terminal

    console = terminal()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("system")
    kinds = (Answer.OBSERVED, Answer.PARAMETERISED, Answer.ATTESTED, Answer.DRILLED, Answer.DOCUMENT_ONLY)
    for heading in ("limits", *kinds[:3], "missing", "procedures", *kinds[3:], "missing"):
        table.add_column(str(heading), justify="right")
    for one in found:
        counts = [one.count(kind) for kind in kinds]
        lost = [sum(a.answer is Answer.MISSING for a in rows) for rows in (one.limits, one.procedures)]
        cells = [len(one.limits), *counts[:3], lost[0], len(one.procedures), *counts[3:], lost[1]]
        table.add_row(one.system, *map(str, cells))
    console.print(table)
    for one in found:
        for answered in one.missing:
            console.print(Text(f"MISSING {_missing_line(one, answered)}"), soft_wrap=True)
    for one in found:
        if one.without_probe:
            said = f"{one.system}: {len(one.without_probe)} observed objectives are of AWS, which has no probe yet"
            console.print(Text(said, style="dim"), soft_wrap=True)
    limits = sum(len(one.limits) for one in found)
    console.print(f"{sum(one.accounted_for for one in found)} of {limits} accounted for")


def _missing_line(one: Coverage, answered: Answered) -> str:
    row = answered.row
    what = "limit" if row.kind else "procedure"
    value = f" {row.value}" if row.value else ""
    because = f": {answered.reason}" if answered.reason else ""
    document = one.document or "the runbook"
    return f"{one.system}/{row.id} ({what}), {document}:{row.span}: {row.about}{value}{because}"


def _coverage_json(one: Coverage) -> dict[str, Any]:
    return {
        "system": one.system,
        "document": one.document,
        "accounted_for": one.accounted_for,
        "limits": [_answered_json(answered) for answered in one.limits],
        "procedures": [_answered_json(answered) for answered in one.procedures],
        "without_probe": list(one.without_probe),
    }


def _answered_json(answered: Answered) -> dict[str, Any]:
    row = answered.row
    return {
        "id": row.id,
        "lines": list(row.lines),
        "about": row.about,
        "answer": str(answered.answer),
        "by": list(answered.by),
        "reason": answered.reason,
    }


def _show_findings(found: Mapping[str, Sequence[Finding]]) -> None:
    for name, each in found.items():
        count = len(each)
        click.echo(f"{name}: {count or 'no'} conflict{'' if count == 1 else 's'}")
        for finding in each:
            click.echo(f"  {finding.rule}: {finding.sentence}")
            for side in finding.sides:
                click.echo(f"    {side}")


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {"rule": finding.rule, "sentence": finding.sentence, "sides": list(finding.sides)}
