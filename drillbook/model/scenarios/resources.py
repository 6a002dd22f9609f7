"""Scenarios of what is used: CPU and memory of containers, disks, connections, pools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from drillbook.model.scenarios.base import LONG_AGO, Line, Scenario, between, counter, gauge, gone

_CORES: Final = "container_cpu_usage_seconds_total"
_BOUND: Final = "kube_pod_container_resource_limits"
_POOLS: Final = (
    ("hikaricp_connections_active", "hikaricp_connections_max"),
    ("database_pool_in_use", "database_pool_size"),
)
"""Gauges of a pool's connections in use and of its size, by the names that libraries give them."""
_GIB: Final = float(2**30)


def _container(pod: str = "a", container: str = "app") -> dict[str, str]:
    return {"instance": "node-1", "pod": pod, "container": container, "image": "app:1", "id": f"/{pod}/{container}"}


def _whole(pod: str = "a") -> dict[str, str]:
    """The pod's own series, which cAdvisor has beside its containers'."""
    return {"instance": "node-1", "pod": pod, "container": "", "image": "", "id": f"/{pod}"}


def _cpu(used: float, limit: float | None) -> Iterable[Line]:
    yield counter(_CORES, _container(), used)
    yield counter(_CORES, _whole(), used)
    yield gauge("container_spec_cpu_period", _container(), 100_000)
    if limit is not None:
        yield gauge("container_spec_cpu_quota", _container(), limit * 100_000)
        yield gauge(_BOUND, {"pod": "a", "container": "app", "resource": "cpu", "unit": "core"}, limit)


def cpu_ratio(limit: float) -> tuple[Scenario, ...]:
    """Of cores used over the limit of the container."""
    over = between(limit)
    return (
        Scenario("idle", tuple(_cpu(0.01, 0.5)), False, "it fires for a container that does nothing"),
        Scenario("half", tuple(_cpu(0.25 * limit, 0.5)), False, "it fires at half the limit of a small container"),
        Scenario(
            "near", tuple(_cpu(0.45 * limit, 0.5)), False, "it fires below the limit: a pod's own series counts again"
        ),
        Scenario(
            "over",
            tuple(_cpu(0.5 * over, 0.5)),
            True,
            "it is silent beyond the limit of a small container: it is in cores",
        ),
        Scenario("large", tuple(_cpu(4 * limit / 2, 4.0)), False, "it fires at half the limit of a large container"),
        Scenario("large-over", tuple(_cpu(4 * over, 4.0)), True, "it is silent beyond the limit of a large container"),
    )


def cpu(limit: float) -> tuple[Scenario, ...]:
    """Of cores that a container uses."""
    return (
        Scenario("half", tuple(_cpu(limit / 2, None)), False, "it fires at half the limit"),
        Scenario("twice", tuple(_cpu(2 * limit, None)), True, "it is silent at twice the limit"),
    )


def _memory(kept: float, cache: float, limit: float) -> Iterable[Line]:
    for labels in (_container(), _whole()):
        yield gauge("container_memory_working_set_bytes", labels, kept)
        yield gauge("container_memory_usage_bytes", labels, kept + cache)
        yield gauge("container_memory_rss", labels, kept)
        yield gauge("container_spec_memory_limit_bytes", labels, limit)
    if limit:
        yield gauge(_BOUND, {"pod": "a", "container": "app", "resource": "memory", "unit": "byte"}, limit)


def memory_ratio(limit: float) -> tuple[Scenario, ...]:
    """Of the working set over the limit of the container."""
    return (
        Scenario("half", tuple(_memory(limit / 2 * _GIB, 0, _GIB)), False, "it fires at half the limit"),
        Scenario("over", tuple(_memory(between(limit) * _GIB, 0, _GIB)), True, "it is silent beyond the limit"),
        Scenario(
            "cache",
            tuple(_memory(0.2 * _GIB, 0.79 * _GIB, _GIB)),
            False,
            "it fires for page cache, which the kernel gives back",
        ),
        Scenario(
            "unlimited",
            tuple(_memory(0.2 * _GIB, 0, 0)),
            False,
            "it fires for a container without a limit: x / 0 is +Inf",
        ),
    )


