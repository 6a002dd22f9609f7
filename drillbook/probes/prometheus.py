"""What a Prometheus remembers: which series are a component's, and how much of the time asked for it has seen.

A number over a window is only as good as the history behind it. What Prometheus hasn't seen could have been anything,
so it widens the bounds of an observation, and never counts as zero.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drillbook.clients.access import authority_of
from drillbook.clients.prometheus import Prometheus, open_prometheus
from drillbook.clients.reach import http_endpoint
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.policy import Component
from drillbook.probes.scene import Scene
from drillbook.probes.windows import seconds_of

DEFAULT_WINDOW: Final = 300.0
"""Seconds that a number is taken over where the policy says nothing else."""
RATE_SAMPLES: Final = 4
"""Scrapes that a rate needs at least: with two, one that was missed leaves nothing, and a reset leaves too little."""
_YOUNG: Final = 12.0
"""Seconds of a Prometheus' life in which few scrapes are no surprise: it takes five to begin with the first."""
_RECENT: Final = 900.0
"""Seconds of which every single scrape is asked for."""
_COVERED: Final = 0.9
"""The share of a window from which on it counts as seen: its first scrape is never at its very beginning."""
_LABELS: Final = re.compile(r'\s*[a-zA-Z_]\w*\s*(=|!=|=~|!~)\s*"(?:[^"\\]|\\.)*"\s*(,|$)')


@dataclass(frozen=True, slots=True)
class Watched:
    """What Prometheus has seen of a component's targets in the time that was asked for."""

    asked: float
    """Seconds that were asked for, up to now."""
    seen: float
    """Seconds of them in which it was scraping."""
    interval: float
    """Seconds between two scrapes."""
    scrapes: int
    """Of the target that was scraped least."""
    targets: int

    @property
    def share(self) -> float:
        """Of the time that was asked for; 1 when all of it was seen."""
        return 1.0 if self.seen >= _COVERED * self.asked - self.interval else min(1.0, self.seen / self.asked)

    @property
    def remedy(self) -> str:
        """What to wait for; empty when all of it was seen."""
        return "" if self.share == 1 else f"wait {self.asked - self.seen:.0f} s more for Prometheus to have seen it"

    @property
    def told(self) -> dict[str, Any]:
        return {
            "asked_seconds": round(self.asked, 1),
            "seen_seconds": round(self.seen, 1),
            "scrape_interval_seconds": round(self.interval, 3),
            "targets": self.targets,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """One component as one Prometheus knows it."""

    prometheus: Prometheus
    selector: str
    """Matchers of its targets' labels: ``namespace="shop",job="api"``."""

    def series(self, metric: str, *more: str) -> str:
        """A selector of a metric's series: the component's targets, and more matchers."""
        return f"{metric}{{{','.join((self.selector, *more))}}}"


async def prometheus_of(scene: Scene) -> Prometheus:
    """The Prometheus that the policy names as a component of engine prometheus. Raises ConfigError, Unreachable."""

    async def connect() -> Prometheus:
        found = [one for one in scene.policy.components.values() if one.engine == "prometheus"]
        if len(found) != 1:
            raise ConfigError(
                f"expected one component with engine: prometheus, to ask what it remembers; the policy has {len(found)}"
            )
        endpoint = await http_endpoint(scene.kube, scene.environment, found[0])
        return await scene.keep(open_prometheus(endpoint, ca=authority_of(scene.environment, found[0].id)))

    return await scene.once("prometheus", connect)


async def subject_of(scene: Scene, component: Component, parameters: Mapping[str, Any]) -> Subject:
    """The component's targets: by the parameter ``labels``, else by its namespace and, as job, its Service."""
    given = parameters.get("labels")
    if given is None:
        job = component.service or (component.workload.name if component.workload else component.id)
        given = f'namespace="{component.namespace}",job="{job}"'
    elif not re.fullmatch(f"(?:{_LABELS.pattern})+", given):
        raise ConfigError(f"parameter labels: expected matchers such as 'job=\"api\"', found {given!r}")
    return Subject(await prometheus_of(scene), given)


async def watched(scene: Scene, subject: Subject, seconds: float) -> Watched:
    """How much of the last ``seconds`` Prometheus has seen of these targets.

    Waits for a Prometheus that has only just begun. Raises Unreachable where it scrapes no such target, or doesn't any
    more: what is remembered of it then is not of now.
    """

    async def look() -> Watched:
        while True:
            found = await _watched(subject, seconds)
            enough = found is not None and found.scrapes >= RATE_SAMPLES
            if enough or await subject.prometheus.age() > _YOUNG:
                break
            await asyncio.sleep(0.5)
        if found is not None:
            return found
        jobs = sorted({one.labels.get("job", "") for one in await subject.prometheus.targets()})
        raise Unreachable(
            f"{subject.prometheus.where} has scraped no target up{{{subject.selector}}} in the last {seconds:g} s; "
            f"its jobs are {', '.join(jobs) or 'none'}: say which labels they have (parameter labels)"
        )

    return await scene.once(("watched", subject.selector, seconds), look)


async def _watched(subject: Subject, seconds: float) -> Watched | None:
    # Scrapes have a point each in ``up``, also those that failed. All of them for a while, of longer times the number.
    recent = await subject.prometheus.query(f"{subject.series('up')}[{prom_duration(min(seconds, _RECENT))}]")
    times = [[at for at, _ in one.points] for one in recent]
    if not times:
        return None
    steps = sorted(later - earlier for one in times for earlier, later in itertools.pairwise(one))
    interval = steps[len(steps) // 2] if steps else seconds
    last = max(one[-1] for one in times)
    alive = [one for one in times if last - one[-1] <= RATE_SAMPLES * interval]
    most = await subject.prometheus.query(f"max(count_over_time({subject.series('up')}[{prom_duration(seconds)}]))")
    # Not from the first to the last: of a time in which nothing was scraped, its two ends say nothing.
    return Watched(seconds, most[0].last * interval, interval, min(len(one) for one in alive), len(alive))


def window_of(parameters: Mapping[str, Any], usual: float = DEFAULT_WINDOW) -> float:
    """The window in seconds that a number is taken over."""
    return seconds_of(parameters, "window") if parameters.get("window") else usual


def lasting_of(parameters: Mapping[str, Any]) -> float | None:
    """For how many seconds a condition must hold (``for``); None where every moment counts."""
    return seconds_of(parameters, "for") if parameters.get("for") else None


def prom_duration(seconds: float) -> str:
    """As PromQL writes it."""
    return f"{round(seconds * 1000)}ms"
