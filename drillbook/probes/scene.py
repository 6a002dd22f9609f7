"""The scene: what all probes of one run share. Clients are opened once, and one look serves everybody who needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from decimal import Decimal
from typing import Any

from drillbook.clients.kube import Kube
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError
from drillbook.model.environment import Environment
from drillbook.model.observation import Observation
from drillbook.model.policy import Component, Objective, Policy
from drillbook.model.quantity import Dimension

type Probe = Callable[[Scene, Component | None, Mapping[str, Any]], Awaitable[Observation]]
"""Looks at one component (None: at the whole system), with the objective's parameters."""


class Scene:
    """One run's view of one environment, inside one event loop. Use it as a context manager."""

    def __init__(
        self, policy: Policy, environment: Environment, objectives: Sequence[Objective], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """``objectives``: all that will be looked at, so that a shared look can be large enough for each of them."""
        self.policy = policy
        self.environment = environment
        self.objectives = tuple(objectives)
        self.clock = clock
        self._looks: dict[Hashable, asyncio.Task[Any]] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Scene:
        return self

    async def __aexit__(self, *error: object) -> None:
        for look in self._looks.values():
            look.cancel()
        await asyncio.gather(*self._looks.values(), return_exceptions=True)
        await self._open.aclose()

    async def once[T](self, key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        """What ``look`` returns (or raises), looked at once however many ask for ``key``.

        A caller that gives up waiting doesn't take the look away from the others.
        """
        if key not in self._looks:
            self._looks[key] = asyncio.ensure_future(_awaited(look))
        # Not ``await task``: that would cancel the look together with the caller.
        await asyncio.wait((self._looks[key],))
        found: T = self._looks[key].result()
        return found

    async def kube(self) -> Kube:
        """The cluster's client. Raises Unreachable or ConfigError."""
        return await self.once("kube", lambda: self.keep(Kube.of(self.environment)))

    async def keep[T](self, resource: AbstractAsyncContextManager[T]) -> T:
        """Enter ``resource`` now and leave it when the scene ends."""
        return await self._open.enter_async_context(resource)

    def seen(
        self,
        dimension: Dimension,
        where: str,
        value: Decimal | int | float,
        *,
        low: Decimal | float | None = None,
        high: Decimal | float | None = None,
        samples: int = 1,
        remedy: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> Observation:
        """An observation with a value, made now."""
        return Observation(
            dimension=dimension,
            where=where,
            at=self.clock.now(),
            value=exact(value),
            low=None if low is None else exact(low),
            high=None if high is None else exact(high),
            samples=samples,
            remedy=remedy,
            evidence=evidence or {},
        )

    def told(
        self,
        where: str,
        *texts: str,
        samples: int = 1,
        remedy: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> Observation:
        """An observation of a text, made now; of several where pods, answers or places differ."""
        different = tuple(sorted(set(texts)))
        return Observation(
            dimension=Dimension.TEXT,
            where=where,
            at=self.clock.now(),
            text=", ".join(different),
            texts=different,
            samples=samples,
            remedy=remedy,
            evidence=evidence or {},
        )

    def unseen(
        self,
        dimension: Dimension,
        where: str,
        problem: str,
        *,
        remedy: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> Observation:
        """An observation of nothing, and why."""
        return Observation(
            dimension=dimension,
            where=where,
            at=self.clock.now(),
            problem=problem,
            remedy=remedy,
            evidence=evidence or {},
        )


def exact(value: Decimal | int | float) -> Decimal:
    """As a Decimal; a float by its shortest form, so that 0.1 stays 0.1."""
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def needed(component: Component | None, indicator: str) -> Component:
    """The component, for an indicator that can't do without one."""
    if component is None:
        raise ConfigError(f"indicator {indicator} needs a component, and the objective names none")
    return component


async def _awaited[T](look: Callable[[], Awaitable[T]]) -> T:
    return await look()
