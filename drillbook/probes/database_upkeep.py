"""How large a database is, which of its statements are slow, and when its tables were last cleaned."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from drillbook.clients.postgres import Postgres
from drillbook.clock import iso
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.probes.asking_sql import session_of
from drillbook.probes.scene import Scene, needed

_SIZE: Final = "SELECT current_database() AS name, pg_database_size(current_database()) AS bytes"
_EXTENSION: Final = """
    SELECT extversion AS version, quote_ident(nspname) AS schema
    FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_stat_statements'
"""
_STATEMENTS: Final = """
    SELECT queryid, calls, {mean} AS mean_ms, {deviation} AS deviation_ms, left(query, 120) AS text
    FROM {schema}.pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND calls >= %s
      AND query NOT ILIKE '%%pg_stat_%%'
    ORDER BY mean_ms DESC LIMIT 10
"""
"""The probes' own statements are left out by what they ask for."""
_SHOWN: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b", re.IGNORECASE)
"""Statements whose constants the extension replaces. Others (ALTER ROLE ... PASSWORD) could show a secret."""
_TABLES: Final = """
    SELECT quote_ident(schemaname) || '.' || quote_ident(relname) AS name,
           greatest(last_vacuum, last_autovacuum) AS vacuumed, greatest(last_analyze, last_autoanalyze) AS analyzed,
           n_live_tup AS live, n_dead_tup AS dead
    FROM pg_stat_user_tables
    WHERE (%s::text IS NULL OR relid = to_regclass(%s::text)) AND n_live_tup + n_dead_tup + n_tup_ins > 0
"""
_RECORDED_SINCE: Final = """
    SELECT coalesce(stats_reset, pg_postmaster_start_time()) AS since
    FROM pg_stat_database WHERE datname = current_database()
"""
"""Counters survive a clean restart and not a crash, so before this moment nothing is known for sure."""


async def size(scene: Scene, component: Component | None, _parameters: Mapping[str, Any]) -> Observation:
    """Bytes of the component's database on disk, indexes and TOAST included; its WAL isn't."""
    session = await session_of(scene, needed(component, "database.size"))
    found = await session.row(_SIZE)
    return scene.seen(Dimension.BYTES, f"database {found['name']} of PostgreSQL at {session.endpoint}", found["bytes"])


async def slowest_mean(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The longest mean execution time among statements called often enough, by pg_stat_statements since its reset.

    Bounded by the normal interval of a mean at 95 %: mean +- 1.96 deviation / sqrt(calls).
    """
    asked = needed(component, "database.slowest_mean")
    session = await session_of(scene, asked)
    where = f"pg_stat_statements of PostgreSQL at {session.endpoint}"
    extension = await session.row(_EXTENSION)
    if not extension:
        problem = f"database {asked.database} has no extension pg_stat_statements, so no statement is timed"
        remedy = "put it into shared_preload_libraries, restart, and CREATE EXTENSION pg_stat_statements"
        return scene.unseen(Dimension.DURATION, where, problem, remedy=remedy)
    query = statements_query(extension["version"], extension["schema"])
    found = [dict(row) for row in await session.rows(query, parameters["calls"])]
    evidence: dict[str, Any] = {"version": extension["version"], "slowest": [_shown(row) for row in found]}
    if not found:
        problem = f"no statement was called {parameters['calls']} times since the counters began"
        remedy = "wait for traffic, or lower the parameter calls"
        return scene.unseen(Dimension.DURATION, where, problem, remedy=remedy, evidence=evidence)
    low, high = (max(max(0.0, _bound(row, sign)) for row in found) for sign in (-1, 1))
    slowest = found[0]
    return scene.seen(
        Dimension.DURATION,
        f"{where}, query {slowest['queryid'] or 'of another role'}",
        _seconds(slowest["mean_ms"]),
        low=_seconds(low),
        high=_seconds(high),
        samples=int(slowest["calls"]),
        remedy="reset the counters (pg_stat_statements_reset) and let more calls come",
        evidence=evidence,
    )


def statements_query(version: str, schema: str) -> str:
    """The query for one version of the extension: since 1.8 planning and execution are told apart."""
    major, minor = (int(part) for part in version.split(".")[:2])
    execution = "exec_time" if (major, minor) >= (1, 8) else "time"
    return _STATEMENTS.format(mean=f"mean_{execution}", deviation=f"stddev_{execution}", schema=schema)


def _bound(row: Mapping[str, Any], sign: int) -> float:
    return float(row["mean_ms"]) + sign * 1.96 * float(row["deviation_ms"]) / math.sqrt(row["calls"])


def _seconds(milliseconds: float) -> float:
    return round(milliseconds / 1000, 9)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    text = " ".join(row["text"].split()) if _SHOWN.match(row["text"] or "") else "not shown"
    return {
        "queryid": str(row["queryid"]),
        "calls": row["calls"],
        "mean_ms": round(row["mean_ms"], 3),
        "deviation_ms": round(row["deviation_ms"], 3),
        "statement": text,
    }


async def vacuum_age(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """How long ago the table that was cleaned longest ago was vacuumed and analyzed, by hand or by autovacuum.

    Tables that never held a row don't count. One without any record may have been cleaned before the counters began,
    so that nothing is claimed of it.
    """
    asked = needed(component, "database.vacuum_age")
    session = await session_of(scene, asked)
    of, table = parameters["of"], parameters["table"]
    where = f"pg_stat_user_tables of database {asked.database} of PostgreSQL at {session.endpoint}"
    rows = await session.rows(_TABLES, table, table)
    if not rows:
        problem = f"it has no table {table} that ever held a row" if table else "it has no table that ever held a row"
        return scene.unseen(Dimension.DURATION, where, problem, remedy="correct the parameter table, or the database")
    columns = {"both": ["vacuumed", "analyzed"], "vacuum": ["vacuumed"], "analyze": ["analyzed"]}[of]
    evidence = {"tables": [_table(row) for row in rows], "of": of}
    recorded = {row["name"]: min(row[c] for c in columns) for row in rows if all(row[c] for c in columns)}
    ages = {name: (scene.clock.now() - at).total_seconds() for name, at in recorded.items()}
    never = sorted(row["name"] for row in rows if row["name"] not in recorded)
    oldest = max(ages, key=lambda name: ages[name], default="")
    known = max(0.0, round(ages.get(oldest, 0.0), 3))
    if not never:
        return scene.seen(Dimension.DURATION, f"{where}, {oldest}", known, samples=len(rows), evidence=evidence)
    since = await _recorded_since(session)
    lasted = max(known, round((scene.clock.now() - since).total_seconds(), 3))
    return scene.seen(
        Dimension.DURATION,
        f"{where}, {never[0]}",
        lasted,
        low=known,
        high=Decimal("Infinity"),
        samples=len(rows),
        remedy=f"run VACUUM (ANALYZE) {never[0]}: no {of if of != 'both' else 'vacuum and analyze'} of it is on record",
        evidence=evidence | {"never_on_record": never, "recorded_since": iso(since)},
    )


async def _recorded_since(session: Postgres) -> datetime:
    found: datetime = (await session.row(_RECORDED_SINCE))["since"]
    return found


def _table(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: iso(value) if isinstance(value, datetime) else value for key, value in row.items()}
