"""The database's connections are used up: idle sessions are held until none, or only a few, is left for others."""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Landing
from drillbook.faults.sessions import SECONDS, HeldSessions
from drillbook.faults.settings import Setting
from drillbook.faults.sql import Database

SLACK: Final = 5


class DatabaseConnections(HeldSessions):
    """Holds idle sessions as the application's own role, as a leaking pool does."""

    name = "database-connections"
    about = "Idle sessions use up the connections of the database."
    settings: ClassVar = {
        "sessions": Setting(0, "how many; 0 means as many as there is room for", low=0, high=5000),
        "leave": Setting(0, "where sessions is 0: how many slots to leave to others", low=0, high=5000),
        "seconds": SECONDS,
    }

    async def sessions(self, database: Database, aim: Aim) -> tuple[int, str]:
        if aim.settings["sessions"]:
            return int(aim.settings["sessions"]), "SELECT 1"
        query = (
            "SELECT current_setting('max_connections')::int AS most, rolsuper AS super, "
            "current_setting('superuser_reserved_connections')::int AS reserved, "
            # The session that asks ends with its answer.
            "(SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend' "
            f"AND application_name <> '{self.application}') AS used FROM pg_roles WHERE rolname = current_user"
        )
        found = await database.row(query)
        usable = found["most"] - (0 if found["super"] else found["reserved"])
        room = usable - found["used"] - int(aim.settings["leave"])
        if room < 1:
            raise Refused(f"{found['used']} of {usable} connections are used already: there is no room for a flood")
        return room, "SELECT 1"

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        # Connections of others come and go between the count and the flood: the last few may be theirs.
        return Landing(len(found) >= wanted - SLACK * (wanted > SLACK), {"sessions": len(found), "wanted": wanted})
