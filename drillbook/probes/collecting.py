"""Everything that some objectives need, looked at once each and all at the same time, each look bounded by itself.

But for one thing: what takes times of answers goes first, by itself. Sixty other looks at the same moment are work for
the machine that measures and for the system that answers, and users who wait for that are none.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from drillbook.clients.preloading import preload
from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError, DrillbookError
from drillbook.model.environment import Environment
from drillbook.model.indicators import INDICATORS, REQUIRED
from drillbook.model.indicators.attested import attests
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy
from drillbook.probes.catalogue import PROBES
from drillbook.probes.needing import needed_by
from drillbook.probes.request_rate import capped
from drillbook.probes.scene import Probe, Scene
from drillbook.probes.windows import lasting

LOOK_SECONDS: Final = 20.0
"""How long one look may take beyond the traffic that it has to send."""
QUIET_SECONDS: Final = 2.0
"""How much longer than its traffic lasts a sample is left by itself: one that hangs doesn't keep the others waiting."""

type Progress = Callable[[str], None]


def collect(
    policy: Policy,
    environment: Environment,
    objectives: Sequence[Objective],
    on_progress: Progress | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
    probes: Mapping[str, Probe] = PROBES,
    look_seconds: float = LOOK_SECONDS,
) -> dict[str, Observation]:
    """One observation per objective, by its id, in an event loop of its own.

    Takes about as long as the slowest look, after the traffic that is timed. Never raises for what it looks at: a
    probe that fails gives an observation without a value, whose problem is a sentence. ``on_progress`` hears of each
    look as it ends.
    """

    objectives = capped(objectives, environment)
    preload(needed_by(objectives, environment))

    async def run() -> dict[str, Observation]:
        with sigterm_as_sigint():
            async with Scene(policy, environment, objectives, clock) as scene:
                return await _all(objectives, lambda one: _look(scene, one, probes, look_seconds, on_progress))

    return asyncio.run(run())


async def _all(
    objectives: Sequence[Objective], look: Callable[[Objective], Coroutine[Any, Any, Observation]]
) -> dict[str, Observation]:
    """What each look saw. Those that last begin with the timed ones: what they count is that traffic too."""
    traffic = {objective.id: traffic_seconds(parameters_of(objective)) for objective in objectives}
    at_once = [one for one in objectives if traffic[one.id] or lasting(parameters_of(one))]
    looks: dict[str, asyncio.Task[Observation]] = {}
    async with asyncio.TaskGroup() as group:
        looks |= {one.id: group.create_task(look(one)) for one in at_once}
        if timed := [looks[name] for name, seconds in traffic.items() if seconds]:
            await asyncio.wait(timed, timeout=max(traffic.values()) + QUIET_SECONDS)
        looks |= {one.id: group.create_task(look(one)) for one in objectives if one.id not in looks}
    return {objective.id: looks[objective.id].result() for objective in objectives}


async def _look(
    scene: Scene, objective: Objective, probes: Mapping[str, Probe], look_seconds: float, on_progress: Progress | None
) -> Observation:
    begin = scene.clock.monotonic()
    parameters = parameters_of(objective)
    component = scene.policy.components[objective.component] if objective.component else None
    where = f"{objective.indicator} of {objective.component or scene.policy.system}"
    limit = look_seconds + lasting(parameters) + traffic_seconds(parameters)
    dimension = objective.limit.dimension
    try:
        async with asyncio.timeout(limit):
            seen = await probe_of(objective, probes)(scene, component, parameters)
    except TimeoutError:
        seen = scene.unseen(dimension, where, f"no answer within {limit:g} s")
    except DrillbookError as error:
        seen = scene.unseen(dimension, where, str(error))
    except Exception as error:
        # A probe that breaks must not take the others with it; its message could quote what it was looking at.
        seen = scene.unseen(dimension, where, f"the probe failed with an unexpected {type(error).__name__}")
    evidence = {"via": objective.via, **seen.evidence} if objective.via else seen.evidence
    seen = replace(seen, took_seconds=round(scene.clock.monotonic() - begin, 3), evidence=evidence)
    if on_progress:
        on_progress(f"{objective.id}: looked at {objective.indicator} in {seen.took_seconds:.1f} s")
    return seen


def traffic_seconds(parameters: Mapping[str, Any]) -> float:
    """How long the requests take to leave whose answers are timed: 0 for a look that sends none at a rate."""
    return float(parameters.get("requests", 0) / parameters.get("rate", 1))


def probe_of(objective: Objective, probes: Mapping[str, Probe] = PROBES) -> Probe:
    """The probe for an indicator through its source. Raises ConfigError where nothing of this version observes it."""
    usual = objective.via in {"", *INDICATORS[objective.indicator].vias[:1]}
    key = objective.indicator if usual else f"{objective.indicator}/{objective.via}"
    if key not in probes:
        raise ConfigError(f"nothing in this version observes {key}")
    return probes[key]


@contextmanager
def sigterm_as_sigint() -> Iterator[None]:
    """Inside an event loop, let SIGTERM do what SIGINT does there, where it does so outside: cancel and clean up.

    A handler that raises, as ``default_int_handler`` does, would break the loop in the middle of whatever it does.
    """
    raises = signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    if not raises or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def parameters_of(objective: Objective) -> dict[str, Any]:
    """The objective's parameters, and the indicator's defaults for those that it doesn't say."""
    known = INDICATORS[objective.indicator].parameters_for(objective.via)
    defaults = {name: p.default for name, p in known.items() if p.default is not REQUIRED}
    found = defaults | dict(objective.parameters)
    if answered := attests(objective.indicator, objective.id, found):
        found["attests"] = answered
    return found
