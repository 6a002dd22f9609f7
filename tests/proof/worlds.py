"""A world of three numbers, checks that look at it, and violations that change it: what a prover needs, without a
sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from drillbook.clients.kube import Kube
from drillbook.errors import Unreachable
from drillbook.judge import judge
from drillbook.model.environment import Environment, EnvironmentClass
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.model.proof import Proof
from drillbook.model.quantity import Dimension
from drillbook.model.verdict import Verdict
from drillbook.proof.proving import Prover
from drillbook.proof.stage import Stage
from drillbook.proof.violation import Plant, Planted, Violation
from tests.judge.records import objective, seen

WITHIN = 0.3
"""Seconds that anything here may take."""


def ceiling(name: str, limit: str = "<= 10", **known: Any) -> Objective:
    """An objective with that limit, of an indicator of its own; ``known`` are other fields of it."""
    made = replace(objective(), id=name, limit=Limit.parse(limit, Dimension.COUNT), indicator="http.health")
    return replace(made, parameters={"attempts": 1, "path": name}, **known)


POLICY = Policy("shop", "Shop", "runbook.txt", Path("policy.yaml"), {}, ())
SANDBOX = Environment("sandbox", EnvironmentClass.SANDBOX, Path("systems/shop/environments/sandbox.yaml"))


@dataclass
class World:
    """What there is to be seen, by objective: a number, or None where nothing can be seen."""

    objectives: tuple[Objective, ...]
    values: dict[str, int | None] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)
    """Which objectives were asked, time after time."""

    def __post_init__(self) -> None:
        for one in self.objectives:
            self.values.setdefault(one.id, 1)

    async def check(self, objectives: Sequence[Objective]) -> tuple[Verdict, ...]:
        """Judge what there is now."""
        self.asked.append(tuple(one.id for one in objectives))
        return tuple(judge("shop", one, self._look(one)) for one in objectives)

    def _look(self, one: Objective) -> Any:
        value = self.values[one.id]
        return seen(None if value is None else str(value), dimension=Dimension.COUNT)

    def planting(self, **values: int | None) -> Plant:
        """A violation that sets these values and sets them back; names have ``_`` for ``-``."""

        @asynccontextmanager
        async def plant(_: Stage, __: Objective) -> AsyncIterator[Planted]:
            before = dict(self.values)
            self.values |= {name.replace("_", "-"): value for name, value in values.items()}
            try:
                yield Planted("the world")
            finally:
                self.values = before

        return plant

    def prove(self, name: str, plant: Plant | None) -> Proof:
        """Prove one objective by one violation."""
        chosen = next(one for one in self.objectives if one.id == name)
        known = {} if plant is None else {chosen.indicator: Violation(chosen.indicator, plant, WITHIN)}
        stage = Stage("shop", POLICY, SANDBOX, self.objectives, cast(Kube, None))
        return asyncio.run(Prover(stage, known, self.check).prove(chosen))


def without_putting_back(world: World, name: str, value: int) -> Plant:
    """A violation that stays."""

    @asynccontextmanager
    async def plant(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        world.values[name] = value
        yield Planted("the world")

    return plant


def failing_to(*, plant: bool) -> Plant:
    """A violation that can't be planted, or can't be removed."""

    @asynccontextmanager
    async def fails(_: Stage, __: Objective) -> AsyncIterator[Planted]:
        if plant:
            raise Unreachable("the pod is gone")
        yield Planted("the world")
        raise Unreachable("the pod is gone")

    return fails


def number(proof: Proof) -> Decimal | None:
    """What was seen while the violation was there."""
    return proof.detected.observation.value if proof.detected else None
