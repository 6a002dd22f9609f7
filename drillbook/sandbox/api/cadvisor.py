"""The kubelet's ``/metrics/cadvisor``: what containers use and may use, in Prometheus' text format.

As cAdvisor has it, each pod has a series of its own too, without a container: who sums over all of them counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from drillbook.sandbox.api.quantities import parse
from drillbook.sandbox.kinds import Object

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CPU, WORKING_SET = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
TYPES: Final = {
    CPU: "counter",
    "container_memory_usage_bytes": "gauge",
    "container_memory_rss": "gauge",
    WORKING_SET: "gauge",
    "container_spec_cpu_period": "gauge",
    "container_spec_cpu_quota": "gauge",
    "container_spec_memory_limit_bytes": "gauge",
}
_PERIOD: Final = 100_000
"""Microseconds of a CFS period, the kernel's default."""

type Sample = tuple[str, Mapping[str, str], float, int]
"""Metric, labels, value, and when it was taken: milliseconds since 1970."""


def page(summary: Object, pods: Mapping[tuple[str, str], Object]) -> str:
    """The page of one node, from its kubelet's summary and its pods by namespace and name."""
    samples = [sample for told in summary["pods"] for sample in _pod(told, pods)]
    lines = []
    for metric, kind in TYPES.items():
        lines.append(f"# TYPE {metric} {kind}")
        lines += [_line(*sample) for sample in samples if sample[0] == metric]
    return "\n".join(lines) + "\n"


def _pod(told: Object, pods: Mapping[tuple[str, str], Object]) -> Iterator[Sample]:
    place = {"namespace": told["podRef"]["namespace"], "pod": told["podRef"]["name"]}
    pod = pods.get((place["namespace"], place["pod"]))
    specs = (
        {c["name"]: c for c in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ()))} if pod else {}
    )
    sums: dict[str, float] = {}
    last = 0
    for container in told["containers"]:
        spec = specs.get(container["name"])
        if spec is None:
            continue
        labels = place | {
            "container": container["name"],
            "image": spec["image"],
            "id": f"/kubepods/{container['name']}",
        }
        last = round(datetime.fromisoformat(container["cpu"]["time"]).timestamp() * 1000)
        for metric, value in _used(container):
            sums[metric] = sums.get(metric, 0.0) + value
            yield metric, labels, value, last
        for metric, value in _may(spec):
            yield metric, labels, value, last
    for metric, value in sums.items():
        yield metric, place | {"container": "", "image": "", "id": "/kubepods"}, value, last


def _used(container: Object) -> Iterable[tuple[str, float]]:
    memory = container["memory"]
    yield CPU, container["cpu"]["usageCoreNanoSeconds"] / 1e9
    yield "container_memory_usage_bytes", memory["workingSetBytes"]
    yield "container_memory_rss", memory["rssBytes"]
    yield WORKING_SET, memory["workingSetBytes"]


def _may(spec: Object) -> Iterable[tuple[str, float]]:
    """Its limits; no quota without one, and 0 for unlimited memory, as cAdvisor says it."""
    limits = (spec.get("resources") or {}).get("limits") or {}
    yield "container_spec_cpu_period", _PERIOD
    if "cpu" in limits:
        yield "container_spec_cpu_quota", float(parse(str(limits["cpu"]))) * _PERIOD
    yield "container_spec_memory_limit_bytes", float(parse(str(limits.get("memory", 0))))


def _line(metric: str, labels: Mapping[str, str], value: float, at: int) -> str:
    inside = ",".join(f'{name}="{text}"' for name, text in labels.items())
    return f"{metric}{{{inside}}} {value!r} {at}"
