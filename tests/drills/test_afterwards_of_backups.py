"""Post-conditions of backups and restores in a running Solar: really restored, really refused, really quiet."""

from __future__ import annotations

import pytest

from drillbook.model.verdict import Status
from tests.drills.conftest import Solar
from tests.drills.following import follow
from tests.drills.test_steps_with_backups import DUMP, INTO_EMPTY, RESTORE, START, STOP, TAKE, in_store
from tests.drills.witnessing import witness

PASS, FAIL, UNSEEN = Status.PASS, Status.FAIL, Status.INCONCLUSIVE
TAKEN = f"{{type: backup_taken, component: backups, path: {DUMP}}}"
CUT = f"gunzip -c {DUMP} | head -n 20 > /backups/.t.sql; gzip -f /backups/.t.sql; mv /backups/.t.sql.gz {DUMP}"


@pytest.mark.slow
def test_a_backup_counts_when_it_is_new_and_was_restored_somewhere(system: Solar) -> None:
    found = witness(system, TAKEN, TAKE)
    assert (found.status, "was loaded into an empty database of its own" in found.reason) == (PASS, True), found.reason
    old = witness(system, TAKEN)
    assert (old.status, "younger than the procedure" in old.reason) == (FAIL, True)
    with system.database() as database:
        rows = database.execute("SELECT datname FROM pg_database WHERE datname ^@ 'drillbook'").fetchall()
    assert rows == []


@pytest.mark.slow
def test_a_new_backup_that_is_cut_off_is_none(system: Solar) -> None:
    try:
        found = witness(system, TAKEN, in_store(CUT))
    finally:
        follow(system, TAKE)
    assert (found.status, "cut off" in found.reason) == (FAIL, True)


@pytest.mark.slow
def test_bad_backups_are_tried_on_a_database_of_their_own(system: Solar) -> None:
    then = "{type: restore_detects_bad_backup, component: database}"
    with system.database() as database:
        before = database.execute("SELECT count(*) FROM orders").fetchone()
    found = witness(system, then, TAKE, INTO_EMPTY)
    # The step refuses what is empty or cut off; that nobody looks at the age is the runbook's.
    assert (found.status, "expected an old backup to be refused" in found.reason) == (FAIL, True), found.reason
    assert "an empty and a cut-off one is refused" in found.reason
    with system.database() as database:
        assert database.execute("SELECT count(*) FROM orders").fetchone() == before
    assert witness(system, then).status is UNSEEN


@pytest.mark.slow
def test_a_restore_is_quiet_only_when_everybody_else_has_gone(system: Solar) -> None:
    then = "{type: quiesced, component: database}"
    try:
        loud = witness(system, then, TAKE, RESTORE)
        assert (loud.status, "nobody but the restorer, found a session of" in loud.reason) == (FAIL, True), loud.reason
        quiet = witness(system, then, TAKE, *STOP, INTO_EMPTY)
        assert quiet.status is PASS, quiet.reason
    finally:
        follow(system, *START)
    assert witness(system, then).status is UNSEEN
