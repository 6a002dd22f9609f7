"""All violations, by indicator: each group in a file of its own, named as the group in ``model.indicators``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drillbook.proof.violation import Violation
from drillbook.proof.violations import (
    cache,
    certificates,
    cluster,
    config,
    database,
    database_content,
    database_settings,
    http,
    logs,
    pod_ends,
    pods,
    pools,
    prometheus,
    proxy,
    rollouts,
    secrets,
    storage,
    volumes,
    workloads,
)

__all__ = ["VIOLATIONS"]

_GROUPS: Final = (
    *(http, workloads, rollouts, pods, pod_ends, volumes, cluster, config, proxy, secrets, logs),
    *(database, database_content, database_settings, pools, cache, storage, certificates, prometheus),
)

VIOLATIONS: Final[Mapping[str, Violation]] = {v.indicator: v for group in _GROUPS for v in group.VIOLATIONS}
