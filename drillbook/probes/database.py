"""Whether a PostgreSQL answers, how many connections it has given away, and how many it has to give."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.postgres import NotServing, SlotsExhausted, TurnedAway
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.asking_sql import Ask, Asking, by_connection, endpoint_of, in_pod, require_postgres
from drillbook.probes.database_limits import configured_maximum, limits_of
from drillbook.probes.running import NothingRuns
from drillbook.probes.scene import Probe, Scene, needed

_OVER_SECONDS: Final = 1.0
"""The samples are spread over this time: one look misses a burst."""
_COUNT: Final = """
    SELECT count(*) FILTER (WHERE backend_type = 'client backend')::int AS clients,
           count(*) FILTER (WHERE backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL)::int AS hidden,
           count(*) FILTER (WHERE state = 'active' AND backend_type = 'client backend')::int AS active,
           count(*) FILTER (WHERE state = 'idle')::int AS idle,
           count(*) FILTER (WHERE state = 'idle in transaction')::int AS idle_in_transaction,
           (SELECT sum(numbackends)::int FROM pg_stat_database) AS backends_in_databases
    FROM pg_stat_activity
"""
"""Client backends only: unfiltered, the server's own processes count too.

Rows of other roles' sessions hide everything but database and user from a role without pg_monitor; those could be
clients, or workers of a client's parallel query, so they widen the interval upwards.
"""
_COLUMNS: Final = {None: "clients", "active": "active", "idle": "idle", "idle in transaction": "idle_in_transaction"}


def up_by(ask: Ask) -> Probe:
    """The probe for 1 where the server answers a query of this user, 0 where it doesn't.

    A server without a free slot answers nobody: 0. One that refuses this user's credentials may serve everybody else,
    so that nothing is claimed.
    """

    async def up(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
        asked = needed(component, "database.up")
        require_postgres(asked)
        where = f"SELECT 1 in the database {asked.database or 'of the user'} of component {asked.id}"
        try:
            asking = await ask(scene, asked)
            answer = await asking.row("SELECT 1 AS one")
        except TurnedAway as refusal:
            remedy = f"give the environment credentials that component {asked.id} accepts"
            return scene.unseen(Dimension.COUNT, where, str(refusal), remedy=remedy)
        except (SlotsExhausted, NothingRuns, NotServing) as refusal:
            return scene.seen(Dimension.COUNT, f"{where}: {refusal}", 0, evidence={"refusal": str(refusal)})
        evidence = {"asked": asking.place, "answer": dict(answer)}
        return scene.seen(Dimension.COUNT, where, int(answer.get("one") == 1), evidence=evidence)

    return up


def connections_by(ask: Ask) -> Probe:
    """The probe for the most client connections among so many samples over about a second, its own among them.

    A server that turns the probe away because it has no slot left has given away all of them: that is what is observed.
    """

    async def connections(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
        asked = needed(component, "database.connections")
        try:
            asking = await ask(scene, asked)
            taken = await _sample(scene, asked, asking, parameters["samples"])
            limits = await limits_of(scene, asked, asking)
        except SlotsExhausted as refusal:
            return await _exhausted(scene, asked, f"pg_stat_activity of component {asked.id}", refusal)
        low, high, hidden = _bounds(taken, "clients")
        return scene.seen(
            Dimension.COUNT,
            f"pg_stat_activity of {asking.place}",
            high,
            low=low,
            high=high,
            samples=len(taken),
            remedy=_grant(asked, hidden),
            evidence=_evidence(taken, "clients", hidden) | dict(limits.settings),
        )

    return connections


async def connections_ratio(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """Client connections (or those in one state) as a share of what there is, the most of several samples.

    ``of: max`` divides by max_connections. ``of: usable`` divides by what applications can have of them: less the
    reserved slots; and a role or a database with a limit of its own counts too, so that the least headroom decides.
    A server that has no slot left for the probe is full.
    """
    asked = needed(component, "database.connections_ratio")
    state, of = parameters["state"], parameters["of"]
    where = f"sessions of component {asked.id} over {of} connections"
    try:
        asking = await by_connection(scene, asked)
        taken = await _sample(scene, asked, asking, parameters["samples"])
        limits = await limits_of(scene, asked, asking)
    except SlotsExhausted as refusal:
        evidence = {"refusal": str(refusal)}
        if state is None:
            return scene.seen(Dimension.RATIO, f"{where}: {refusal}", 1, evidence=evidence)
        remedy = f"grant pg_use_reserved_connections to {asked.user}, so that the probe gets in"
        return scene.unseen(Dimension.RATIO, where, str(refusal), remedy=remedy, evidence=evidence)
    low, high, hidden = _bounds(taken, _COLUMNS[state])
    whole = limits.usable if of == "usable" else limits.maximum
    shares = [(f"the server, {whole}", Decimal(low) / whole, Decimal(high) / whole)]
    if of == "usable" and state is None:
        shares += [(f"{one.whose}, {one.limit}", *(one.share,) * 2) for one in limits.own]
    decisive = max(shares, key=lambda share: share[2])
    return scene.seen(
        Dimension.RATIO,
        f"sessions at {asking.place} over the limit of {decisive[0]}",
        round(decisive[2], 6),
        low=round(max(share[1] for share in shares), 6),
        high=round(decisive[2], 6),
        samples=len(taken),
        remedy=_grant(asked, hidden),
        evidence=_evidence(taken, _COLUMNS[state], hidden)
        | dict(limits.settings)
        | {"usable_connections": limits.usable, "shares": {name: str(round(top, 6)) for name, _, top in shares}},
    )


async def max_connections(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """The server's setting max_connections."""
    asked = needed(component, "database.max_connections")
    endpoint = await endpoint_of(scene, asked)
    where = f"setting max_connections of PostgreSQL at {endpoint}"
    try:
        limits = await limits_of(scene, asked, await by_connection(scene, asked))
    except SlotsExhausted as refusal:
        known = await configured_maximum(scene, asked)
        if known is None:
            raise
        value, source = known
        return scene.seen(Dimension.COUNT, where, value, evidence={"refusal": str(refusal), "known_from": source})
    return scene.seen(Dimension.COUNT, where, limits.maximum, evidence=limits.settings)


