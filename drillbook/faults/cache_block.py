"""The cache is blocked by one slow command, as by KEYS on a large database: a script that only asks for the time.

For some seconds the server answers nobody; after that it says BUSY to all others. The undo is SCRIPT KILL, which a
server listens to as soon as it says BUSY.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import DrillAborted, Unreachable
from drillbook.faults import processes
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.places import shell
from drillbook.faults.redis_cli import LOGIN, redis_candidates, redis_in, redis_of, same_server, see_redis_cli
from drillbook.faults.settings import Setting
from drillbook.faults.sql import sql_needs, whose

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

_SCRIPT: Final = """
local stop = redis.call('TIME')[1] + ARGV[1]
repeat until redis.call('TIME')[1] + 0 >= stop
return 1
"""
_BLOCK: Final = f'{LOGIN}\nexec redis-cli EVAL "$1" 0 "$2"'
_PING: Final = f"{LOGIN}\ntimeout 1 redis-cli PING"
RETRY_SECONDS: Final = 0.3


class CacheBlock(Fault):
    """Runs a script that lasts."""

    name = "cache-block"
    about = "One slow command blocks the cache."
    settings: ClassVar = {"seconds": Setting(20, "how long it takes", low=1, high=300, unit="s")}

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_redis_cli(kube, aim)
        await processes.see_tools(kube, place)
        return f"a script of {aim.settings['seconds']} s by redis-cli in {place}, ended by SCRIPT KILL"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await redis_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        return whose(aim)

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        redis, seconds = await redis_of(kube, aim), int(aim.settings["seconds"])
        for target in targets:
            await same_server(redis, target)
            await processes.start(
                kube, redis.place, self.name, _BLOCK, _SCRIPT, str(seconds), seconds=seconds + processes.SLACK_SECONDS
            )
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        place = (await redis_of(kube, aim)).place
        answer = await shell(kube, place, _PING)
        said = answer.stdout.strip() or f"no answer within 1 s (exit code {answer.exit_code})"
        blocked = bool(await processes.running(kube, place, self.name)) and "PONG" not in said
        return Landing(blocked, {"PING": said})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        redis = await redis_in(kube, put_back, seconds)
        await processes.end(kube, redis.place, self.name)
        killed, said = "", ""
        while True:
            try:
                if "PONG" in (said := await redis.run("PING")):
                    return f"the cache in {redis.place} answers{killed}"
            except Unreachable as error:
                said = str(error)
            try:
                await redis.run("SCRIPT", "KILL")
                killed = ", its script was killed"
            except Unreachable as error:
                said = str(error)
            if loop.time() > deadline:
                raise DrillAborted(f"the cache in {redis.place} doesn't answer within {seconds:g} s: {said}")
            await asyncio.sleep(RETRY_SECONDS)