def _disk(room: float, free: float, mount: str = "/", kind: str = "ext4", locked: int = 0) -> Iterable[Line]:
    """A file system of 100 GiB: what users can have of it, and what is free with root's reserve."""
    labels = {"instance": "node-1", "device": f"/dev{mount}", "mountpoint": mount, "fstype": kind}
    for name, value in (("size", 100.0), ("avail", 100 * room), ("free", 100 * free)):
        yield gauge(f"node_filesystem_{name}_bytes", labels, value * _GIB)
    yield gauge("node_filesystem_readonly", labels, locked)


def disk_ratio(limit: float) -> tuple[Scenario, ...]:
    """Of what is used of a node's file system."""
    little, half = 1 - between(limit), 1 - limit / 2
    image = (*_disk(half, half), *_disk(0, 0, "/media/image", "iso9660", locked=1))
    return (
        Scenario("half", tuple(_disk(half, half)), False, "it fires at half the limit"),
        Scenario("over", tuple(_disk(little, little)), True, "it is silent beyond the limit"),
        Scenario(
            "reserve",
            tuple(_disk(little, min(1.0, 1 - limit + 0.02))),
            True,
            "it is silent where all that is left is root's reserve: free is not available",
        ),
        Scenario("image", image, False, "it fires for a read-only image, which is always full"),
    )


def connections(limit: float) -> tuple[Scenario, ...]:
    """Of a server's sessions."""

    def each(count: float, databases: str) -> tuple[Line, ...]:
        places = ({"instance": "postgres", "datname": name} for name in databases)
        return tuple(gauge("pg_stat_database_numbackends", place, count) for place in places)

    return (
        Scenario("half", each(limit / 2, "a"), False, "it fires at half the limit"),
        Scenario("over", each(limit + 5, "a"), True, "it is silent beyond the limit"),
        Scenario(
            "spread",
            each(limit / 2, "abc"),
            True,
            "it is silent where several databases share the server's connections",
        ),
    )


def pool_ratio(limit: float) -> tuple[Scenario, ...]:
    """Of an application's pool."""

    def pools(*used: float) -> tuple[Line, ...]:
        found = []
        for pod, share in zip("abc", used, strict=False):
            labels = {"instance": pod, "pod": pod, "pool": "main"}
            for used_name, size_name in _POOLS:
                found += [gauge(used_name, labels, 20 * share), gauge(size_name, labels, 20)]
        return tuple(found)

    over = between(limit)
    return (
        Scenario("half", pools(limit / 2), False, "it fires at half the limit"),
        Scenario("over", pools(over), True, "it is silent beyond the limit"),
        Scenario("one", pools(over, 0.1, 0.1), True, "it is silent where one of several pods has run dry"),
    )


def restarts(limit: float) -> tuple[Scenario, ...]:
    """Of restarts within a quarter of an hour."""
    metric, labels = "kube_pod_container_status_restarts_total", {"instance": "ksm", "pod": "a", "container": "app"}
    often = (limit + 2) * 2 / 900
    return (
        Scenario("none", (gauge(metric, labels, 0),), False, "it fires where nothing restarts"),
        Scenario(
            "often", (counter(metric, labels, often),), True, "it is silent while a container restarts again and again"
        ),
        Scenario("past", (gauge(metric, labels, 10 * limit + 10),), False, "it fires for restarts of long ago"),
    )


def up(metric: str) -> tuple[Scenario, ...]:
    """Of a target that answers or doesn't: ``up`` itself, or an exporter's own such as ``pg_up``."""
    places = [{"instance": pod, "pod": pod} for pod in "ab"]
    # Others are scraped all the while: it is this one that is gone, not Prometheus.
    other = gauge("up", {"instance": "other", "pod": "other", "job": "another"}, 1)
    return (
        Scenario("up", (*(gauge(metric, one, 1) for one in places), other), False, "it fires while all is up"),
        Scenario("down", (*(gauge(metric, one, 0) for one in places), other), True, "it is silent while all is down"),
        Scenario(
            "gone",
            (*(gone(metric, one, 1, LONG_AGO) for one in places), other),
            True,
            f"it is silent where the target is gone: {metric} has no series then, and nothing equals 0",
        ),
    )
