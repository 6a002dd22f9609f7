"""Tables after a recovery against the ground truth: what must be the same, and what may have grown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.judge.content import changed_tables, growing
from drillbook.model.content import Content, TableContent
from drillbook.model.timeline import Event, EventKind
from drillbook.model.verdict import Status
from tests.judge.test_drill import GOOD, judged

BEFORE: Content = {"public.users": TableContent(12, "a"), "public.orders": TableContent(100, "b")}
CONTENTS = st.dictionaries(st.sampled_from("abcd"), st.builds(TableContent, st.integers(0, 3), st.sampled_from("xy")))


def found(**tables: TableContent | None) -> list[str]:
    after = {**BEFORE, **{f"public.{name}": one for name, one in tables.items()}}
    return list(changed_tables(BEFORE, {k: v for k, v in after.items() if v}, frozenset({"public.orders"})))


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, []),
        ({"orders": TableContent(140, "c")}, []),
        ({"orders": TableContent(99, "c")}, ["table public.orders has 99 rows, before the fault it had 100"]),
        ({"users": TableContent(11, "c")},
         ["table public.users has 11 rows, before the fault it had 12 and nobody wrote to it"]),
        ({"users": TableContent(12, "c")},
         ["table public.users has its 12 rows, and they hold something else than before the fault"]),
        ({"users": None}, ["table public.users is gone, it had 12 rows"]),
        ({"users_old": TableContent(12, "a")}, ["table public.users_old is new"]),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_is_told_by_table(tables: dict[str, TableContent | None], said: list[str]) -> None:
    assert found(**tables) == said


def test_what_somebody_writes_to_is_seen_before_the_fault() -> None:
    later = {**BEFORE, "public.orders": TableContent(105, "c"), "public.jobs": TableContent(1, "d")}
    assert growing(BEFORE, later) == {"public.orders", "public.jobs"}
    assert growing(BEFORE, BEFORE) == frozenset()


@given(CONTENTS, CONTENTS)
def test_nothing_is_said_of_the_same_and_something_of_every_other_quiet_table(before: Content, after: Content) -> None:
    assert list(changed_tables(before, before, frozenset())) == []
    said = list(changed_tables(before, after, frozenset()))
    assert len(said) == sum(before.get(name) != after.get(name) for name in {*before, *after})


def test_a_restore_that_leaves_the_old_rows_fails_and_the_step_is_named() -> None:
    step = Event(EventKind.STEP, 4.0, "restore database", {"took_seconds": 3.0, "problem": ""})
    line = replace(GOOD.timeline, events=(*GOOD.timeline.events, step))
    verdict = judged(timeline=line, changed_tables=("table public.users is gone, it had 12 rows",))
    assert verdict.status is Status.FAIL
    assert verdict.reason == (
        "the data is not what it was: table public.users is gone, it had 12 rows, "
        "though step restore database claimed success"
    )
