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
    pods,
    pools,
    proxy,
    secrets,
    storage,
    volumes,
    workloads,
)

__all__ = ["VIOLATIONS"]

_GROUPS: Final = (
    *(http, workloads, pods, volumes, cluster, config, proxy, secrets, logs),
    *(database, database_content, database_settings, pools, cache, storage, certificates),
)

VIOLATIONS: Final[Mapping[str, Violation]] = {v.indicator: v for group in _GROUPS for v in group.VIOLATIONS}
