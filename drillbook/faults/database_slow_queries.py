"""Slow queries: sessions that run one long statement after another, as a query without its index does."""

# The only text that goes into a statement is ours.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from drillbook.errors import Unreachable
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.sessions import SECONDS, HeldSessions
from drillbook.faults.settings import Setting
from drillbook.faults.sql import Database

_MARK: Final = "drillbook_slow_query"
_FORGET: Final = (
    "SELECT count(pg_stat_statements_reset(0, 0, queryid)) AS forgotten FROM pg_stat_statements "
    f"WHERE query LIKE '%pg_sleep%{_MARK}%' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""The mean time of a statement lasts until its counters are reset, and a documented look at it would fail for ever."""


class DatabaseSlowQueries(HeldSessions):
    """Runs statements that take their time; they show in pg_stat_activity, and in pg_stat_statements when they end."""

    name = "database-slow-queries"
    about = "Sessions run long statements."
    again = True
    settings: ClassVar = {
        "sessions": Setting(5, "how many at once", low=1, high=100),
        "statement_seconds": Setting(30.0, "how long each statement takes", low=0.1, high=3600, unit="s"),
        "seconds": SECONDS,
    }

    async def sessions(self, database: Database, aim: Aim) -> tuple[int, str]:
        return int(aim.settings["sessions"]), f"SELECT pg_sleep({aim.settings['statement_seconds']}) AS {_MARK}"

    async def forget(self, database: Database) -> None:
        # Where nobody counts statements, or this role may not, there is nothing that it could take back.
        with suppress(Unreachable):
            await database.row(_FORGET)

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        active = sum(one["state"] == "active" for one in found)
        return Landing(active >= wanted, {"active": active})
