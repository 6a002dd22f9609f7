"""``drillbook explain``: one objective from the runbook's line to the last value seen."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from drillbook.model.environment import Environment
    from drillbook.model.policy import Objective, Policy

_COLUMN = 12
_LONG = 400
"""Characters of one piece of evidence; the report has all of it."""


@click.command()
@click.argument("name", metavar="SYSTEM/OBJECTIVE")
@click.option("--environment", "-e", default="sandbox", show_default=True, help="Where its limit and values are from.")
def explain(name: str, environment: str) -> int:
    """Say everything of one objective: what the runbook says, how it is measured, what was seen last.

    Looks at no system; the last values are those of the reports that are still there.
    """
    from drillbook.checking import Selection, load_system
    from drillbook.errors import ConfigError

    system, _, wanted = name.partition("/")
    if not wanted:
        raise ConfigError(f"expected SYSTEM/OBJECTIVE such as solar/api-latency, found {name!r}")
    policy, where, _ = load_system(system, environment)
    known = {objective.id for objective in policy.objectives}
    if wanted not in known:
        raise ConfigError(_unknown(policy, wanted))
    (objective,) = Selection((wanted,)).choose(policy, where).objectives
    for heading, text in _lines(policy, where, objective):
        click.echo(f"{heading.ljust(_COLUMN)}{text}")
    return 0


def _unknown(policy: Policy, wanted: str) -> str:
    from drillbook.policy.problems import nearest

    return f"{policy.path} has no objective {wanted!r}{nearest(wanted, (o.id for o in policy.objectives))}"


def _lines(policy: Policy, where: Environment, objective: Objective) -> Iterator[tuple[str, str]]:
    """Headings and texts, in the order in which a person asks."""
    yield "objective", f"{policy.system}/{objective.id}  (severity {objective.severity})"
    yield "runbook", str(objective.source)
    if objective.note:
        yield "", " ".join(objective.note.split())
    yield "limit", f"{objective.limit}, {objective.limit_from or f'{objective.file}:{objective.line}'}"
    yield "indicator", objective.indicator + (f" of {objective.component}" if objective.component else "")
    for key, value in objective.parameters.items():
        if value is not None:
            yield "", f"{key}: {value}"
    if objective.via:
        yield "via", objective.via
    yield "measured", _measured(objective)
    yield from _queries(objective)
    yield "where", f"environment {where.name} ({where.environment_class})"
    yield from _last(policy, objective)


def _measured(objective: Objective) -> str:
    """What the probe says of itself, its first paragraph."""
    from drillbook.errors import ConfigError
    from drillbook.probes.collecting import probe_of

    try:
        probe = probe_of(objective)
    except ConfigError as error:
        return str(error)
    said = inspect.getdoc(getattr(probe, "func", probe)) or ""
    return " ".join(said.partition("\n\n")[0].split()) or "the probe says nothing of itself"


def _queries(objective: Objective) -> Iterator[tuple[str, str]]:
    """What is sent to a database."""
    from drillbook.errors import ConfigError
    from drillbook.probes.collecting import probe_of
    from drillbook.probes.queries import queries_of

    try:
        found = queries_of(probe_of(objective))
    except ConfigError:
        return
    for number, query in enumerate(found):
        yield "" if number else "query", query


def _last(policy: Policy, objective: Objective) -> Iterator[tuple[str, str]]:
    from drillbook.places import reports_root
    from drillbook.report.history import last_values
    from drillbook.report.numbers import text

    root = reports_root()
    found = last_values(root, f"{policy.system}/{objective.id}")
    if not found:
        yield "last values", f"none in {root}: drillbook check {policy.system} --only {objective.id} sees one"
    for number, (moment, verdict) in enumerate(found):
        yield "" if number else "last values", text(f"{moment}  {verdict['status']:<12}  {verdict['text']}")
    if found:
        yield from _evidence(found[0][1])


def _evidence(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the newest value was made of: a query to Prometheus, counts, answers."""
    import json

    from drillbook.report.numbers import text

    yield "where", text(verdict.get("where") or "")
    for number, (name, value) in enumerate((verdict.get("evidence") or {}).items()):
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield "" if number else "evidence", text(f"{name}: {said if len(said) <= _LONG else said[:_LONG] + ' ...'}")
