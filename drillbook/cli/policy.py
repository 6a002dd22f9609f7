"""``drillbook policy``: what a policy says of itself, before any system is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

    from drillbook.model.policy import Policy
    from drillbook.policy.coverage import Answer, Answered, Coverage
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
    """Count the rows of each runbook that its policy answers, limits and procedures, and list those that it doesn't.

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
    """Find where a runbook contradicts itself or another, computed from the entries of the policies.

    Exit code 0: nothing contradicts; 1: something does.
    """
    from drillbook.errors import NothingSelected
    from drillbook.places import system_dir, systems_with_policy
    from drillbook.policy.lint import lint, lint_between
    from drillbook.policy.lint.expressions import misleading, untried
    from drillbook.policy.requirements import load_requirements

    found, policies = {}, []
    for name in dict.fromkeys(systems or systems_with_policy()):
        policy = _policy_of(name)
        if policy is None:
            raise NothingSelected(f"{name} has no policy.yaml, so there is nothing to compare")
        policies.append(policy)
        found[name] = (*lint(policy, load_requirements(system_dir(name))), *misleading(policy))
        if left_out := untried(policy):
            click.echo(left_out, err=True)
    if len(policies) > 1:
        found["between runbooks"] = lint_between(policies)
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
    from rich.text import Text

    from drillbook.policy.coverage import Answer
    from drillbook.report.terminal import terminal

    console = terminal()
    of_limits = (Answer.OBSERVED, Answer.PARAMETERISED, Answer.ATTESTED, Answer.MISSING)
    console.print(_counted("limits", {one.system: one.limits for one in found}, of_limits))
    of_procedures = (Answer.DRILLED, Answer.STEPS, Answer.DOCUMENT_ONLY, Answer.MISSING)
    console.print(_counted("procedures", {one.system: one.procedures for one in found}, of_procedures))
    for one in found:
        for answered in one.missing:
            console.print(Text(f"MISSING {_missing_line(one, answered)}"), soft_wrap=True)
    for one in found:
        if one.without_probe:
            said = f"{one.system}: {len(one.without_probe)} observed objectives are of AWS, which has no probe yet"
            console.print(Text(said, style="dim"), soft_wrap=True)
    rows = {
        "limits": [answered for one in found for answered in one.limits],
        "procedures": [answered for one in found for answered in one.procedures],
    }
    counts = (f"{sum(a.answer is not Answer.MISSING for a in each)} of {len(each)} {w}" for w, each in rows.items())
    console.print(f"{' and '.join(counts)} accounted for")


def _counted(heading: str, found: Mapping[str, Sequence[Answered]], answers: Sequence[Answer]) -> Table:
    """A row for each system: how many there are, and how many are answered in each way."""
    from collections import Counter

    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("system", min_width=14)
    for name in (heading, *answers):
        table.add_column(str(name), justify="right", min_width=10)
    for system, rows in found.items():
        counts = Counter(answered.answer for answered in rows)
        table.add_row(system, *map(str, (len(rows), *(counts[answer] for answer in answers))))
    return table


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
