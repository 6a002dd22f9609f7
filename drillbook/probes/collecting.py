"""Everything that some objectives need, looked at once each and all at the same time, each look bounded by itself."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError, DrillbookError
from drillbook.model.environment import Environment
from drillbook.model.indicators import INDICATORS, REQUIRED
from drillbook.model.indicators.attested import attests
from drillbook.model.observation import Observation
from drillbook.model.policy import Objective, Policy
from drillbook.probes.catalogue import PROBES
from drillbook.probes.scene import Probe, Scene
from drillbook.probes.windows import lasting

LOOK_SECONDS: Final = 20.0
"""How long one look may take beyond the traffic that it has to send."""

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

    Takes about as long as the slowest look. Never raises for what it looks at: a probe that fails gives an observation
    without a value, whose problem is a sentence. ``on_progress`` hears of each look as it ends.
    """

    async def run() -> dict[str, Observation]:
        with _sigterm_as_sigint():
            async with Scene(policy, environment, objectives, clock) as scene:
                looks = (_look(scene, objective, probes, look_seconds, on_progress) for objective in objectives)
                found = await asyncio.gather(*looks)
        return {objective.id: seen for objective, seen in zip(objectives, found, strict=True)}

    return asyncio.run(run())


async def _look(
    scene: Scene, objective: Objective, probes: Mapping[str, Probe], look_seconds: float, on_progress: Progress | None
) -> Observation:
    begin = scene.clock.monotonic()
    parameters = parameters_of(objective)
    component = scene.policy.components[objective.component] if objective.component else None
    where = f"{objective.indicator} of {objective.component or scene.policy.system}"
    limit = look_seconds + lasting(parameters) + parameters.get("requests", 0) / parameters.get("rate", 1)
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


def probe_of(objective: Objective, probes: Mapping[str, Probe] = PROBES) -> Probe:
    """The probe for an indicator through its source. Raises ConfigError where nothing of this version observes it."""
    usual = objective.via in {"", *INDICATORS[objective.indicator].vias[:1]}
    key = objective.indicator if usual else f"{objective.indicator}/{objective.via}"
    if key not in probes:
        raise ConfigError(f"nothing in this version observes {key}")
    return probes[key]


@contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
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
    known = INDICATORS[objective.indicator].parameters
    defaults = {name: p.default for name, p in known.items() if p.default is not REQUIRED}
    found = defaults | dict(objective.parameters)
    if answered := attests(objective.indicator, objective.id, found):
        found["attests"] = answered
    return found
