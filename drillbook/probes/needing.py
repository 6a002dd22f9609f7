"""Which SDKs the looks at some objectives need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from drillbook.clients.preloading import Sdk
from drillbook.model.environment import Environment
from drillbook.model.indicators.attested import ATTESTED
from drillbook.model.policy import Objective

_GROUPS: Final[Mapping[str, Sdk]] = {
    "http": Sdk.HTTP,
    "database": Sdk.POSTGRES,
    "cache": Sdk.REDIS,
    "certificate": Sdk.TLS,
    "service": Sdk.HTTP,
}
"""By the first word of an indicator: what it needs beside a cluster that says where its target is."""


def needed_by(objectives: Sequence[Objective], environment: Environment) -> frozenset[Sdk]:
    """Of all objectives; a target whose address the environment gives needs no cluster."""
    return frozenset(sdk for objective in objectives for sdk in _needed(objective, environment))


def _needed(objective: Objective, environment: Environment) -> Iterator[Sdk]:
    group = objective.indicator.partition(".")[0]
    if objective.indicator.startswith(ATTESTED):
        return
    if group in _GROUPS:
        yield _GROUPS[group]
    reach = environment.components.get(objective.component or "")
    if group not in _GROUPS or objective.via not in {"", "direct", "sql", "tls"} or reach is None or not reach.address:
        yield from (Sdk.KUBERNETES, Sdk.HTTP)
