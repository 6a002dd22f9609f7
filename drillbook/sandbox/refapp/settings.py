"""What the environment says: the only configuration of the reference service."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from drillbook.errors import ConfigError

PORTS: Final = {"backend": 8000, "frontend": 8080, "worker": 9100, "flower": 5555, "provider": 8080}


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is, and how many connections to it may be open."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    pool_size: int
    seconds: float
    """The longest that one use of a connection may take, waiting for a free one not included."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where the cache is."""

    host: str
    port: int
    database: int
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """One role's settings."""

    role: str
    version: str
    pod: str
    address: str
    port: int
    drain_seconds: float
    """How long a stopping process goes on answering, until everybody has heard that it stops."""
    control: str | None
    """The socket of the misbehaviour switches; only a sandbox names one."""
    database: DatabaseSettings
    cache: CacheSettings
    metrics_port: int | None = None
    """A second port that answers too, for systems whose metrics have one of their own."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Paths of a system's own that mean one of ours: ``/actuator/health`` -> ``/health``."""
    healthy: str = "healthy"
    """What a health check says when all is well: ``UP`` for a system that speaks as Spring does."""
    provider: str | None = None
    """Where a provider of language models takes prompts; a system without one has no /completions."""


def read(role: str, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a role; ConfigError names the variable that can't be used."""
    return Settings(
        role=role,
        version=env.get("APP_VERSION", "v0.0.0"),
        pod=env.get("POD_NAME") or env.get("HOSTNAME") or socket.gethostname(),
        address=env.get("POD_IP") or "0.0.0.0",
        port=_number(env, "PORT", PORTS[role]),
        drain_seconds=_number(env, "DRAIN_MILLISECONDS", 300) / 1000,
        control=env.get("DRILLBOOK_CONTROL") or None,
        database=DatabaseSettings(
            host=env.get("DATABASE_HOST", "postgres"),
            port=_number(env, "DATABASE_PORT", 5432),
            name=env.get("DATABASE_NAME", "postgres"),
            user=env.get("DATABASE_USER", "postgres"),
            password=env.get("DATABASE_PASSWORD", ""),
            pool_size=max(1, _number(env, "DATABASE_POOL_SIZE", 2)),
            seconds=_number(env, "DATABASE_TIMEOUT_MILLISECONDS", 5000) / 1000,
        ),
        cache=_cache(env.get("REDIS_URL", "redis://redis:6379/0")),
        metrics_port=_number(env, "METRICS_PORT", 0) or None,
        aliases=dict(map(_alias, env.get("ROUTE_ALIASES", "").split())),
        healthy=env.get("HEALTHY_STATUS") or "healthy",
        provider=_provider(env.get("PROVIDER_URL", "")),
    )


def _alias(text: str) -> tuple[str, str]:
    alias, _, path = text.partition("=")
    if not alias.startswith("/") or not path.startswith("/"):
        raise ConfigError(f"ROUTE_ALIASES: expected /ALIAS=/PATH, separated by spaces, found {text!r}")
    return alias, path


def _provider(url: str) -> str | None:
    parts = urlsplit(url)
    if url and (parts.scheme != "http" or not parts.hostname):
        raise ConfigError(f"PROVIDER_URL: expected http://HOST[:PORT]/PATH, found {url!r}")
    return url or None


def _cache(url: str) -> CacheSettings:
    parts = urlsplit(url)
    database = parts.path.strip("/") or "0"
    if parts.scheme != "redis" or not parts.hostname or not database.isdigit():
        # The URL may hold a password, so it is not repeated.
        raise ConfigError("REDIS_URL: expected redis://[:PASSWORD@]HOST[:PORT][/DATABASE], found something else")
    password = unquote(parts.password) if parts.password else None
    return CacheSettings(parts.hostname, parts.port or 6379, int(database), password)


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    # A Service called "database" makes Kubernetes set DATABASE_PORT=tcp://10.0.0.1:5432 in every pod beside it.
    text = text.rpartition(":")[2] if text.startswith("tcp://") else text
    if not text.isdigit():
        raise ConfigError(f"{name}: expected a whole number, found {text!r}")
    return int(text)