async def _exhausted(scene: Scene, component: Component, where: str, refusal: SlotsExhausted) -> Observation:
    known = await configured_maximum(scene, component)
    if known is None:
        remedy = f"grant pg_use_reserved_connections to {component.user}, so that the probe gets in"
        problem = f"{refusal}, and how many there are could not be found out either"
        return scene.unseen(Dimension.COUNT, where, problem, remedy=remedy, evidence={"refusal": str(refusal)})
    value, source = known
    evidence = {"refusal": str(refusal), "max_connections": value, "known_from": source}
    return scene.seen(Dimension.COUNT, f"{where}: {refusal}", value, evidence=evidence)


async def _sample(scene: Scene, component: Component, asking: Asking, samples: int) -> list[dict[str, Any]]:
    async def look() -> list[dict[str, Any]]:
        rows = []
        for number in range(samples):
            if number:
                await asyncio.sleep(_OVER_SECONDS / samples)
            rows.append(dict(await asking.row(_COUNT)))
        return rows

    return await scene.once(("connections", component.id, type(asking), samples), look)


def _bounds(taken: list[dict[str, Any]], column: str) -> tuple[int, int, int]:
    """The most that were seen, the most that there could be with those that hide what they are, and how many hide."""
    most = max(row[column] for row in taken)
    return most, max(row[column] + row["hidden"] for row in taken), max(row["hidden"] for row in taken)


def _grant(component: Component, hidden: int) -> str:
    return (
        f"grant pg_monitor to {component.user}: {hidden} sessions of other roles hide what they are" if hidden else ""
    )


def _evidence(taken: list[dict[str, Any]], column: str, hidden: int) -> dict[str, Any]:
    return {
        "samples": taken,
        "median": sorted(row[column] for row in taken)[len(taken) // 2],
        "includes": "the probe's own connection",
        "hidden_sessions": hidden,
    }


up, up_exec = up_by(by_connection), up_by(in_pod)
connections, connections_exec = connections_by(by_connection), connections_by(in_pod)
