"""Database sessions that a fault holds open: psql processes in the database's pod, known by their application name.

They are ended from anywhere: their processes by the mark in their environment, what the server still does for them by
``pg_terminate_backend``. They end by themselves when their time is over.
"""

# Every text that goes into a statement is ours, or quoted.
# ruff: noqa: S608

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import DrillAborted, Unreachable
from drillbook.faults import processes
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.settings import Setting
from drillbook.faults.sql import (
    LOGIN,
    PSQL,
    Database,
    database_candidates,
    database_in,
    database_of,
    exactly,
    literal,
    see_psql,
    sql_needs,
    whose,
)

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

SECONDS: Final = Setting(600, "after so long they end by themselves", low=1, high=3600, unit="s")
RETRY_SECONDS: Final = 0.2
FULL: Final = ("too many clients already", "remaining connection slots are reserved")
# No one writes to the pipe that all of them read from, so they wait; its end ends them.
_OPEN: Final = f"""
{LOGIN}
export PGAPPNAME="$1"
count=$2; first=$3; again=$4; seconds=$5; shift 5
sleep "$seconds" | {{
  exec 3<&0
  while [ "$count" -gt 0 ]; do
    if [ "$again" = yes ]; then
      while {PSQL} "$@" --command="$first" || sleep 1; do :; done &
    else
      {PSQL} "$@" --command="$first" --file=- <&3 &
    fi
    count=$((count - 1))
  done
  wait
}}
"""


class HeldSessions(Fault):
    """What the faults that hold sessions have in common; each says how many, and what they do first."""

    settings: ClassVar = {"seconds": SECONDS}
    again = False
    """They do it again and again, instead of waiting after the first time."""

    async def sessions(self, database: Database, aim: Aim) -> tuple[int, str]:
        """How many to open, and what each does first: SQL without a secret. Read-only; raises Refused."""
        raise NotImplementedError

    def seen(self, wanted: int, found: Sequence[dict[str, Any]]) -> Landing:
        """Whether so many sessions show in its rows of pg_stat_activity: state and query."""
        raise NotImplementedError

    async def forget(self, database: Database) -> None:
        """Take what they did out of the server's own records, where it would be taken for the system's; safe twice."""

    @property
    def application(self) -> str:
        """What its sessions call themselves."""
        return f"drillbook-{self.name}"

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_psql(kube, aim)
        await processes.see_tools(kube, place)
        count, _ = await self.sessions(await database_of(kube, aim), aim)
        return f"{count} sessions of psql, started by exec in {place}, ended by pg_terminate_backend"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await database_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        count, _ = await self.sessions(await database_of(kube, aim), aim)
        return {**whose(aim), "sessions": count}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        database = await database_of(kube, aim)
        for target in targets:
            await exactly(database, target)
            count, first = await self.sessions(database, aim)
            seconds = aim.settings["seconds"]
            again = "yes" if self.again else "no"
            words = (self.application, str(count), first, again, str(seconds), *database.options)
            await processes.start(kube, database.place, self.name, _OPEN, *words, seconds=seconds)
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        query = (
            "SELECT state, left(query, 80) AS query FROM pg_stat_activity "
            f"WHERE application_name = {literal(self.application)}"
        )
        try:
            return self.seen(int(before["sessions"]), await (await database_of(kube, aim)).rows(query))
        except Unreachable as error:
            if any(words in str(error) for words in FULL):
                return Landing(True, {"server": str(error)})
            raise

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        database = await database_in(kube, put_back, seconds)
        await processes.end(kube, database.place, self.name)
        ended, problem = 0, "a session is left"
        while True:
            try:
                left = await self._terminated(database)
            except Unreachable as error:
                # As long as all slots are taken, or it starts, the server lets nobody in.
                left, problem = None, str(error)
            if left == 0:
                await self.forget(database)
                return f"no session of {self.name} is left in {database.place}" + (f", {ended} ended" if ended else "")
            ended = max(ended, left or 0)
            if loop.time() > deadline:
                raise DrillAborted(f"the sessions of {self.name} are not ended within {seconds:g} s: {problem}")
            await asyncio.sleep(RETRY_SECONDS)

    async def _terminated(self, database: Database) -> int:
        """How many there were a moment ago; each was told to end."""
        told = await database.row(
            "SELECT count(pg_terminate_backend(pid)) AS many FROM pg_stat_activity "
            f"WHERE application_name = {literal(self.application)}"
        )
        return int(told["many"])
