"""``broken.yaml`` of a system: recoveries that are broken by hand, where no automatic way breaks them as life would.

::

    apiVersion: drillbook/v1
    kind: BrokenRecoveries
    broken:
      rows-deleted:
        replace:
          5: {type: restore_backup, component: database, from: backups, path: /backups/older.sql.gz}
        planted: an older dump is loaded
        because: the data is not what it was
      pod-restarted:
        plant: healer
        reason: the platform replaces the pod, so nobody notices that nothing was done

``replace`` puts other steps in the place of a drill's own, by number; ``because`` must stand in the sentence on it.
``plant`` chooses another automatic way than ``plants.automatic`` would, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from drillbook.model.policy import DrillPlan, Policy
from drillbook.model.procedures import Entry
from drillbook.policy.document import shown
from drillbook.policy.entries import Known, read_step
from drillbook.policy.opening import open_top
from drillbook.policy.problems import Problems
from drillbook.policy.section import Section

FILE: Final = "broken.yaml"
"""Beside ``policy.yaml``."""
KEYS: Final = ("plant", "reason", "replace", "planted", "because")


class Way(StrEnum):
    """How a recovery is broken by itself."""

    CLAIMS = "claims"
    """Every step of the procedure does nothing and says success."""
    HEALER = "healer"
    """What heals by itself is kept from it: once all is done, the component is scaled to zero."""
    MEDDLES = "meddles"
    """The procedure is followed, and changes something that it doesn't say."""


@dataclass(frozen=True, slots=True)
class Broken:
    """What the file says of one drill."""

    way: Way | None = None
    """The automatic way to take; None: the usual one."""
    replace: tuple[tuple[int, Entry], ...] = ()
    """Steps by the number of the one that they stand for, from 1."""
    planted: str = ""
    """What that comes to, for people."""
    because: str = ""
    """What the sentence on it must hold."""


def load_broken(policy: Policy) -> Mapping[str, Broken]:
    """By drill; none where there is no such file. Raises ConfigError with every problem of the file, a line each."""
    path = policy.path.parent / FILE
    if not path.exists() and not path.is_symlink():
        return {}
    return read_broken(path, policy)


def read_broken(path: Path, policy: Policy) -> Mapping[str, Broken]:
    """Those of ``path``. Raises ConfigError with every problem of the file, a line each."""
    problems = Problems(shown(path))
    top = open_top(path, "list of broken recoveries", "BrokenRecoveries", ("apiVersion", "kind", "broken"), problems)
    known = Known(policy.components, [one.id for one in policy.objectives], policy.path.parent)
    drills = {plan.id: plan for plan in policy.drills}
    each = top.each_of("broken", KEYS, drills, "drill")
    found = {name: _broken(one, policy, plan, known) for name, plan, one in each}
    problems.settle()
    return found


def _broken(one: Section, policy: Policy, plan: DrillPlan, known: Known) -> Broken:
    if one.get("plant") is None and one.get("replace") is None:
        one.missing("replace", "the steps that stand for the drill's own, or plant: one of the automatic ways")
    for word, needed in (("reason", "plant"), ("planted", "replace"), ("because", "replace")):
        if one.get(needed) is not None:
            one.text(word, f"a text, as there is {needed}")
        elif one.get(word) is not None:
            one.problem(word, f"expected no {word} without {needed}")
    way = one.choice("plant", list(Way), "way to break a recovery", default="")
    count = len(policy.procedures[plan.procedure].steps) if plan.procedure else 0
    if way in {Way.CLAIMS, Way.MEDDLES} and not count:
        one.problem("plant", f"drill {plan.id!r} follows no procedure that could be broken: expected {Way.HEALER}")
    return Broken(
        way=Way(way) if way else None,
        replace=tuple(_replaced(one, plan, count, known)),
        planted=one.optional_text("planted") or "",
        because=one.optional_text("because") or "",
    )


def _replaced(one: Section, plan: DrillPlan, count: int, known: Known) -> list[tuple[int, Entry]]:
    found = []
    for word, inner in one.named("replace", ()):
        if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= count:
            expected = f"the number of a step from 1 to {count}" if count else "nothing, as it follows no procedure"
            inner.problem("", f"drill {plan.id!r}: expected {expected}, found {word!r}")
        else:
            found.append((int(word), read_step(inner, known)))
    return sorted(found, key=lambda pair: pair[0])
