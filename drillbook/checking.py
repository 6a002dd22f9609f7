"""Checking: a policy's objectives against one environment: collected concurrently, judged, waivers applied."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drillbook import places
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError, NothingSelected
from drillbook.judge import apply_waivers, judge
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy, Severity
from drillbook.model.verdict import Verdict, Waiver
from drillbook.policy import load_environment, load_policy, load_waivers, with_given_limits
from drillbook.probes import collect
from drillbook.probes.collecting import parameters_of


@dataclass(frozen=True)
class Selection:
    """Which objectives are meant: any of these words; no word means all."""

    only: tuple[str, ...] = ()
    """Ids (``api-latency`` or ``solar/api-latency``), indicator names (``http.latency``), severities (``high``)."""

    def choose(self, policy: Policy) -> tuple[Objective, ...]:
        """The chosen objectives, in the policy's order.

        Raises NothingSelected for a word that names nothing, with the nearest ones that do, and for an empty choice.
        """
        for word in self.only:
            if not any(_named(word, policy, objective) for objective in policy.objectives):
                raise NothingSelected(_nothing(word, policy))
        chosen = tuple(
            objective
            for objective in policy.objectives
            if not self.only or any(_named(word, policy, objective) for word in self.only)
        )
        if not chosen:
            raise NothingSelected(f"{policy.path} has no objectives, and nothing checked is never a pass")
        return chosen


def _named(word: str, policy: Policy, objective: Objective) -> bool:
    return word in {objective.id, f"{policy.system}/{objective.id}", objective.indicator, str(objective.severity)}


def _nothing(word: str, policy: Policy) -> str:
    known = sorted(
        {objective.id for objective in policy.objectives}
        | {objective.indicator for objective in policy.objectives}
        | {str(severity) for severity in Severity}
    )
    near = difflib.get_close_matches(word.removeprefix(f"{policy.system}/"), known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
    return f"--only {word}: no objective of {policy.system}, no indicator and no severity in use is called that; {hint}"


def load_system(
    system: str, environment: str, sandbox: str | None = None, kubeconfig: Path | None = None
) -> tuple[Policy, Environment, tuple[Waiver, ...]]:
    """A system's policy, one of its environments, and its waivers. Raises ConfigError with a sentence.

    ``sandbox`` (else ``$DRILLBOOK_SANDBOX``) names another sandbox than the environment's own, ``kubeconfig`` another
    cluster.
    """
    folder = places.system_dir(system)
    policy = load_policy(folder / "policy.yaml")
    found = load_environment(folder, environment, policy)
    policy = with_given_limits(policy, found)
    waivers = load_waivers(folder / "waivers.yaml", policy)
    if found.environment_class is EnvironmentClass.SANDBOX:
        found = replace(found, sandbox=sandbox or os.environ.get("DRILLBOOK_SANDBOX") or found.sandbox or system)
    elif sandbox:
        raise ConfigError(f"environment {environment!r} is of class {found.environment_class}, which has no sandbox")
    if kubeconfig is not None:
        found = replace(found, kubeconfig=kubeconfig.resolve(), context=None)
    return policy, found, waivers


def about_seconds(objectives: Sequence[Objective]) -> int:
    """How long checking them takes, for saying so beforehand: traffic its requests over its rate, all else a second."""
    asked = [parameters_of(objective) for objective in objectives]
    longest: float = max((p.get("requests", 0) / p.get("rate", 1) for p in asked), default=0.0)
    return 1 + round(longest)


def check_objectives(
    policy: Policy,
    environment: Environment,
    waivers: Sequence[Waiver],
    objectives: Sequence[Objective],
    *,
    on_progress: Callable[[str], None] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Verdict, ...]:
    """One verdict per objective, in their order: everything observed first, at the same time, then judged."""
    seen = collect(policy, environment, objectives, on_progress, clock=clock)
    return judge_all(policy, waivers, objectives, seen, clock)


def judge_all(
    policy: Policy,
    waivers: Sequence[Waiver],
    objectives: Sequence[Objective],
    seen: dict[str, Observation],
    clock: Clock = SYSTEM_CLOCK,
) -> tuple[Verdict, ...]:
    """Verdicts of what was seen, waivers applied as of today (UTC)."""
    verdicts = tuple(judge(policy.system, objective, seen[objective.id]) for objective in objectives)
    return tuple(apply_waivers(verdicts, waivers, clock.now().date()))
