"""What became of numbered writes."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge.ledger import LOST_KEYS_TOLD, Fate, Stored, fate_of, tally

KEYS = st.integers(0, 30).map(lambda n: f"run-{n:06d}")
FATES = st.dictionaries(KEYS, st.sampled_from(Fate))
STORED = st.dictionaries(
    KEYS, st.builds(lambda n, altered: Stored(n, ("?" if altered else "=",)), st.integers(0, 3), st.booleans())
)


def body(key: str) -> str:
    return "="


def once(*keys: str) -> dict[str, Stored]:
    return {key: Stored(1, (body(key),)) for key in keys}


def test_an_acknowledged_write_that_is_not_there_is_lost() -> None:
    found = tally({"a": Fate.ACKNOWLEDGED, "b": Fate.ACKNOWLEDGED}, once("b"), body)
    assert (found.acknowledged, found.lost, found.lost_keys) == (2, 1, ("a",))


def test_a_key_that_was_read_back_with_no_copies_is_not_there() -> None:
    assert tally({"a": Fate.ACKNOWLEDGED}, {"a": Stored(0, ())}, body).lost == 1


def test_a_write_that_is_there_twice_is_duplicated_even_if_nobody_answered_it() -> None:
    for fate in (Fate.ACKNOWLEDGED, Fate.UNANSWERED, Fate.FAILED):
        assert tally({"a": fate}, {"a": Stored(2, ("=",))}, body).duplicated == 1


def test_a_write_with_another_body_is_altered() -> None:
    found = tally({"a": Fate.ACKNOWLEDGED}, {"a": Stored(1, ("something else",))}, body)
    assert (found.altered, found.lost) == (1, 0)


def test_one_altered_copy_among_two_is_seen() -> None:
    found = tally({"a": Fate.ACKNOWLEDGED}, {"a": Stored(1, ("=",)).with_more(Stored(1, ("x",)))}, body)
    assert (found.duplicated, found.altered) == (1, 1)


def test_an_unanswered_write_may_be_there_or_not() -> None:
    for fate in (Fate.UNANSWERED, Fate.FAILED, Fate.SENT):
        for stored in ({}, once("a")):
            found = tally({"a": fate}, stored, body)
            assert (found.lost, found.phantom, found.duplicated, found.altered) == (0, 0, 0, 0)


def test_a_refused_write_that_is_there_is_a_phantom() -> None:
    found = tally({"a": Fate.REFUSED}, once("a"), body)
    assert (found.phantom, found.rejected) == (1, 1)


def test_a_write_that_nobody_sent_is_a_phantom() -> None:
    assert tally({}, once("a"), body).phantom == 1


def test_all_losses_are_counted_and_only_some_are_named() -> None:
    found = tally({f"k{n:04d}": Fate.ACKNOWLEDGED for n in range(500)}, {}, body)
    assert (found.lost, len(found.lost_keys)) == (500, LOST_KEYS_TOLD)


def test_only_a_2xx_acknowledges_and_only_a_definite_4xx_refuses() -> None:
    expected: Mapping[int, Fate] = {
        200: Fate.ACKNOWLEDGED,
        201: Fate.ACKNOWLEDGED,
        302: Fate.FAILED,
        400: Fate.REFUSED,
        408: Fate.FAILED,
        409: Fate.REFUSED,
        429: Fate.FAILED,
        500: Fate.FAILED,
        503: Fate.FAILED,
    }
    assert {status: fate_of(status) for status in expected} == expected


@given(FATES, STORED)
def test_every_write_is_in_exactly_one_of_the_counts_of_answers(
    fates: dict[str, Fate], stored: dict[str, Stored]
) -> None:
    found = tally(fates, stored, body)
    assert found.sent == found.acknowledged + found.unanswered + found.rejected == len(fates)


@given(FATES, STORED)
def test_nothing_is_wrong_exactly_when_what_was_acknowledged_is_there_once_and_nothing_else_is(
    fates: dict[str, Fate], stored: dict[str, Stored]
) -> None:
    found = tally(fates, stored, body)
    right = all(
        (stored.get(key, Stored(0, ())).copies == 1 if fate is Fate.ACKNOWLEDGED else True)
        and (stored.get(key, Stored(0, ())).copies == 0 if fate is Fate.REFUSED else True)
        for key, fate in fates.items()
    ) and all(
        item.copies == 0 or (key in fates and item.copies == 1 and item.bodies == ("=",))
        for key, item in stored.items()
    )
    assert right == ((found.lost, found.duplicated, found.altered, found.phantom) == (0, 0, 0, 0))
