"""Whether another's lock has expired: by what one's own clock saw of it, however wrong anybody's time of day is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.clock import SYSTEM_CLOCK, SetClock
from drillbook.drills.lock import LASTS_SECONDS, NAME, Both, Lock, holder_of
from drillbook.errors import Refused
from tests.drills.conftest import NAMESPACE, Solar

HOUR, DAY = 3600.0, 86_400.0
SKEWS = [-DAY, -HOUR, -LASTS_SECONDS, 0.0, LASTS_SECONDS + 1, HOUR, DAY]
"""How far the clock of who looks is ahead of the holder's."""
type Meanwhile = Callable[[Kube, float], Awaitable[None]]


async def nothing(_kube: Kube, _elapsed: float) -> None:
    """The holder is dead."""


def looking(kube: Kube, skew: float, meanwhile: Meanwhile = nothing) -> tuple[Lock, SetClock]:
    """A lock of somebody with a clock of its own, on which time passes only while it waits."""
    clock = SetClock(SYSTEM_CLOCK.now() + timedelta(seconds=skew))

    async def pause(seconds: float) -> None:
        clock.advance(seconds)
        await meanwhile(kube, clock.elapsed)

    return Lock(NAMESPACE, "another/one", clock, pause=pause), clock


def renewed_by(holder: Lock, every: float) -> Meanwhile:
    """The holder is alive."""
    last = 0.0

    async def renew(kube: Kube, elapsed: float) -> None:
        nonlocal last
        if elapsed - last >= every:
            last = elapsed
            await holder.take(kube)

    return renew


@pytest.mark.parametrize("skew", SKEWS)
def test_a_live_lock_is_never_taken_over(free: Solar, skew: float) -> None:
    async def scene(kube: Kube) -> float:
        alive = Lock(NAMESPACE, "run-1/a")
        await alive.take(kube)
        lock, clock = looking(kube, skew, renewed_by(alive, LASTS_SECONDS / 3))
        with pytest.raises(Refused, match="run-1/a; it is alive, and puts everything back by itself"):
            await lock.take_over(kube, free.said.append)
        assert await holder_of(kube, NAMESPACE) == "run-1/a"
        return clock.elapsed

    assert free.on_kube(scene) <= LASTS_SECONDS / 3 + 1
    assert any(f"run-1/a: waiting at most {LASTS_SECONDS} s" in text for text in free.said)


@pytest.mark.parametrize("skew", SKEWS)
def test_a_dead_lock_is_taken_over_after_as_long_as_it_lasts(free: Solar, skew: float) -> None:
    async def scene(kube: Kube) -> float:
        await Lock(NAMESPACE, "dead/drill").take(kube)
        lock, clock = looking(kube, skew)
        await lock.take_over(kube, free.said.append)
        assert await holder_of(kube, NAMESPACE) == "another/one"
        return clock.elapsed

    assert LASTS_SECONDS < free.on_kube(scene) <= LASTS_SECONDS + 1


def test_a_lock_that_lasts_longer_is_waited_for_longer(free: Solar) -> None:
    async def scene(kube: Kube) -> float:
        await Lock(NAMESPACE, "dead/drill", lasts_seconds=45).take(kube)
        lock, clock = looking(kube, HOUR)
        await lock.take_over(kube, free.said.append)
        return clock.elapsed

    assert 45 < free.on_kube(scene) <= 46


@pytest.mark.parametrize("skew", [-HOUR, 0.0])
def test_a_drill_does_not_wait_for_a_lock_that_looks_held(free: Solar, skew: float) -> None:
    async def scene(kube: Kube) -> float:
        await Lock(NAMESPACE, "run-1/a").take(kube)
        lock, clock = looking(kube, skew)
        for attempt in (lock.take, lock.see_free):
            with pytest.raises(Refused, match="run-1/a; wait for its end, or until it expires"):
                await attempt(kube)
        return clock.elapsed

    assert free.on_kube(scene) == 0


def test_a_drill_watches_a_lock_that_looks_expired_before_it_takes_it(free: Solar) -> None:
    async def scene(kube: Kube) -> float:
        alive = Lock(NAMESPACE, "run-1/a")
        await alive.take(kube)
        lock, _ = looking(kube, HOUR, renewed_by(alive, LASTS_SECONDS / 3))
        await lock.see_free(kube)
        with pytest.raises(Refused, match="it is alive"):
            await lock.take(kube)
        lock, clock = looking(kube, HOUR)
        await lock.take(kube)
        return clock.elapsed

    assert LASTS_SECONDS < free.on_kube(scene) <= LASTS_SECONDS + 1


def test_a_lock_that_is_given_back_is_not_waited_for(free: Solar) -> None:
    async def scene(kube: Kube) -> float:
        other = Lock(NAMESPACE, "run-1/a")
        await other.take(kube)

        async def end(kube: Kube, elapsed: float) -> None:
            if elapsed >= 3:
                await other.release(kube)

        lock, clock = looking(kube, 0, end)
        await lock.take_over(kube, free.said.append)
        return clock.elapsed

    assert free.on_kube(scene) == 3


def test_a_lock_that_does_not_say_how_long_it_lasts_is_held(free: Solar) -> None:
    async def scene(kube: Kube) -> None:
        path = path_of("leases", NAMESPACE, NAME)
        await Lock(NAMESPACE, "run-1/a").take(kube)
        await kube.patch(path, {"spec": {"leaseDurationSeconds": None}})
        lock, _ = looking(kube, DAY)
        for attempt in (lock.take(kube), lock.see_free(kube), lock.take_over(kube, free.said.append)):
            with pytest.raises(Refused, match=r"nobody can tell whether the lock .* has expired"):
                await attempt

    free.on_kube(scene)


def test_of_two_locks_the_first_is_still_held_when_the_second_was_watched(free: Solar) -> None:
    """While the second was watched, the first was taken by somebody else, as if it had expired."""

    async def scene(kube: Kube) -> None:
        first = Lock("default", "run-2/b")
        await Lock(NAMESPACE, "dead/drill").take(kube)

        async def snatched(kube: Kube, elapsed: float) -> None:
            if elapsed == 1:
                path = path_of("leases", "default", NAME)
                await kube.patch(path, {"spec": {"holderIdentity": "run-3/c"}})

        second, _ = looking(kube, HOUR, snatched)
        try:
            with pytest.raises(Refused, match="run-3/c"):
                await Both(first, second).take(kube)
            assert await holder_of(kube, NAMESPACE) is None
        finally:
            await Lock("default", "run-3/c").release(kube)

    free.on_kube(scene)
