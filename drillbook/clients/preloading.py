"""Imports the SDKs that a run will need before it begins.

Each client imports its SDK where it is first used, so that a command which uses none is instant. Inside an event loop
that import would stand still for all looks at once, and on a busy machine for longer than their time-outs: what answers
in time would be called silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib import import_module
from typing import Final


class Sdk(StrEnum):
    """What a look can need."""

    HTTP = "http"
    KUBERNETES = "kubernetes"
    POSTGRES = "postgres"
    REDIS = "redis"
    TLS = "tls"


_MODULES: Final[Mapping[Sdk, tuple[str, ...]]] = {
    Sdk.HTTP: ("aiohttp",),
    Sdk.KUBERNETES: ("kubernetes.aio.client", "kubernetes.aio.config", "kubernetes.aio.stream"),
    Sdk.POSTGRES: ("psycopg", "psycopg.rows"),
    Sdk.REDIS: ("redis.asyncio", "redis.asyncio.retry", "redis.backoff", "redis.exceptions"),
    Sdk.TLS: ("cryptography.x509",),
}


def preload(sdks: Iterable[Sdk]) -> None:
    """Import what these need; what is imported already costs nothing."""
    for sdk in sorted(set(sdks)):
        for module in _MODULES[sdk]:
            import_module(module)
