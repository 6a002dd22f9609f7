"""How what users see of an API is broken: slow and wrong answers, doors that lead nowhere, too much traffic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

from drillbook.model.policy import Objective
from drillbook.proof.beyond import number_beyond
from drillbook.proof.doors import behind_port, path_astray, path_open, port_astray, same_path
from drillbook.proof.stage import Stage
from drillbook.proof.traffic import sending
from drillbook.proof.violation import Planted, Unplantable, Violation

_QUESTIONS: Final = ("http.health", "http.body_field", "http.anonymous_status", "http.availability")
"""What asks one path, mostly the health endpoint, and not the routes that carry traffic."""
_BY_ERRORS: Final = ("http.error_ratio", "http.error_rate", "http.status_ratio")
_TRAFFIC_RATE: Final = 30.0
"""Requests a second where what is counted needs some."""


@asynccontextmanager
async def slow_answers(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """Every answer comes later than the limit, by more than the machine's own jitter."""
    component, limit = stage.component(objective), _upper(objective)
    async with stage.misbehaving(component, delay_seconds=float(limit) * 1.3 + 0.2) as what:
        yield Planted(what, stage.asking("http.latency", component=component.id))


@asynccontextmanager
async def wrong_answers(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """So many answers are 500 that the whole interval of the ratio lies beyond the limit."""
    component = stage.component(objective)
    ratio = min(1.0, float(_upper(objective)) * 3 + 0.1)
    async with stage.misbehaving(component, error_ratio=ratio) as what:
        yield Planted(what, stage.asking(*_BY_ERRORS, component=component.id))


@asynccontextmanager
async def many_wrong_answers(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """A steady stream of requests, all of them answered with the status that is counted, or with 500."""
    component = stage.component(objective)
    status = str(stage.parameters(objective).get("status", "500")).lower().replace("x", "0")
    if not 400 <= int(status) <= 599:
        raise Unplantable(f"{objective.id}: the reference service fails with statuses from 400 to 599, not {status}")
    wrong = stage.misbehaving(component, error_ratio=1.0, error_status=int(status))
    async with wrong as what, sending(stage, component, _TRAFFIC_RATE + 2 * _rate(objective)) as traffic:
        yield Planted(f"{what}; {traffic}", stage.asking(*_BY_ERRORS, "http.throughput", component=component.id))


@asynccontextmanager
async def much_traffic(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """More requests a second than the limit allows, good ones."""
    component = stage.component(objective)
    async with sending(stage, component, float(_upper(objective)) * 1.5) as what:
        # Answers are slower while so many are asked for.
        yield Planted(what, stage.asking("http.latency", "pod.cpu_ratio", "pod.cpu"))


@asynccontextmanager
async def dead_path(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The path that is asked leads nowhere, at the Ingress or, where there is none, at the Service's port."""
    component = stage.component(objective)
    if component.ingress is None:
        async with port_astray(stage, component) as what:
            yield Planted(what, behind_port(stage, component), inconclusive_counts=True)
        return
    path = stage.parameters(objective).get("path") or component.health or "/"
    async with path_astray(stage, component, str(path)) as what:
        yield Planted(what, same_path(stage, component, *_QUESTIONS), inconclusive_counts=True)


@asynccontextmanager
async def open_door(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The path answers strangers with 200."""
    component = stage.component(objective)
    path = stage.parameters(objective)["path"] or component.health or "/"
    async with path_open(stage, component, str(path)) as what:
        yield Planted(what, same_path(stage, component, *_QUESTIONS))


@asynccontextmanager
async def dead_port(stage: Stage, objective: Objective) -> AsyncIterator[Planted]:
    """The Service's port leads to where nobody listens."""
    component = stage.component(objective)
    async with port_astray(stage, component) as what:
        yield Planted(what, behind_port(stage, component))


def _upper(objective: Objective) -> Decimal:
    """The bound of a limit from above. Raises Unplantable for a floor: nothing here makes answers too good."""
    limit = number_beyond(objective, Decimal("1e-9"))
    if str(objective.limit).startswith(">"):
        raise Unplantable(f"{objective.id}: {objective.limit} is a floor, and this violation only exceeds ceilings")
    return limit


def _rate(objective: Objective) -> float:
    return float(_upper(objective)) if objective.indicator.endswith("_rate") else 0.0


VIOLATIONS: Final = (
    Violation("http.latency", slow_answers),
    Violation("http.error_ratio", wrong_answers),
    Violation("http.error_rate", many_wrong_answers),
    Violation("http.status_ratio", many_wrong_answers),
    Violation("http.throughput", much_traffic),
    Violation("http.health", dead_path),
    Violation("http.body_field", dead_path),
    Violation("http.availability", dead_path),
    Violation("http.anonymous_status", open_door),
    Violation("service.port", dead_port),
    Violation("service.up", dead_port),
)
