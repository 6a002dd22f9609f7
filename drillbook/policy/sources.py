"""``source``: which section and line of the runbook says so. And ``severities``: the runbook's own levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import yaml

from drillbook.model.policy import Severity, SeverityLevel, Source
from drillbook.policy.problems import described, whole_number
from drillbook.policy.section import Section

LEVEL_KEYS: Final = ("severity", "response", "resolution", "source")
_ONE: Final = "a line number (a whole number above zero)"
_TWO: Final = "two line numbers such as [12, 20], the first not above the second"


def read_source(one: Section, document: str, key: str = "source") -> Source | None:
    """``{section: Key Metrics, line: 27}`` or ``{section: ..., lines: [12, 20]}``."""
    if one.get(key) is None:
        one.missing(key, "the section and line of the runbook that says so")
        return None
    inner = one.child(key, ("section", "line", "lines"))
    if inner is None:
        return None
    heading = inner.text("section")
    lines = read_lines(inner)
    if lines is None and inner.get("line") is None and inner.get("lines") is None:
        inner.missing("line", _ONE)
    return Source(document, heading, lines) if lines is not None else None


def read_lines(inner: Section) -> tuple[int, int] | None:
    """``line: 12`` or ``lines: [12, 20]`` as a first and a last line; None where neither is there."""
    one, many = inner.get("line"), inner.get("lines")
    if one is not None and many is not None:
        inner.problem("lines", "expected either line or lines, found both")
        return None
    if one is not None:
        number = whole_number(one)
        if number is None or number < 1:
            inner.problem("line", f"expected {_ONE}, found {described(one)}")
            return None
        return number, number
    if many is not None:
        return _pair(inner, many)
    return None


def _pair(inner: Section, node: yaml.Node) -> tuple[int, int] | None:
    numbers = [whole_number(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else []
    if len(numbers) == 2:
        first, last = numbers
        if first is not None and last is not None and 1 <= first <= last:
            return first, last
    found = f"a list of {len(node.value)}" if isinstance(node, yaml.SequenceNode) else described(node)
    if len(numbers) == 2:
        found = f"[{', '.join(str(item.value) for item in node.value)}]"
    inner.problem("lines", f"expected {_TWO}, found {found}")
    return None


def read_levels(top: Section, document: str) -> Mapping[str, SeverityLevel]:
    """The runbook's severity levels by their names (``P0``)."""
    return {name: _level(name, one, document) for name, one in top.named("severities", LEVEL_KEYS)}


def _level(name: str, one: Section, document: str) -> SeverityLevel:
    word = one.choice("severity", list(Severity), "severity")
    if name in set(Severity):
        one.problem("", f"{name!r} is one of Drillbook's own severities: a level of the runbook needs another name")
    source = read_source(one, document)
    return SeverityLevel(
        name=name,
        severity=Severity(word) if word else Severity.CRITICAL,
        response=one.optional_duration("response"),
        resolution=one.optional_duration("resolution"),
        source=source or Source(document, "", (1, 1)),
    )
