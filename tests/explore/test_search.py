"""The search finds what breaks a promise, makes it short, never plays twice, and stops when its time is up."""

from __future__ import annotations

from datetime import UTC, datetime

from drillbook.explore.moves import Break, Follow, Press, Sequence, TimeIsUp, words
from drillbook.explore.possible import Possible
from drillbook.explore.search import LONGEST, Search

POSSIBLE = Possible(
    breaks=tuple(Break("pod-kill", name) for name in ("api", "cache", "database", "worker")),
    others=(Press(50, 2), Follow("restart"), Follow("scale-up")),
)


class Ticking:
    """A clock on which every play takes a second."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at


def search(broken_by: object, seconds: float = 1_000, seed: int = 7) -> tuple[Search, list[Sequence]]:
    played: list[Sequence] = []
    clock = Ticking()

    def play(sequence: Sequence, until: float) -> tuple[str, ...]:
        played.append(sequence)
        clock.at += 1
        return ("a write is lost",) if callable(broken_by) and broken_by(sequence) else ()

    return Search(POSSIBLE, play, seconds, seed, clock), played


def test_what_breaks_a_promise_only_together_is_found_and_shrunk_to_just_that() -> None:
    def both(sequence: Sequence) -> bool:
        return Break("pod-kill", "worker") in sequence and Follow("scale-up") in sequence

    found = search(both)[0].run()
    assert set(found.shortest) == {Break("pod-kill", "worker"), Follow("scale-up")}
    assert len(found.shortest) == 2
    assert found.promises == ("a write is lost",)


def test_where_every_promise_is_kept_nothing_is_found() -> None:
    one, played = search(None, seconds=50)
    found = one.run()
    assert found.shortest == ()
    assert found.played == len(played) > 10


def test_no_sequence_is_played_twice_and_each_breaks_something() -> None:
    one, played = search(lambda sequence: len(sequence) == LONGEST)
    one.run()
    assert len(set(played)) == len(played)
    assert all(any(isinstance(move, Break) for move in sequence) for sequence in played)
    assert max(map(len, played)) <= LONGEST


def test_when_the_time_is_up_nothing_more_is_played() -> None:
    one, played = search(None, seconds=5)
    assert one.run().played == len(played) == 5


def test_a_sequence_that_is_cut_off_when_the_time_is_up_is_not_counted() -> None:
    one, _ = search(None, seconds=5)
    whole = one.play

    def cut_off(sequence: Sequence, until: float) -> tuple[str, ...]:
        if one.clock.monotonic() >= until - 2:
            raise TimeIsUp
        return whole(sequence, until)

    one.play = cut_off
    assert one.run().played == 3


def test_the_shortest_that_was_found_in_time_is_told_however_long_it_is() -> None:
    one, played = search(lambda sequence: len(sequence) > 1, seconds=2)
    found = one.run()
    assert len(played) <= 2
    assert found.shortest in {(), *played}


def test_the_same_seed_draws_the_same_sequences() -> None:
    first, second = (search(None, seconds=30, seed=3) for _ in range(2))
    first[0].run()
    second[0].run()
    assert first[1] == second[1]


def test_a_sequence_is_told_in_words() -> None:
    told = words((Break("pod-kill", "api", 0), Press(50, 2), Follow("restart")))
    assert told == "pod-kill on all of api, then 50 requests per second for 2 s, then procedure restart"
