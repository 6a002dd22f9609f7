"""``requirements.yaml`` into Requirements, and the check that no policy claims to answer a row that there isn't."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from drillbook.model.requirements import Requirements, Row
from drillbook.policy.document import shown
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems, described, nearest
from drillbook.policy.section import Section, refuse_repeats
from drillbook.policy.sources import read_lines

FILE: Final = "requirements.yaml"
"""Beside ``policy.yaml``; a system of one's own may do without."""
LIMIT_KEYS: Final = ("id", "lines", "kind", "nature", "about", "value")
PROCEDURE_KEYS: Final = ("id", "lines", "about")


def load_requirements(system_dir: Path) -> Requirements | None:
    """The rows of a system's runbook; None where it has no such file. Raises ConfigError with every problem."""
    path = system_dir / FILE
    if not path.exists() and not path.is_symlink():
        return None
    problems = Problems(shown(path))
    keys = ("apiVersion", "kind", "limits", "procedures")
    top = open_top(path, "list of requirements", "Requirements", keys, problems)
    limits, procedures = top.children("limits", LIMIT_KEYS), top.children("procedures", PROCEDURE_KEYS)
    refuse_repeats([*limits, *procedures], "id")
    found = Requirements(path, tuple(map(_limit, limits)), tuple(map(_procedure, procedures)))
    problems.settle()
    return found


def _limit(one: Section) -> Row:
    return Row(
        id=one.name("id"),
        lines=_lines(one),
        about=one.text("about"),
        kind=one.text("kind"),
        nature=one.text("nature"),
        value=one.literal("value", "the value as the runbook states it") or "",
    )


def _procedure(one: Section) -> Row:
    return Row(id=one.name("id"), lines=_lines(one), about=one.text("about"))


def _lines(one: Section) -> tuple[int, int]:
    if one.get("lines") is None:
        one.missing("lines", "the first and the last line that say so, such as [12, 20]")
    return read_lines(one) or (1, 1)


def check_covers(top: Section, requirements: Requirements | None) -> None:
    """Record each row that an entry of the policy says it covers and that the runbook doesn't have.

    Objectives answer limits, procedures answer procedures, and a drill can answer either.
    """
    if requirements is None:
        return
    limits = [row.id for row in requirements.limits]
    procedures = [row.id for row in requirements.procedures]
    rows = {"objectives": limits, "procedures": procedures, "drills": [*limits, *procedures]}
    for kind, known in rows.items():
        node = top.get(kind)
        entries = node.value if isinstance(node, yaml.SequenceNode) else ()
        for number, entry in enumerate(entries):
            for path, row in _covered(entry, f"{kind}[{number}]"):
                if not isinstance(row, yaml.ScalarNode) or row.value not in known:
                    name = row.value if isinstance(row, yaml.ScalarNode) else described(row)
                    sentence = f"{shown(requirements.path)} has no row {name!r} for {kind}{_near(name, known)}"
                    top.problems.add(row, path, sentence)


def _covered(entry: yaml.Node, path: str) -> list[tuple[str, yaml.Node]]:
    """The items of an entry's ``covers``, as far as it has the right shape: reading the entry tells the rest."""
    pairs = entry.value if isinstance(entry, yaml.MappingNode) else ()
    for key, value in pairs:
        if isinstance(key, yaml.ScalarNode) and key.value == "covers" and isinstance(value, yaml.SequenceNode):
            return [(f"{path}.covers[{number}]", item) for number, item in enumerate(value.value)]
    return []


def _near(name: str, known: list[str]) -> str:
    """The nearest name, and nothing where none is near: a list of a hundred helps nobody."""
    hint = nearest(name, known)
    return hint if "did you mean" in hint else ""
