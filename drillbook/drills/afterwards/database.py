"""Post-conditions of a restored database: its tables against the ground truth, and who was there meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.errors import DrillbookError
from drillbook.judge import afterwards_data as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.procedures import Entry
from drillbook.model.timeline import EventKind

LOOK_SECONDS: Final = 0.25
_SESSIONS: Final = (
    "SELECT coalesce(nullif(application_name, ''), usename || ' without a name') AS name FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() "
    "AND application_name <> 'drillbook'"
)
"""Everybody's but our own: the drill's looks are no work on the data."""


async def _fidelity(occasion: Occasion, _entry: Entry, _kept: Kept) -> Outcome:
    return judged.fidelity(occasion.changed_tables)


async def _watch_the_sessions(occasion: Occasion, entry: Entry, kept: Kept) -> None:
    kept["looks"] = list[judged.Sessions]()
    kept["watch"] = asyncio.create_task(_watch(occasion, entry, kept["looks"]))


async def _watch(occasion: Occasion, entry: Entry, looks: list[judged.Sessions]) -> None:
    """For ever; a server that is away or full for a moment is asked again by a new session."""
    from drillbook.clients.postgres import open_database

    ground, component = occasion.ground, occasion.component(entry)
    while True:
        try:
            async with open_database(ground.kube.itself, ground.environment, component) as postgres:
                while True:
                    found = tuple(str(row["name"]) for row in await postgres.rows(_SESSIONS))
                    looks.append(judged.Sessions(occasion.now(), found))
                    await asyncio.sleep(LOOK_SECONDS)
        except DrillbookError:
            await asyncio.sleep(LOOK_SECONDS)


async def _quiesced(occasion: Occasion, _entry: Entry, kept: Kept) -> Outcome:
    if occasion.by_hand:
        return unseen("people followed the procedure, and when exactly they replaced the data nobody else saw")
    steps = [event for event in occasion.timeline().events if event.kind is EventKind.STEP]
    replacing = [(event.details["begun"], event.at) for event in steps if event.details.get("type") == "restore_backup"]
    return judged.quiesced(kept["looks"], replacing)


async def _end_the_watch(_occasion: Occasion, _entry: Entry, kept: Kept) -> None:
    if "watch" in kept:
        kept["watch"].cancel()
        await asyncio.gather(kept["watch"], return_exceptions=True)


WAYS: Final[Mapping[str, AfterWay]] = {
    "restore_fidelity": AfterWay(_fidelity),
    "quiesced": AfterWay(_quiesced, begin=_watch_the_sessions, leave=_end_the_watch),
}
