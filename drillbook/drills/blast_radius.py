"""The blast radius: candidates, of which some are eligible, of which some are chosen, each with its reason.

Pure, and run twice: when the drill is planned, and again at the moment of injection, because pods come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Target


@dataclass(frozen=True, slots=True)
class Radius:
    """The most that a drill may touch."""

    namespaces: frozenset[str]
    most_pods: int
    most_percent: float
    """Of the component's eligible pods, 0 to 100."""

    within_budgets: bool = True
    """Whether the PodDisruptionBudgets must have room for it; an experiment that is meant to break them says no."""
    most_nodes: int = 0
    """How many objects that belong to no namespace: a Node takes whatever runs on it along."""
    experiment: str = "the experiment"
    """Which one says so."""
    leash: str = ""
    """The environment's file, where that allows less than the experiment; empty where it doesn't."""

    def __post_init__(self) -> None:
        # NaN is neither more nor less than anything: a comparison with it would allow everything.
        if min(self.most_pods, self.most_nodes) < 0 or not 0 <= self.most_percent <= 100:
            raise ValueError(
                f"expected at most 0 or more pods and 0 to 100 percent, found {self.most_pods} and {self.most_percent}"
            )

    def within(self, most_pods: int | None, most_percent: float | None, where: str = "") -> Radius:
        """No wider than either: the experiment's own, and what the environment, ``where``, allows to any."""
        pods = self.most_pods if most_pods is None else min(self.most_pods, most_pods)
        percent = self.most_percent if most_percent is None else min(self.most_percent, most_percent)
        shorter = (pods, percent) != (self.most_pods, self.most_percent)
        return replace(self, most_pods=pods, most_percent=percent, leash=where if shorter else self.leash)

    @property
    def said(self) -> str:
        """Where the bounds are said, for whoever has to change them."""
        own = f"most_pods and most_percent of {self.experiment}"
        return f"{own}, and leash.pods and leash.percent of {self.leash}" if self.leash else own

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
    # A candidate that is named twice is one: two hits on it would be less than the experiment asks for.
    eligible = list(dict.fromkeys(target for target, why in left_out if not why))
    if not eligible:
        found = "; ".join(sentences) or "it has no pods at all"
        raise Refused(
            f"none of the {len(candidates)} pods of component {aim.component.id!r} is eligible: {found}; "
            f"{_next(aim)} and try again when they are well"
        )
    wanted = aim.pods or len(eligible)
    if wanted > len(eligible):
        raise Refused(
            f"the experiment asks for {wanted} pods of component {aim.component.id!r} and only {len(eligible)} are "
            f"eligible: {'; '.join(sentences) or 'it has no more'}; {_next(aim)}, or lower `pods` in the experiment"
        )
    chosen = tuple(sorted(eligible, key=lambda target: target.name)[:wanted])
    pods = {candidate.target: candidate.pods for candidate in candidates}
    hit, all_pods = sum(pods[target] for target in chosen), sum(pods[target] for target in eligible)
    percent = 100 * hit / all_pods if all_pods else 0.0
    if hit > radius.most_pods or percent > radius.most_percent:
        raise Refused(
            f"{hit} of {all_pods} pods ({percent:.0f} %) of component {aim.component.id!r} is more than the "
            f"blast radius allows: at most {radius.most_pods} pods and {radius.most_percent:g} %; aim lower, or raise "
            f"{radius.said}"
        )
    beyond = [target for target in chosen if not target.namespace]
    if len(beyond) > radius.most_nodes:
        raise Refused(
            f"{', '.join(map(str, beyond))} belongs to no namespace, and the blast radius allows {radius.most_nodes} "
            f"such objects; raise most_nodes of {radius.experiment} where that is meant"
        )
    return Choice(chosen, len(candidates), len(eligible), sentences)


def _next(aim: Aim) -> str:
    return f"see `kubectl -n {aim.component.namespace} get pods`"


def _why_not(candidate: Candidate, radius: Radius) -> str:
    if candidate.target.namespace and candidate.target.namespace not in radius.namespaces:
        return f"is in namespace {candidate.target.namespace}, outside the blast radius"
    return candidate.why_not
