"""Histories for a real Prometheus to remember: series written straight into its storage, no time spent scraping.

Each job is one story. It goes on for a while after the tests began, as if it were still being scraped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

INTERVAL = 15.0
"""Seconds between two scrapes."""
BACK, AHEAD = 2400.0, 900.0
"""Seconds before and after the tests' begin."""

type Value = Callable[[float], float | None]
"""A series' value at a time: seconds after the tests began, below zero for what is past. None where it has none."""


@dataclass
class History:
    """All series of all jobs."""

    series: list[tuple[str, str, Value]] = field(default_factory=list)

    def job(
        self, name: str, pods: str = "a", since: float = -BACK, until: float = AHEAD, up: Value | None = None
    ) -> None:
        """A job's targets, one for each letter; watched from ``since`` until ``until``."""
        for pod in pods:
            self.add("up", name, pod, up or (lambda _: 1.0), since, until)

    def add(
        self, metric: str, job: str, pod: str, value: Value, since: float = -BACK, until: float = AHEAD, **labels: str
    ) -> None:
        """One series of a pod."""
        own = {"job": job, "namespace": "shop", "instance": pod, "pod": pod} | labels
        text = ",".join(f'{key}="{said}"' for key, said in own.items())
        self.series.append((metric, text, lambda t: value(t) if since <= t <= until else None))

    def requests(self, job: str, pod: str, status: str, value: Value, since: float = -BACK) -> None:
        """A counter of users' requests."""
        self.add("http_requests_total", job, pod, value, since, path="/orders", status=status)

    def durations(self, job: str, pod: str, counts: dict[str, Value]) -> None:
        """A histogram: the cumulative count of each edge."""
        for edge, value in counts.items():
            self.add("http_request_duration_seconds_bucket", job, pod, value, path="/orders", le=edge)

    def openmetrics(self, began: float) -> Iterator[str]:
        """As ``promtool tsdb create-blocks-from openmetrics`` reads it."""
        kinds: dict[str, list[tuple[str, Value]]] = {}
        for metric, labels, value in self.series:
            kinds.setdefault(metric, []).append((labels, value))
        steps = int((BACK + AHEAD) / INTERVAL) + 1
        for metric, each in kinds.items():
            yield f"# TYPE {metric} unknown"
            for labels, value in each:
                for step in range(steps):
                    at = step * INTERVAL - BACK
                    number = value(at)
                    if number is not None:
                        yield f"{metric}{{{labels}}} {number!r} {began + at:.3f}"
        yield "# EOF"


def rising(rate: float, since: float = -BACK) -> Callable[[float], float]:
    """A counter that grows by ``rate`` a second from ``since`` on, and stands still before."""
    return lambda t: rate * max(0.0, t - since)


def starting_over(rate: float, at: float) -> Value:
    """A counter whose process restarted at a moment."""
    return lambda t: rate * (t - at) if t >= at else rate * (t + BACK)


def always(value: float) -> Value:
    return lambda _: value
