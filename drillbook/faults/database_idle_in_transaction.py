"""Sessions begin a transaction and do nothing more: they hold their connections, and keep vacuum from its work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from drillbook.faults.fault import Aim, Landing
from drillbook.faults.sessions import SECONDS, HeldSessions
from drillbook.faults.settings import Setting
from drillbook.faults.sql import Database


class DatabaseIdleInTransaction(HeldSessions):
    """Leaks sessions in the state ``idle in transaction``."""

    name = "database-idle-in-transaction"
    about = "Sessions stay idle inside a transaction."
    settings: ClassVar = {
        "sessions": Setting(10, "how many", low=1, high=1000),
        "seconds": SECONDS,
    }

    async def sessions(self, database: Database, aim: Aim) -> tuple[int, str]:
        # It reads, so that it has a snapshot: only that holds vacuum back.
        return int(aim.settings["sessions"]), "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class"

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        idle = sum(one["state"] == "idle in transaction" for one in found)
        return Landing(idle >= wanted, {"idle in transaction": idle})
