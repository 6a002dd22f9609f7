"""The cap on what a check may ask of an environment: traffic of all objectives together, in requests per second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drillbook.model.environment import Environment
from drillbook.model.indicators import INDICATORS
from drillbook.model.policy import Objective


def capped(objectives: Sequence[Objective], environment: Environment) -> tuple[Objective, ...]:
    """The objectives, none of which sends faster than its share of the environment's cap.

    Samples are taken at the same time, so they divide the cap; those that share one (latency and errors of one
    component) are one. The number of requests stays, so a slower look takes longer and is as sure. At least one request
    a second is sent.
    """
    samples = {_sample(one) for one in objectives if _rate(one)}
    if not samples:
        return tuple(objectives)
    share = max(1, environment.most_requests_per_second // len(samples))
    return tuple(
        replace(one, parameters={**one.parameters, "rate": share}) if _rate(one) > share else one for one in objectives
    )


def _rate(objective: Objective) -> float:
    """Requests per second that it asks for: 0 where its source sends none."""
    known: Mapping[str, Any] = INDICATORS[objective.indicator].parameters_for(objective.via)
    return float(objective.parameters.get("rate", known["rate"].default)) if "rate" in known else 0.0


def _sample(objective: Objective) -> tuple[str | None, str]:
    shared = "requests" in INDICATORS[objective.indicator].parameters
    return objective.component, "" if shared else objective.id
