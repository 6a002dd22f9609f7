"""Checking: a policy's objectives against one environment: collected concurrently, judged, waivers applied."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drillbook import places
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError, NothingSelected
from drillbook.judge import apply_waivers, judge
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.indicators.attested import ATTESTED
from drillbook.model.indicators.prometheus import TOOLS
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy, Severity
from drillbook.model.run import NotAsked
from drillbook.model.verdict import Verdict, Waiver
from drillbook.policy import load_environment, load_policy, load_waivers, with_given_limits
from drillbook.policy.document import shown
from drillbook.probes import collect
from drillbook.probes.collecting import parameters_of, traffic_seconds
from drillbook.probes.request_rate import capped


@dataclass(frozen=True)
class Selection:
    """Which objectives are meant: any of these words; no word means all."""

    only: tuple[str, ...] = ()
    """Ids (``api-latency`` or ``solar/api-latency``), indicators (``http.latency``), severities (``high``), tags."""

    def choose(self, policy: Policy, environment: Environment) -> Choice:
        """The chosen objectives, in the policy's order, and those left out because there is nobody to ask.

        What people attest is asked in a sandbox only by its id or its indicator, or once somebody attests for it;
        what a Prometheus answers, where this machine has one.

        Raises NothingSelected for a word that names nothing, with the nearest ones that do, and for an empty choice.
        """
        for word in self.only:
            if not any(_named(word, policy, objective) for objective in policy.objectives):
                raise NothingSelected(_nothing(word, policy))
        chosen = [
            objective
            for objective in policy.objectives
            if not self.only or any(_named(word, policy, objective) for word in self.only)
        ]
        reasons = {o.id: _nobody_answers(o, environment) for o in chosen if not self._means(policy, o)}
        asked = tuple(o for o in chosen if not reasons.get(o.id))
        left_out = tuple(f"{policy.system}/{o.id}" for o in chosen if reasons.get(o.id))
        not_asked = NotAsked(_together(reasons), left_out) if left_out else None
        if not asked and not_asked:
            raise NothingSelected(f"{not_asked.sentence}; nothing checked is never a pass")
        if not asked:
            raise NothingSelected(f"{policy.path} has no objectives, and nothing checked is never a pass")
        return Choice(asked, not_asked)

    def _means(self, policy: Policy, objective: Objective) -> bool:
        """Whether a word means this objective itself, and not a severity or a tag that many share."""
        return bool({objective.indicator, *_ids(policy, objective)} & set(self.only))


@dataclass(frozen=True, slots=True)
class Choice:
    """What a selection comes to in one environment."""

    objectives: tuple[Objective, ...]
    not_asked: NotAsked | None = None


def asked_in(policy: Policy, environment: Environment) -> tuple[Objective, ...]:
    """Every objective that is asked in this environment. Raises NothingSelected where there is none."""
    return Selection().choose(policy, environment).objectives


def is_attested(objective: Objective) -> bool:
    """Whether people answer it, and no probe can."""
    return objective.indicator.startswith(ATTESTED)


def _nobody_answers(objective: Objective, environment: Environment) -> str:
    """Why an objective isn't asked in a sandbox: there is nobody to answer it. Empty where there is."""
    if is_attested(objective) and not environment.asks_people:
        file = shown(environment.attestations_file)
        return f"people attest them, and a sandbox has none; attest in {file}, or name them with --only"
    bench = environment.environment_class is EnvironmentClass.SANDBOX and environment.kubeconfig is None
    tools = TOOLS.get(objective.via, ())
    if bench and not all(any(places.program(name) for name in names) for names in tools):
        return "a Prometheus answers them, and this machine has none; get it with scripts/prometheus"
    return ""


def _together(reasons: Mapping[str, str]) -> str:
    """One reason as it is; of several, how many objectives each is about."""
    found = Counter(reason for reason in reasons.values() if reason)
    return next(iter(found)) if len(found) == 1 else "; ".join(f"{count}: {why}" for why, count in found.items())


def _ids(policy: Policy, objective: Objective) -> set[str]:
    return {objective.id, f"{policy.system}/{objective.id}"}


def _named(word: str, policy: Policy, objective: Objective) -> bool:
    return word in {*_ids(policy, objective), objective.indicator, str(objective.severity), *objective.tags}


def _nothing(word: str, policy: Policy) -> str:
    known = sorted(
        {objective.id for objective in policy.objectives}
        | {objective.indicator for objective in policy.objectives}
        | {tag for objective in policy.objectives for tag in objective.tags}
        | {str(severity) for severity in Severity}
    )
    near = difflib.get_close_matches(word.removeprefix(f"{policy.system}/"), known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
    called = f"no objective of {policy.system}, no indicator, no tag and no severity in use is called that"
    return f"--only {word}: {called}; {hint}"


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


def about_seconds(objectives: Sequence[Objective], environment: Environment) -> int:
    """How long checking them takes, for saying so beforehand: traffic its requests over its rate, all else a second."""
    asked = [parameters_of(objective) for objective in capped(objectives, environment)]
    return 1 + round(max((traffic_seconds(parameters) for parameters in asked), default=0.0))


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
    verdicts = tuple(judge(policy.system, objective, seen[objective.id], clock.now()) for objective in objectives)
    return tuple(apply_waivers(verdicts, waivers, clock.now().date()))
