"""The cache emptied, blocked and filled; what was in it is there again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drillbook.clients.kube import Kube
from drillbook.errors import Refused
from drillbook.faults import fault_named
from drillbook.faults.fault import Landing
from drillbook.faults.redis_cli import redis_of
from tests.drills.conftest import Solar, system
from tests.faults.live import aimed, lived_through

__all__ = ["system"]

FLUSH, BLOCK, FILL = "cache-flush", "cache-block", "cache-fill"


async def said(system: Solar, kube: Kube, *lines: str) -> list[str]:
    """What the cache answers, line by line."""
    redis = await redis_of(kube, aimed(system, "noop", "cache"))
    return (await redis.batch("\n".join(lines) + "\n")).splitlines()


@pytest.fixture
def filled(system: Solar) -> Iterator[Solar]:
    """Solar with a value, a queue and a set of ours in its cache."""
    system.on_kube(lambda kube: said(system, kube, "SET life:a 1", "RPUSH life:q 1 2 3", "SADD life:s x y"))
    try:
        yield system
    finally:
        system.on_kube(lambda kube: said(system, kube, "DEL life:a life:b life:q life:s"))


@pytest.mark.slow
def test_everything_that_was_flushed_is_back_beside_what_was_written_since(filled: Solar) -> None:
    async def write(kube: Kube, landing: Landing) -> None:
        assert await said(filled, kube, "EXISTS life:a life:q life:s") == ["0"]
        await said(filled, kube, "SET life:a 9", "SET life:b 2", "LPUSH life:q 4", "SADD life:s z")

    _, landing, told = lived_through(filled, FLUSH, aimed(filled, FLUSH, "cache"), meanwhile=write)
    assert landing.evidence["keys set aside"] == landing.evidence["keys before"]
    assert told.endswith("put back")

    async def look(kube: Kube) -> list[str]:
        queue = await said(filled, kube, "LRANGE life:q 0 -1")
        return [*await said(filled, kube, "GET life:a", "GET life:b", "SCARD life:s"), *queue]

    assert filled.on_kube(look) == ["1", "2", "3", "4", "1", "2", "3"]


def test_an_undo_that_was_cut_off_in_between_is_finished(filled: Solar) -> None:
    """Exchanged back, and what was written since not yet brought along."""
    fault, aim = fault_named(FLUSH), aimed(filled, FLUSH, "cache")

    async def scene(kube: Kube) -> None:
        put_back = await fault.put_back(kube, aim)
        await said(filled, kube, "SELECT 15", "SET life:b 2")
        await fault.undo(kube, put_back, 30)
        assert await said(filled, kube, "GET life:b", "SELECT 15", "DBSIZE") == ["2", "OK", "0"]

    filled.on_kube(scene)


def test_a_spare_database_that_is_used_is_refused(filled: Solar) -> None:
    aim = aimed(filled, FLUSH, "cache", spare=0)
    with pytest.raises(Refused, match="database 0 of the cache is in use"):
        filled.on_kube(lambda kube: fault_named(FLUSH).how(kube, aim))


def test_a_cache_that_is_empty_can_be_flushed_and_that_is_said(system: Solar) -> None:
    said_before, landing, told = lived_through(system, FLUSH, aimed(system, FLUSH, "cache", database=9))
    assert "it is empty, so nobody misses anything by it" in said_before
    assert landing.evidence == {"keys before": 0, "keys set aside": 0, "keys now": 0}
    assert told == "nothing of database 9 is set aside, it has 0 keys, put back"


@pytest.mark.slow
def test_a_blocked_cache_answers_nobody_until_its_script_is_killed(system: Solar) -> None:
    _, landing, told = lived_through(system, BLOCK, aimed(system, BLOCK, "cache", seconds=60))
    assert "PONG" not in landing.evidence["PING"]
    assert told.endswith("answers, its script was killed")


@pytest.mark.slow
def test_a_filled_cache_is_as_full_as_asked_and_empty_again(system: Solar) -> None:
    async def used(kube: Kube) -> int:
        redis = await redis_of(kube, aimed(system, "noop", "cache"))
        return int((await redis.info("memory"))["used_memory"])

    async def look(kube: Kube, landing: Landing) -> None:
        assert await used(kube) > 50_000_000

    before = system.on_kube(used)
    _, landing, _ = lived_through(system, FILL, aimed(system, FILL, "cache", ratio=0.1), meanwhile=look)
    assert landing.evidence["evicted keys"] == 0
    assert 0.09 < landing.evidence["used_ratio"] < 0.12
    assert system.on_kube(used) < before + 5_000_000


def test_a_cache_that_is_too_large_to_fill_is_refused(system: Solar) -> None:
    aim = aimed(system, FILL, "cache", ratio=0.9, most_bytes=1000)
    with pytest.raises(Refused, match="the setting most_bytes allows 1,000"):
        system.on_kube(lambda kube: fault_named(FILL).how(kube, aim))
