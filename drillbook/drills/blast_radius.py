"""The blast radius: candidates, of which some are eligible, of which some are chosen, each with its reason.

Pure, and run twice: when the drill is planned, and again at the moment of injection, because pods come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Target


@dataclass(frozen=True, slots=True)
class Radius:
    """The most that a drill may touch."""

    namespaces: frozenset[str]
    most_pods: int
    most_percent: float
    """Of the component's eligible pods, 0 to 100."""

    def __str__(self) -> str:
        return f"{self.most_pods} pods, {self.most_percent:g} %, in {', '.join(sorted(self.namespaces))}"


@dataclass(frozen=True, slots=True)
class Choice:
    """What would be hit, and why not the others."""

    chosen: tuple[Target, ...]
    candidates: int
    eligible: int
    left_out: tuple[str, ...]
    """A sentence for each candidate that is not eligible."""

    def __str__(self) -> str:
        names = ", ".join(str(t) for t in self.chosen)
        return f"{self.candidates} candidates, {self.eligible} eligible, chosen: {names}"


def choose(candidates: Sequence[Candidate], aim: Aim, radius: Radius) -> Choice:
    """The targets, in the order of their names. Raises Refused when the aim does not fit into the radius."""
    left_out = [(c.target, _why_not(c, radius)) for c in candidates]
    sentences = tuple(f"{target} {why}" for target, why in left_out if why)
    eligible = [target for target, why in left_out if not why]
    if not eligible:
        found = "; ".join(sentences) or "it has no pods at all"
        raise Refused(f"none of the {len(candidates)} pods of component {aim.component.id!r} is eligible: {found}")
    wanted = aim.pods or len(eligible)
    if wanted > len(eligible):
        raise Refused(
            f"the experiment asks for {wanted} pods of component {aim.component.id!r} and only {len(eligible)} are "
            f"eligible: {'; '.join(sentences) or 'it has no more'}"
        )
    percent = 100 * wanted / len(eligible)
    if wanted > radius.most_pods or percent > radius.most_percent:
        raise Refused(
            f"{wanted} of {len(eligible)} pods ({percent:.0f} %) of component {aim.component.id!r} is more than the "
            f"blast radius allows: at most {radius.most_pods} pods and {radius.most_percent:g} %"
        )
    chosen = tuple(sorted(eligible, key=lambda target: target.name)[:wanted])
    return Choice(chosen, len(candidates), len(eligible), sentences)


def _why_not(candidate: Candidate, radius: Radius) -> str:
    if candidate.target.namespace not in radius.namespaces:
        return f"is in namespace {candidate.target.namespace}, outside the blast radius"
    return candidate.why_not
