"""A table is locked: one session holds ACCESS EXCLUSIVE, and every statement on that table waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from drillbook.faults.fault import Aim, Landing
from drillbook.faults.sessions import SECONDS, HeldSessions
from drillbook.faults.settings import Setting
from drillbook.faults.sql import Database, largest_table


class DatabaseLock(HeldSessions):
    """Holds a table's strongest lock, as a careless change of its schema does."""

    name = "database-lock"
    about = "A table is locked, and whoever reads or writes it waits."
    settings: ClassVar = {
        "table": Setting("", "which table; empty means the one with the most rows"),
        "seconds": SECONDS,
    }

    async def sessions(self, database: Database, aim: Aim) -> tuple[int, str]:
        table = await largest_table(database, aim.settings["table"])
        return 1, f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        # It is idle in its transaction once it has the lock; until then it waits for it itself.
        held = [one["query"] for one in found if one["state"] == "idle in transaction"]
        return Landing(bool(held), {"held by": held})
