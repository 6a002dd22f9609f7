"""Prometheus' HTTP API, as far as checks need it: queries, rules, alerts, targets, and the configuration.

API: https://prometheus.io/docs/prometheus/latest/querying/api/. Numbers come as texts, among them ``NaN`` and ``+Inf``;
what an answer warns of is kept, because a query that Prometheus only half answered must not be judged as a whole one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from drillbook.clients.http import HttpClient, Request, open_http
from drillbook.clients.reach import Endpoint
from drillbook.errors import Unreachable

_TIMEOUT: Final = 10.0
_SHOWN: Final = 200
"""Characters of a query that a sentence quotes."""

type Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its points as ``(seconds since 1970, value)``. A value may be NaN or infinite."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule that is loaded."""

    name: str
    expression: str
    seconds: float
    """How long the expression must hold before the alert fires (``for``)."""
    labels: Labels
    health: str
    """``ok``, ``err``, or ``unknown`` until it was evaluated once."""
    state: str
    """``inactive``, ``pending`` or ``firing``."""
    problem: str = ""
    group: str = ""
    interval: float = 0.0
    """Seconds from one evaluation of its group to the next."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target that is scraped."""

    labels: Labels
    health: str
    problem: str
    interval: str


class Prometheus:
    """One Prometheus. Use ``open_prometheus``. Everything raises Unreachable, with what Prometheus said."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"Prometheus at {self._client.endpoint}"

    async def query(self, expression: str) -> tuple[Series, ...]:
        """What an expression gives now: one point for each series, or all of a range such as ``up[5m]``."""
        data = await self._ask("query", query=expression)
        kind, result = data["resultType"], data["result"]
        if kind in {"scalar", "string"}:
            return (Series({}, (_point(result),)),)
        return tuple(_series(one) for one in result)

    async def query_range(self, expression: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        """What an expression gave at each step of a time; a step at which a series had no value has no point."""
        data = await self._ask(
            "query_range", query=expression, start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step:g}"
        )
        return tuple(_series(one) for one in data["result"])

    async def now(self) -> float:
        """Its own time in seconds since 1970: what its points are told by, whatever this machine's clock says."""
        return (await self.query("time()"))[0].last

    async def age(self) -> float:
        """Seconds since it was started, by its own clock."""
        started = (await self._ask("status/runtimeinfo"))["startTime"]
        return await self.now() - datetime.fromisoformat(started).timestamp()

    async def alerting_rules(self) -> tuple[Rule, ...]:
        """Every alerting rule that is loaded."""
        data = await self._ask("rules", type="alert")
        return tuple(_rule(one, group) for group in data["groups"] for one in group["rules"])

    async def alerts(self) -> tuple[Mapping[str, Any], ...]:
        """Every alert that is pending or firing, as Prometheus tells it."""
        return tuple((await self._ask("alerts"))["alerts"])

    async def targets(self) -> tuple[Target, ...]:
        """Every target that is scraped at present."""
        data = await self._ask("targets", state="active")
        return tuple(
            Target(one["labels"], one["health"], one.get("lastError", ""), one.get("scrapeInterval", ""))
            for one in data["activeTargets"]
        )

    async def config(self) -> str:
        """The configuration that is loaded, as YAML; Prometheus hides its secrets."""
        return str((await self._ask("status/config"))["yaml"])

    async def _ask(self, path: str, **options: str) -> Any:
        asked = f"/api/v1/{path}" + (f"?{urlencode(options)}" if options else "")
        answer = await self._client.send(Request("GET", asked))
        about = (
            f"{self.where}: query {_short(options['query'])}" if "query" in options else f"{self.where}: /api/v1/{path}"
        )
        if answer.status is None:
            raise Unreachable(f"{about}: {answer.problem}")
        try:
            said = json.loads(answer.body)
            status = said["status"]
        except (ValueError, LookupError, TypeError) as error:
            raise Unreachable(f"{about} was answered with {answer.status} and no JSON: is it a Prometheus?") from error
        if status != "success":
            raise Unreachable(f"{about} was refused ({said.get('errorType', answer.status)}): {said.get('error', '')}")
        if said.get("warnings"):
            raise Unreachable(f"{about} was answered in part: {'; '.join(said['warnings'])}")
        return said["data"]


@asynccontextmanager
async def open_prometheus(endpoint: Endpoint, *, ca: Path | None = None) -> AsyncIterator[Prometheus]:
    """A client of the Prometheus at ``endpoint``; each question has ten seconds."""
    async with open_http(endpoint, ca=ca, timeout=_TIMEOUT, connections=4) as client:
        yield Prometheus(client)


def _series(one: Mapping[str, Any]) -> Series:
    points = one["values"] if "values" in one else [one["value"]]
    return Series(one["metric"], tuple(map(_point, points)))


def _point(pair: Any) -> tuple[float, float]:
    # float() reads Prometheus' "NaN", "+Inf" and "-Inf" as they are meant.
    return float(pair[0]), float(pair[1])


def _rule(one: Mapping[str, Any], group: Mapping[str, Any]) -> Rule:
    return Rule(
        name=one["name"],
        expression=one["query"],
        seconds=float(one.get("duration", 0)),
        labels=one.get("labels") or {},
        health=one.get("health", "unknown"),
        state=one.get("state", "inactive"),
        problem=one.get("lastError", ""),
        group=str(group["name"]),
        interval=float(group.get("interval", 0)),
    )


def _short(query: str) -> str:
    return query if len(query) <= _SHOWN else f"{query[:_SHOWN]}…"
