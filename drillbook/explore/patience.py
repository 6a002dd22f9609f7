"""How long users may wait for the recovery after an undo: the documented time of what was broken.

A search has minutes and a runbook may have hours, so it never waits longer than its own patience; whatever is found
says which of the two it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drillbook import places
from drillbook.drills.experiment import load_experiment
from drillbook.drills.plan import variables
from drillbook.explore.moves import Break
from drillbook.model.environment import Environment
from drillbook.model.policy import Policy
from drillbook.policy.given_times import TimeLimit, time_limit

type Times = Mapping[tuple[str, str], TimeLimit]
"""By fault and component."""


@dataclass(frozen=True, slots=True)
class Patience:
    """So long, and why."""

    seconds: float
    why: str

    def __str__(self) -> str:
        return f"{self.seconds:g} s ({self.why})"


def times_of(policy: Policy, environment: Environment) -> Times:
    """What the policy's drills, or the environment, allow for each failure; of several times the longest."""
    found: dict[tuple[str, str], TimeLimit] = {}
    for plan in policy.drills:
        limit = time_limit(policy, environment, plan)
        if limit is None:
            continue
        experiment = load_experiment(places.experiment_file(plan.experiment), variables(environment, policy, plan))
        key = (str(experiment.injection.arguments["fault"]), plan.component)
        if key not in found or found[key].time < limit.time:
            found[key] = limit
    return found


def patience(breaks: Iterable[Break], times: Times, most_seconds: float) -> Patience:
    """For everything that a sequence broke: the longest of its times, as nothing asks more of failures together."""
    keys = sorted({(one.fault, one.component) for one in breaks})
    without = [f"{fault} on {component}" for fault, component in keys if (fault, component) not in times]
    if without or not keys:
        what = ", ".join(without) or "no failure"
        return Patience(most_seconds, f"no longer is waited here; no drill gives {what} a time")
    longest = max((times[key] for key in keys), key=lambda limit: limit.time)
    seconds, whose = longest.time.total_seconds(), "given here" if longest.ours else "documented"
    if seconds > most_seconds:
        return Patience(most_seconds, f"no longer is waited here; {seconds:g} s are {whose}: {longest.said_at}")
    return Patience(seconds, f"{whose}: {longest.said_at}")
