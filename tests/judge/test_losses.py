"""Lost writes and the recovery point: what a backup cannot have is the price that the runbook names, or just lost."""

from __future__ import annotations

import pytest

from drillbook.judge.ledger import Fate, Stored, tally
from drillbook.judge.losses import lost_writes
from drillbook.model.drill import RecoveryPoint, WriteTally
from drillbook.model.verdict import Status
from tests.judge.test_drill import judged


def writes(lost: int, after: int) -> WriteTally:
    return WriteTally(240, 200, lost, 0, 0, 0, lost_keys=tuple(f"k-{n}" for n in range(lost)), after_backup=after)


def point(age: float, limit: float | None) -> RecoveryPoint:
    return RecoveryPoint("/b/latest.sql.gz", age, limit)


@pytest.mark.parametrize(
    ("lost", "after", "restored", "words"),
    [
        (0, 0, None, None),
        (1, 0, None, "1 of 200 acknowledged writes are lost: k-0"),
        (5, 5, point(60, 3600), None),
        (5, 5, point(7200, 3600), "5 of 200 acknowledged writes are lost: /b/latest.sql.gz was 2 h old when it was "
         "restored, the documented recovery point objective is 1 h"),
        (2, 2, point(60, None), "2 of 200 acknowledged writes are lost: k-0, k-1: /b/latest.sql.gz was 1 min old when "
         "it was restored, and the runbook names no recovery point objective"),
        (5, 4, point(60, 3600), "1 of 200 acknowledged writes are lost, which the backup that was restored must have: "
         "k-0"),
    ],
)  # fmt: skip
def test_what_is_lost_is_told_unless_the_runbook_allows_it(
    lost: int, after: int, restored: RecoveryPoint | None, words: str | None
) -> None:
    assert list(lost_writes(writes(lost, after), restored)) == ([] if words is None else [words])


def test_a_write_that_the_backup_must_have_is_never_free_and_told_first() -> None:
    found = list(lost_writes(writes(5, 4), point(7200, 3600)))
    assert len(found) == 2
    assert "must have" in found[0]


def test_a_drill_within_the_recovery_point_objective_passes_and_says_what_it_cost() -> None:
    found = judged(writes=writes(3, 3), recovery_point=point(60, 3600))
    assert (found.status, found.recovery_point) == (Status.PASS, point(60, 3600))
    assert found.reason.endswith(
        "3 lost that were written after /b/latest.sql.gz, which was 1 min old, within the documented recovery point "
        "objective of 1 h"
    )


def test_a_drill_without_one_fails_by_every_write_that_is_gone() -> None:
    assert judged(writes=writes(3, 3), recovery_point=point(60, None)).status is Status.FAIL


def test_lost_writes_are_counted_by_when_they_were_acknowledged() -> None:
    fates = dict.fromkeys("abcd", Fate.ACKNOWLEDGED)
    found = tally(fates, {"b": Stored(1, ("b",))}, str, lambda key: key < "d")
    assert (found.lost, found.after_backup, found.lost_keys) == (3, 2, ("d", "a", "c"))
