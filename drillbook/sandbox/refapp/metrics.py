"""Counters, histograms and gauges in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import os
import resource
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0)
"""Upper edges in seconds; 2 s is among them because a limit on latency needs an edge of its own."""

type Labels = tuple[str, ...]


class Counter:
    """A number that grows, for each combination of labels."""

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        self.name, self.help_text, self.labels = name, help_text, labels
        self.values: dict[Labels, float] = {} if labels else {(): 0.0}

    def inc(self, *labels: str, by: float = 1.0) -> None:
        """Count once more."""
        self.values[labels] = self.values.get(labels, 0.0) + by

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help_text, "counter")
        for labels, value in self.values.items():
            yield sample(self.name, dict(zip(self.labels, labels, strict=True)), value)


class Histogram:
    """Durations in seconds, counted into ``BUCKETS``."""

    def __init__(self, name: str, help_text: str, labels: Labels = ()) -> None:
        self.name, self.help_text, self.labels = name, help_text, labels
        self.counts: dict[Labels, list[int]] = {}
        self.sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        counts = self.counts.setdefault(labels, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self.sums[labels] = self.sums.get(labels, 0.0) + seconds

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help_text, "histogram")
        for labels, counts in self.counts.items():
            named = dict(zip(self.labels, labels, strict=True))
            total = 0
            for edge, count in zip((*BUCKETS, float("inf")), counts, strict=True):
                total += count
                yield sample(f"{self.name}_bucket", named | {"le": number(edge)}, total)
            yield sample(f"{self.name}_sum", named, self.sums[labels])
            yield sample(f"{self.name}_count", named, total)


class Gauge:
    """A number that is looked up when it is asked for."""

    def __init__(self, name: str, help_text: str, look: Callable[[], float], kind: str = "gauge") -> None:
        self.name, self.help_text, self.look, self.kind = name, help_text, look, kind

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help_text, self.kind)
        yield sample(self.name, {}, self.look())


class Registry:
    """Everything that a process tells of itself."""

    def __init__(self) -> None:
        self._families: list[Counter | Histogram | Gauge] = list(_process())

    def add[Family: (Counter, Histogram, Gauge)](self, family: Family) -> Family:
        """Have one more family told, and hand it back."""
        self._families.append(family)
        return family

    def text(self) -> str:
        """The whole page."""
        return "".join(f"{line}\n" for family in self._families for line in family.lines())


def sample(name: str, labels: Mapping[str, str], value: float) -> str:
    """One line of the page."""
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {number(value)}" if inside else f"{name} {number(value)}"


def number(value: float) -> str:
    """A float as the format has it."""
    if value == float("inf"):
        return "+Inf"
    return repr(float(value))


def _head(name: str, help_text: str, kind: str) -> Iterable[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _process() -> Iterable[Gauge]:
    """The metrics that Prometheus' own client libraries give to every process."""
    started = time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - _started_after_boot())
    page = resource.getpagesize()

    def memory(field: int) -> float:
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[field]) * page

    yield Gauge("process_cpu_seconds_total", "User and system CPU time spent in seconds.", time.process_time, "counter")
    yield Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", lambda: memory(1))
    yield Gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", lambda: memory(0))
    yield Gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", lambda: started)
    yield Gauge("process_open_fds", "Number of open file descriptors.", _open_files)
    yield Gauge(
        "process_max_fds",
        "Maximum number of open file descriptors.",
        lambda: float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    )


def _open_files() -> float:
    return float(sum(1 for _ in Path("/proc/self/fd").iterdir()))


def _started_after_boot() -> float:
    """Seconds from the machine's boot to this process's start: field 22 of its stat, after the name in brackets."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
