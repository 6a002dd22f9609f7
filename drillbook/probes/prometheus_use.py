"""Whether targets are up, and what pods, pools and disks use of what they may, as Prometheus remembers it.

All of these can be asked for a while (``for``): a spike ends by itself, and what a runbook alerts on doesn't.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drillbook.clients.kube import Object
from drillbook.clients.kube_quantity import kube_quantity
from drillbook.clients.prometheus import Prometheus, Series
from drillbook.errors import Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.prometheus import (
    DEFAULT_WINDOW,
    RATE_SAMPLES,
    Subject,
    Watched,
    lasting_of,
    prom_duration,
    prometheus_of,
    subject_of,
    watched,
    window_of,
)
from drillbook.probes.prometheus_held import Worse, held, look_back, moments_of, told
from drillbook.probes.scene import Scene, needed
from drillbook.probes.workloads import lasting_containers, pods

_NO_DISKS: Final = "tmpfs|overlay|squashfs|ramfs|iso9660|nsfs|rootfs"
"""File systems that are no disks, or are full by nature."""
_NOW: Final = 0.0
"""Seconds of the while where every moment counts: the newest value alone."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What to ask Prometheus, and how to read its answer."""

    where: str
    dimension: Dimension
    expression: str
    worse: Worse
    best: float


async def up(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """1 where a target of the component was scraped, else 0; with ``for``, 0 only if none was, all that time.

    A target that is gone has no series at all, which is as down as one that doesn't answer.
    """
    asked = needed(component, "service.up")
    subject, lasting = await subject_of(scene, asked, parameters), lasting_of(parameters) or _NOW
    target = subject.series("up")
    # Any series of ``up`` shows that Prometheus itself was there to look.
    known = await watched(scene, Subject(subject.prometheus, ""), lasting or DEFAULT_WINDOW)
    if not await subject.prometheus.query(f"count_over_time({target}[1h])"):
        await watched(scene, subject, 3600)
    expression = f"max({_bounded(target, known)}) or 0 * count({_bounded('up', known)})"
    where = f"up of {subject.selector} at {subject.prometheus.where}"
    question = _Question(where, Dimension.COUNT, expression, "below", 1.0)
    return await _asked(scene, subject.prometheus, question, known, lasting)


async def pool_used_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Connections in use over the pool's size, of the fullest pool of any pod."""
    asked = needed(component, "pool.used_ratio")
    subject, lasting = await subject_of(scene, asked, parameters), lasting_of(parameters) or _NOW
    seen = await watched(scene, subject, lasting or DEFAULT_WINDOW)
    used, size = (_bounded(subject.series(str(parameters[name])), seen) for name in ("used", "size"))
    where = f"{parameters['used']} over {parameters['size']} of {subject.selector} at {subject.prometheus.where}"
    # The last value of a gauge keeps its name, and names would have to match.
    question = _Question(where, Dimension.RATIO, f"({used} + 0) / ({size} > 0)", "above", 0.0)
    return await _asked(scene, subject.prometheus, question, seen, lasting)


async def cpu_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """CPU used over the CPU limit (or request) of each container; with ``for``, what it was all that time."""
    return await _of_containers(scene, needed(component, "pod.cpu_ratio"), parameters, "cpu")


async def memory_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Working set over the memory limit (or request) of each container; with ``for``, what it was all that time."""
    return await _of_containers(scene, needed(component, "pod.memory_ratio"), parameters, "memory")


async def disk_ratio(scene: Scene, _component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """One less the share that is available of the fullest file system of any node that isn't read-only."""
    prometheus, lasting = await prometheus_of(scene), lasting_of(parameters) or _NOW
    subject = Subject(prometheus, parameters.get("labels") or 'job=~".+"')
    disks = f'fstype!~"{_NO_DISKS}"'
    size, room, locked = (
        subject.series(f"node_filesystem_{name}", disks) for name in ("size_bytes", "avail_bytes", "readonly")
    )
    if not await prometheus.query(f"count({size})"):
        raise Unreachable(f"{prometheus.where} has no {size}: it scrapes no node_exporter with these labels")
    seen = await watched(scene, subject, lasting or DEFAULT_WINDOW)
    expression = f"1 - ({room} / ({size} > 0)) unless on (instance, mountpoint) ({locked} == 1)"
    where = f"file systems of nodes at {prometheus.where}"
    return await _asked(scene, prometheus, _Question(where, Dimension.RATIO, expression, "above", 0.0), seen, lasting)


async def _asked(
    scene: Scene, prometheus: Prometheus, question: _Question, seen: Watched, lasting: float
) -> Observation:
    series = await look_back(prometheus, question.expression, lasting, seen.interval)
    return _observed(scene, question, series, seen, lasting)


def _observed(
    scene: Scene, question: _Question, series: Sequence[Series], seen: Watched, lasting: float
) -> Observation:
    """What held all the while in the worst series, as an observation."""
    moments = moments_of(lasting, seen.interval)[1]
    result = held(series, moments, question.worse, question.best)
    evidence: dict[str, Any] = {"for_seconds": lasting, "history": seen.told}
    if result is None:
        problem = f"Prometheus has no value of it in the last {lasting:g} s"
        remedy = "look whether its metrics are scraped, and which labels they have (parameter labels)"
        return scene.unseen(question.dimension, question.where, problem, remedy=remedy, evidence=evidence)
    return scene.seen(
        question.dimension,
        question.where,
        round(result.value, 6),
        low=round(result.low, 6),
        high=round(result.high, 6),
        samples=result.moments,
        remedy=seen.remedy or "look whether Prometheus missed scrapes",
        evidence=evidence | told(result, moments, series),
    )


def _bounded(series: str, seen: Watched) -> str:
    """The newest value of a series, for as long as a few scrapes: Prometheus itself would go on for five minutes."""
    return f"last_over_time({series}[{prom_duration(RATE_SAMPLES * seen.interval)}])"


async def _of_containers(
    scene: Scene, component: Component, parameters: Mapping[str, Any], resource: str
) -> Observation:
    """Used over the limit or request of each of the workload's containers.

    Used is Prometheus' (cAdvisor's series of containers, not the pod's own that sums them up); what they may use is the
    cluster's, for the series of limits are another exporter's and may not be there.
    """
    lasting, bound = lasting_of(parameters) or _NOW, str(parameters["of"])
    running = await pods(scene, component)
    where = f"{resource} of {component.workload} in namespace {component.namespace} over its {bound}"
    if not running:
        return scene.unseen(Dimension.RATIO, where, f"{component.workload} has no running pod")
    bounds = dict(_bounds(running, resource, bound))
    without = sorted(f"{pod}/{container}" for (pod, container), value in bounds.items() if not value)
    if without:
        problem = f"no {resource} {bound}, so no ratio: {', '.join(without)}"
        return scene.unseen(Dimension.RATIO, where, problem, remedy=f"set resources.{bound}s.{resource}")
    # Names of pods are letters, digits, dashes and dots; what a dot lets in besides is left out below.
    names = "|".join(sorted({pod for pod, _ in bounds}))
    subject = Subject(await prometheus_of(scene), _containers(component, names, parameters))
    seen = await watched(scene, Subject(subject.prometheus, ""), lasting or DEFAULT_WINDOW)
    window = window_of(parameters, RATE_SAMPLES * seen.interval)
    series = await look_back(subject.prometheus, _use(subject, resource, window), lasting, seen.interval)
    ratios = [_divided(one, bounds[key]) for one in series if (key := _container_of(one)) in bounds]
    if parameters["statistic"] == "average":
        ratios = _together(ratios, series, bounds)
    where = f"{where} at {subject.prometheus.where}"
    return _observed(scene, _Question(where, Dimension.RATIO, "", "above", 0.0), ratios, seen, lasting)


def _containers(component: Component, names: str, parameters: Mapping[str, Any]) -> str:
    own = f'namespace="{component.namespace}",pod=~"{names}",container!="",container!="POD"'
    return f"{own},{parameters['labels']}" if parameters.get("labels") else own


def _use(subject: Subject, resource: str, window: float) -> str:
    span = prom_duration(window)
    if resource == "cpu":
        used = f"rate({subject.series('container_cpu_usage_seconds_total')}[{span}])"
    else:
        used = f"last_over_time({subject.series('container_memory_working_set_bytes')}[{span}])"
    # A container may have a series for each of its CPUs, or for each of its runs.
    return f"sum by (pod, container) ({used})" if resource == "cpu" else f"max by (pod, container) ({used})"


def _bounds(running: Iterable[Object], resource: str, bound: str) -> Iterable[tuple[tuple[str, str], float]]:
    for pod in running:
        for container in lasting_containers(pod["spec"]):
            resources = container.get("resources") or {}
            own = (resources.get(f"{bound}s") or {}).get(resource) or (resources.get("limits") or {}).get(resource)
            yield (pod["metadata"]["name"], container["name"]), float(kube_quantity(own or 0))


def _container_of(one: Series) -> tuple[str, str]:
    return one.labels.get("pod", ""), one.labels.get("container", "")


def _divided(one: Series, by: float) -> Series:
    return Series(one.labels, tuple((at, value / by) for at, value in one.points))


def _together(
    ratios: Sequence[Series], used: Sequence[Series], bounds: Mapping[tuple[str, str], float]
) -> list[Series]:
    """What all of them use over what all of them may, at the moments at which all of them were seen."""
    if len(ratios) < len(bounds):
        return []
    sums: dict[float, list[float]] = {}
    for one in used:
        if _container_of(one) in bounds:
            for at, value in one.points:
                sums.setdefault(at, []).append(value)
    whole = sum(bounds.values())
    points = tuple((at, sum(values) / whole) for at, values in sorted(sums.items()) if len(values) == len(bounds))
    return [Series({}, points)] if points else []
