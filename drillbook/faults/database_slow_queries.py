"""Slow queries: sessions that run one long statement after another, as a query without its index does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from drillbook.faults.fault import Aim, Landing
from drillbook.faults.sessions import SECONDS, HeldSessions
from drillbook.faults.settings import Setting
from drillbook.faults.sql import Database


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
        return int(aim.settings["sessions"]), f"SELECT pg_sleep({aim.settings['statement_seconds']})"

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        active = sum(one["state"] == "active" for one in found)
        return Landing(active >= wanted, {"active": active})
