"""The cache's memory is filled: keys that hold nothing but room, up to its own limit or nearly to its container's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.memory_limits import memory_limit
from drillbook.faults.redis_cli import Redis, redis_candidates, redis_in, redis_of, same_server, see_redis_cli
from drillbook.faults.settings import Setting
from drillbook.faults.sql import sql_needs, whose

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

CHUNK: Final = 16 * 1024 * 1024
KEY: Final = "drillbook:fill:"


class CacheFill(Fault):
    """Writes keys of 16 MiB."""

    name = "cache-fill"
    about = "The cache's memory is filled."
    settings: ClassVar = {
        "ratio": Setting(0.9, "how full it is to be, of maxmemory, else of the container's limit", low=0.01, high=0.98),
        "most_bytes": Setting(2 * 1024**3, "a cache that would take more than this is refused", low=1, unit="bytes"),
    }

    def needs(self, aim: Aim) -> Needs:
        from drillbook.clients.kube import Permission

        return sql_needs(aim, Permission("get", "pods", "", aim.component.namespace))

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_redis_cli(kube, aim)
        sizes = await self._sizes(kube, await redis_of(kube, aim), aim)
        return f"{len(sizes)} keys, {sum(sizes):,} bytes together, are written with redis-cli in {place}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await redis_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        redis = await redis_of(kube, aim)
        memory = await redis.info("memory")
        # One more than now: a little may have been freed until the fault begins.
        keys = len(await self._sizes(kube, redis, aim)) + 4
        evicted = int((await redis.info("stats"))["evicted_keys"])
        return {**whose(aim), "keys": keys, "used_bytes": int(memory["used_memory"]), "evicted": evicted}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        redis = await redis_of(kube, aim)
        for target in targets:
            await same_server(redis, target)
            sizes = await self._sizes(kube, redis, aim)
            lines = [f"SETRANGE {KEY}{number} {size - 1} x" for number, size in enumerate(sizes)]
            await redis.batch("\n".join(lines) + "\n")
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        redis = await redis_of(kube, aim)
        used = int((await redis.info("memory"))["used_memory"])
        limit, whose_limit = await _limit(kube, redis)
        evicted = int((await redis.info("stats"))["evicted_keys"]) - before["evicted"]
        evidence: dict[str, Any] = {"used_bytes": used, whose_limit: limit, "used_ratio": round(used / limit, 4)}
        return Landing(used / limit >= float(aim.settings["ratio"]) - 0.01, evidence | {"evicted keys": evicted})

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        redis = await redis_in(kube, put_back, seconds)
        gone = await redis.run("UNLINK", *(f"{KEY}{number}" for number in range(put_back["keys"])))
        done = f", {gone} removed" if gone != "0" else ""
        return f"no key {KEY}* is left in the cache{done}"

    async def _sizes(self, kube: Kube, redis: Redis, aim: Aim) -> list[int]:
        """How large each key must be. Raises Refused where there is no limit, or nothing to fill."""
        used = int((await redis.info("memory"))["used_memory"])
        limit, whose_limit = await _limit(kube, redis)
        missing = int(limit * float(aim.settings["ratio"])) - used
        most = int(aim.settings["most_bytes"])
        if missing < 1:
            raise Refused(f"the cache is as full already: {used:,} bytes of {whose_limit} {limit:,}")
        if missing > most:
            raise Refused(f"filling the cache takes {missing:,} bytes, and the setting most_bytes allows {most:,}")
        whole, rest = divmod(missing, CHUNK)
        return [CHUNK] * whole + ([rest] if rest else [])


async def _limit(kube: Kube, redis: Redis) -> tuple[int, str]:
    """The bytes that it may use, and whose limit that is. Raises Refused where nobody sets one."""
    own = int((await redis.info("memory")).get("maxmemory", "0"))
    if own:
        return own, "maxmemory"
    return await memory_limit(kube, redis.place), "limit of its container"
