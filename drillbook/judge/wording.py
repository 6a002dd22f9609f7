"""A verdict in words: expected, observed, where, because. The terminal and pytest print the same block."""

from __future__ import annotations

from typing import Final

from drillbook.judge.objectives import observed
from drillbook.model.verdict import Status, Verdict

_COLUMN: Final = 44
"""Where the places begin, so that they line up."""


def failure_text(verdict: Verdict) -> str:
    """Four lines, a fifth where there is a remedy, and the way to look closer::

    FAIL solar/api-latency                        severity: high
      expected  <= 2 s                            systems/solar/policy.yaml:31
      observed  3.01 s (2.99 to 3.05 s, 400 samples)  https://api.solar.example/orders
      because   runbook.txt:232 (Key Metrics): p95 over the sample's whole window
      look closer: drillbook explain solar/api-latency
    """
    objective, seen = verdict.objective, verdict.observation
    place = f"{objective.file or 'policy.yaml'}:{objective.line}"
    because = str(objective.source) + (f": {' '.join(objective.note.split())}" if objective.note else "")
    if objective.limit_from:
        because += f"; the limit is from {objective.limit_from}"
    if verdict.status is Status.WAIVED and verdict.waiver is not None:
        because += f"; waived until {verdict.waiver.expires} by {verdict.waiver.owner}: {verdict.waiver.reason}"
    lines = [
        _columns(f"{verdict.status.upper()} {verdict.id}", f"severity: {objective.severity}"),
        _columns(f"  expected  {objective.limit}", place),
        _columns(f"  observed  {observed(objective, seen)}", seen.where),
        f"  because   {because}",
    ]
    if verdict.status is Status.INCONCLUSIVE and seen.remedy:
        lines.append(f"  remedy    {seen.remedy}")
    if verdict.status in {Status.FAIL, Status.INCONCLUSIVE}:
        lines.append(f"  look closer: {look_closer(verdict.id)}")
    return "\n".join(lines)


def look_closer(name: str) -> str:
    """The command that says more of an objective: ``drillbook explain solar/api-latency``."""
    return f"drillbook explain {name}"


def _columns(left: str, right: str) -> str:
    return f"{left.ljust(_COLUMN)}  {right}".rstrip()
