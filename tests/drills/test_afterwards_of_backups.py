"""Post-conditions of backups and restores in a running Solar: really restored, really refused, really quiet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drillbook.checking import load_system
from drillbook.model.limit import Limit
from drillbook.model.quantity import Dimension
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


DETECTS = "{type: restore_detects_bad_backup, component: database}"


def orders(system: Solar) -> list[tuple[object, ...]]:
    with system.database() as database:
        return database.execute("SELECT * FROM orders ORDER BY key").fetchall()


@pytest.mark.slow
def test_a_restore_that_looks_at_the_dump_refuses_bad_ones_and_takes_an_old_one(system: Solar) -> None:
    follow(system, TAKE)
    before = orders(system)
    found = witness(system, DETECTS, INTO_EMPTY, follow=False)
    assert (found.status, "expected an old backup to be refused" in found.reason) == (FAIL, True), found.reason
    assert "an empty, a cut-off one is refused" in found.reason
    assert orders(system) == before
    assert witness(system, DETECTS).status is UNSEEN


@pytest.mark.slow
def test_a_restore_as_runbooks_write_it_takes_whatever_it_is_given_and_never_the_real_data(system: Solar) -> None:
    """``gunzip < dump | psql`` is content with nothing, and psql goes on after errors."""
    follow(system, TAKE)
    before = orders(system)
    found = witness(system, DETECTS, RESTORE, follow=False)
    assert (found.status, "expected an empty, a cut-off, an old backup" in found.reason) == (FAIL, True), found.reason
    assert "a cut-off one restored with success" in found.reason
    assert orders(system) == before


@pytest.mark.slow
def test_a_step_that_looks_at_the_age_first_refuses_an_old_backup(system: Solar) -> None:
    (age,) = (one for one in load_system("solar", "sandbox", None)[0].objectives if one.id == "backup-object")
    limited = replace(age, limit=Limit.parse("<= 1 d", Dimension.DURATION))
    aware = replace(system, policy=replace(system.policy, objectives=(*system.policy.objectives, limited)))
    found = witness(aware, DETECTS, "{type: check, hold: [backup-object]}", INTO_EMPTY, follow=False)
    assert (found.status, "refused before anything is destroyed" in found.reason) == (PASS, True), found.reason


@pytest.mark.slow
def test_a_dump_that_goes_to_another_database_itself_is_tried_nowhere(system: Solar) -> None:
    goes = (
        'printf "%sconnect solar\\n" "$(printf %b "\\0134")" > /backups/.t.sql; '
        f"gunzip -c {DUMP} >> /backups/.t.sql; gzip -f /backups/.t.sql; mv /backups/.t.sql.gz {DUMP}"
    )
    try:
        follow(system, in_store(goes))
        found = witness(system, DETECTS, RESTORE, follow=False)
    finally:
        follow(system, TAKE)
    assert (found.status, "goes to another database itself" in found.reason) == (UNSEEN, True), found.reason


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
