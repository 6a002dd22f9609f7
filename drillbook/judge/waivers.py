"""Waivers: a violation that somebody answers for stops blocking, until a day and up to a worst value.

One function decides what becomes of a waiver (``standing``); verdicts and the report of waivers both use it, so they
can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from drillbook.judge.objectives import holds
from drillbook.model.verdict import Status, Verdict, Waiver

SOON: Final = timedelta(days=14)
"""How long before its end a waiver is announced to expire."""


class Standing(StrEnum):
    """What a waiver does to the verdict of its objective."""

    USED = "used"
    """The objective fails, and the waiver covers it."""
    EXCEEDED = "exceeded"
    """The objective fails worse than the waiver accepts."""
    EXPIRED = "expired"
    """Its day is over."""
    UNUSED = "unused"
    """The objective holds: nothing to waive."""
    UNTOLD = "untold"
    """The objective could not be told, and so neither what the waiver would do."""


def apply_waivers(verdicts: Sequence[Verdict], waivers: Sequence[Waiver], today: date) -> tuple[Verdict, ...]:
    """The verdicts, with each failure that a waiver covers turned to ``waived``.

    ``today`` is a UTC day; a waiver counts to the end of its own. Only failures are ever waived: where nothing was
    seen, there is nothing to accept.
    """
    return tuple(_applied(verdict, waivers, today) for verdict in verdicts)


def _applied(verdict: Verdict, waivers: Sequence[Waiver], today: date) -> Verdict:
    for waiver in waivers if verdict.status is Status.FAIL else ():
        if waiver.objective == verdict.objective.id and standing(verdict, waiver, today) is Standing.USED:
            by = f"waived until {waiver.expires} up to {waiver.ceiling} by {waiver.owner}: {waiver.reason}"
            return replace(verdict, status=Status.WAIVED, reason=f"{verdict.reason}; {by}", waiver=waiver)
    return verdict


def standing(verdict: Verdict, waiver: Waiver, today: date) -> Standing:
    """What ``waiver`` does to the verdict of its own objective, as it was before or after waivers were applied."""
    seen = verdict.observation
    if today > waiver.expires:
        return Standing.EXPIRED
    if verdict.status is Status.INCONCLUSIVE or seen.nothing:
        return Standing.UNTOLD
    if verdict.status is Status.PASS:
        return Standing.UNUSED
    return Standing.USED if holds(waiver.ceiling, seen) else Standing.EXCEEDED


@dataclass(frozen=True, slots=True)
class WaiverReport:
    """What became of every waiver whose objective was judged; the other ones are ``unselected``."""

    used: tuple[Waiver, ...] = ()
    exceeded: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()
    unused: tuple[Waiver, ...] = ()
    untold: tuple[Waiver, ...] = ()
    unselected: tuple[Waiver, ...] = ()
    expiring_soon: tuple[Waiver, ...] = ()
    """Those that still count, for SOON or less; each is in one of the other fields too."""

    @property
    def findings(self) -> tuple[str, ...]:
        """What somebody should do something about, a sentence each."""
        return (
            *(
                f"the waiver of {w.objective} expired on {w.expires}: {w.owner} removes or renews it"
                for w in self.expired
            ),
            *(f"the waiver of {w.objective} no longer covers it: worse than {w.ceiling}" for w in self.exceeded),
            *(f"the waiver of {w.objective} waives nothing: {w.owner} removes it" for w in self.unused),
            *(f"the waiver of {w.objective} expires on {w.expires}: {w.owner} is asked" for w in self.expiring_soon),
        )

    def as_json(self) -> dict[str, Any]:
        """Objective ids by what became of their waivers, and the findings: for ``run.json``."""
        groups = ("used", "exceeded", "expired", "unused", "untold", "unselected", "expiring_soon")
        return {g: [w.objective for w in getattr(self, g)] for g in groups} | {"findings": list(self.findings)}


def waiver_lines(report: Mapping[str, Any]) -> list[str]:
    """What ``as_json`` says, for people: ``waivers: 1 used (disk), 1 unselected (health)``, and each finding.

    Empty where there are no waivers.
    """
    groups = {name: found for name, found in report.items() if name != "findings" and found}
    if not groups:
        return []
    counted = (f"{len(found)} {name.replace('_', ' ')} ({', '.join(found)})" for name, found in groups.items())
    return [f"waivers: {', '.join(counted)}", *report["findings"]]


def waiver_report(verdicts: Iterable[Verdict], waivers: Sequence[Waiver], today: date) -> WaiverReport:
    """What became of each waiver; ``verdicts`` may be those before or after ``apply_waivers``."""
    by_objective = {verdict.objective.id: verdict for verdict in verdicts}
    groups: dict[Standing, list[Waiver]] = {s: [] for s in Standing}
    unselected = []
    for waiver in waivers:
        verdict = by_objective.get(waiver.objective)
        if today > waiver.expires:
            groups[Standing.EXPIRED].append(waiver)
        elif verdict is None:
            unselected.append(waiver)
        else:
            groups[standing(verdict, waiver, today)].append(waiver)
    return WaiverReport(
        **{str(s): tuple(found) for s, found in groups.items()},
        unselected=tuple(unselected),
        expiring_soon=tuple(w for w in waivers if today <= w.expires <= today + SOON),
    )
