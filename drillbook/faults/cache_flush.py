"""The cache is empty all at once, as after FLUSHALL; what was in it is set aside in a database that nobody uses.

``SWAPDB`` exchanges two databases of one server in no time: its clients see an empty one, and nothing is destroyed. The
undo exchanges them back and brings along what was written in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from drillbook.errors import Refused
from drillbook.faults.fault import Aim, Candidate, Fault, Landing, Needs, PutBack, Target
from drillbook.faults.redis_cli import Redis, redis_candidates, redis_in, redis_of, same_server, see_redis_cli
from drillbook.faults.settings import Setting
from drillbook.faults.sql import sql_needs, whose

if TYPE_CHECKING:
    from drillbook.clients.kube import Kube

MARK: Final = "drillbook:flushed"
# What was there before counts. Of a list (a queue) and a set both halves are wanted; a queue's newest are on the left.
_BRING: Final = """
local db, spare = ARGV[1], ARGV[2]
redis.call('SELECT', spare)
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('MOVE', key, db) == 0 then
    local kind = redis.call('TYPE', key).ok
    local new = {}
    if kind == 'list' then new = redis.call('LRANGE', key, 0, -1) end
    if kind == 'set' then new = redis.call('SMEMBERS', key) end
    redis.call('DEL', key)
    redis.call('SELECT', db)
    for i = #new, 1, -1 do redis.call(kind == 'list' and 'LPUSH' or 'SADD', key, new[i]) end
    redis.call('SELECT', spare)
  end
end
redis.call('SELECT', db)
return 1
"""


class CacheFlush(Fault):
    """Empties a database of the cache."""

    name = "cache-flush"
    about = "The cache is emptied."
    settings: ClassVar = {
        "database": Setting(0, "the number of the database that is emptied", low=0, high=1023),
        "spare": Setting(15, "the number of an unused one, where its content waits", low=0, high=1023),
    }

    def needs(self, aim: Aim) -> Needs:
        return sql_needs(aim)

    async def how(self, kube: Kube, aim: Aim) -> str:
        place = await see_redis_cli(kube, aim)
        redis = await redis_of(kube, aim)
        database, spare = aim.settings["database"], aim.settings["spare"]
        look = await _look(redis, database, spare)
        if database == spare or look.spare:
            raise Refused(f"database {spare} of the cache is in use: the setting spare would name an empty one")
        cold = "" if look.keys else "; it is empty, so nobody misses anything by it"
        return f"SWAPDB {database} {spare} with redis-cli in {place}{cold}"

    async def candidates(self, kube: Kube, aim: Aim) -> tuple[Candidate, ...]:
        return await redis_candidates(kube, aim)

    async def put_back(self, kube: Kube, aim: Aim) -> PutBack:
        database, spare = aim.settings["database"], aim.settings["spare"]
        look = await _look(await redis_of(kube, aim), database, spare)
        return {**whose(aim), "database": database, "spare": spare, "keys": look.keys}

    async def inject(self, kube: Kube, aim: Aim, targets: Sequence[Target]) -> tuple[Target, ...]:
        redis, database, spare = await redis_of(kube, aim), aim.settings["database"], aim.settings["spare"]
        for target in targets:
            await same_server(redis, target)
            if (await _look(redis, database, spare)).spare:
                raise Refused(f"database {spare} of the cache is in use by now")
            # The mark is part of what is flushed: seen aside, it proves the flush, also of a cache that was empty.
            await redis.batch(f"MULTI\nSELECT {database}\nSET {MARK} 1\nSWAPDB {database} {spare}\nEXEC\n")
        return tuple(targets)

    async def landed(self, kube: Kube, aim: Aim, targets: Sequence[Target], before: PutBack) -> Landing:
        redis = await redis_of(kube, aim)
        look = await _look(redis, before["database"], before["spare"])
        aside = max(look.spare - 1, 0)
        evidence = {"keys before": before["keys"], "keys set aside": aside, "keys now": look.keys}
        return Landing(look.marked and aside >= min(1, int(before["keys"])), evidence)

    async def undo(self, kube: Kube, put_back: PutBack, seconds: float) -> str:
        redis = await redis_in(kube, put_back, seconds)
        database, spare = put_back["database"], put_back["spare"]
        done = ""
        if (look := await _look(redis, database, spare)).marked:
            await redis.batch(f"MULTI\nSELECT {spare}\nDEL {MARK}\nSWAPDB {database} {spare}\nEXEC\n")
            done = ", put back"
        # Also after an undo that was cut off in between: whatever is in the spare one belongs to the other.
        if look.spare:
            await redis.run("EVAL", _BRING, "0", str(database), str(spare))
            look = await _look(redis, database, spare)
        return f"nothing of database {database} is set aside, it has {look.keys} keys{done}"


@dataclass(frozen=True, slots=True)
class _Look:
    """Both databases at one moment."""

    keys: int
    spare: int
    """Keys of the spare one, the mark among them."""
    marked: bool


async def _look(redis: Redis, database: int, spare: int) -> _Look:
    said = await redis.batch(f"SELECT {database}\nDBSIZE\nSELECT {spare}\nDBSIZE\nEXISTS {MARK}\n")
    _, keys, _, aside, marked = said.split()
    return _Look(int(keys), int(aside), marked == "1")
