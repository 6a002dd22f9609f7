"""Which probe observes which indicator: one line each, for every name in ``model.indicators.INDICATORS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.probes import certificates, database, http, pods, services, volumes, workloads
from drillbook.probes.scene import Probe

PROBES: Final[Mapping[str, Probe]] = {
    "http.latency": http.latency,
    "http.error_ratio": http.error_ratio,
    "http.health": http.health,
    "database.connections": database.connections,
    "database.max_connections": database.max_connections,
    "pod.cpu_ratio": pods.cpu_ratio,
    "pod.memory_ratio": pods.memory_ratio,
    "volume.used_ratio": volumes.used_ratio,
    "workload.ready_replicas": workloads.ready_replicas,
    "workload.cpu": workloads.cpu,
    "workload.memory": workloads.memory,
    "services.least_endpoints": services.least_endpoints,
    "certificate.time_left": certificates.time_left,
}
