"""Connection pools that are larger together than what the database takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from drillbook.model.policy import Objective, Policy
from drillbook.policy.lint.finding import Finding, bound, side

_CAP: Final = "database.max_connections"
_DEFAULT: Final = Decimal(100)
"""PostgreSQL's own max_connections, for a runbook that names none."""
_POOL: Final = re.compile(r"pool_?(max_?)?size$|max_?overflow$", re.IGNORECASE)
"""Names of settings that say how many connections a process may hold; a pool and its overflow add up."""
_PROCESSES: Final = re.compile(r"(workers|worker_processes|concurrency)$", re.IGNORECASE)
_REPLICAS: Final = ("autoscaler.max_replicas", "workload.desired_replicas", "workload.ready_replicas")
_EXACT: Final = ("==", "<=", ">=")


def too_large_together(policy: Policy) -> Sequence[Finding]:
    """Pool x processes x most replicas of every component that has a pool, against what the database takes.

    Pools and processes are known by the names of their settings (``SQLALCHEMY_POOL_SIZE``, ``WEB_CONCURRENCY``);
    where none says the processes, a replica is one.
    """
    total, sides = Decimal(0), list[Objective]()
    for component in dict.fromkeys(o.component for o in policy.objectives):
        here = [o for o in policy.objectives if o.component == component]
        if pools := _settings(here, _POOL):
            factors = [*_settings(here, _PROCESSES)[:1], *_most_replicas(here)]
            product = sum((_number(o) for o in pools), Decimal(0))
            for factor in factors:
                product *= _number(factor)
            total += product
            sides += [*pools, *factors]
    return [
        Finding("pools beyond the cap", f"all pools together can take {total:f} connections, {cap}", (*told, said))
        for most, cap, said in _caps(policy)
        if total > most and (told := [side(one) for one in sides])
    ]


def _caps(policy: Policy) -> list[tuple[Decimal, str, str]]:
    """How many connections a server takes, in numbers and words, and where that is from."""
    stated = [(number, o) for o in policy.objectives if o.indicator == _CAP and (number := bound(o)) is not None]
    if stated:
        return [(number, f"and {o.component} takes {number:f}", side(o)) for number, o in stated]
    servers = [c.id for c in policy.components.values() if c.engine == "postgres"]
    where = "the runbook says no max_connections: PostgreSQL's own default"
    return [(_DEFAULT, f"and {name} takes {_DEFAULT:f} by default", where) for name in servers]


def _settings(objectives: Sequence[Objective], named: re.Pattern[str]) -> list[Objective]:
    """Settings with a number, by their names."""
    return [
        o
        for o in objectives
        if o.indicator == "config.value" and named.search(str(o.parameters.get("name"))) and bound(o, *_EXACT)
    ]


def _number(objective: Objective) -> Decimal:
    return bound(objective, *_EXACT) or Decimal(1)


def _most_replicas(objectives: Sequence[Objective]) -> list[Objective]:
    """The objective with the greatest number of replicas, of the kind that can be greatest; empty where none says."""
    for indicator in _REPLICAS:
        stated = [o for o in objectives if o.indicator == indicator and bound(o, *_EXACT) is not None]
        if stated:
            return [max(stated, key=_number)]
    return []
