"""The background loop: it answers, it passes errors on, and no interrupt of the main thread ever stops it."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Iterator

import pytest

from drillbook.drills.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    with Background() as found:
        yield found


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def fail() -> None:
    raise LookupError("nothing there")


def test_the_main_thread_waits_for_one_result(background: Background) -> None:
    assert [background.run(double(n)) for n in range(3)] == [0, 2, 4]


def test_an_error_is_raised_where_it_is_waited_for(background: Background) -> None:
    with pytest.raises(LookupError, match="nothing there"):
        background.run(fail())
    assert background.run(double(1)) == 2


def test_work_goes_on_by_itself_and_can_be_cancelled(background: Background) -> None:
    errand = background.start(asyncio.sleep(60))
    assert not errand.done()
    errand.cancel()
    with pytest.raises(asyncio.CancelledError):
        errand.result()
    assert errand.done()


def test_the_error_of_work_that_went_on_by_itself_is_kept(background: Background) -> None:
    errand = background.start(fail())
    for _ in range(2):
        with pytest.raises(LookupError):
            errand.result()


def test_leaving_ends_what_still_runs() -> None:
    with Background() as background:
        errand = background.start(asyncio.sleep(60))
    assert errand.done()


@pytest.mark.filterwarnings("ignore")  # of what an interrupt caught half made
@pytest.mark.timeout(60, method="thread")  # the other method uses the same alarm
def test_no_interrupt_at_any_moment_stops_the_loop(background: Background) -> None:
    """A lock that an interrupt leaves taken would stop it for ever: one in some hundreds did."""
    dice = random.Random(3)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupted = 0
    try:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            errand = background.start(asyncio.sleep(60))
            try:
                signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00005, 0.003))
                for _ in range(100):
                    errand.done()
                    background.run(double(1))
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                errand.cancel()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 100
    assert background.run(double(21)) == 42
