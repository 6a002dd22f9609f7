"""A restore in a running Solar: what was written after the dump is gone, and whether that is allowed is documented."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drillbook.model.verdict import Status
from tests.drills.conftest import Solar
from tests.drills.following import follow
from tests.drills.test_steps_with_backups import DUMP, TAKE


@pytest.mark.slow
@pytest.mark.parametrize("documented", [timedelta(days=1), None], ids=["documented", "undocumented"])
def test_writes_after_the_dump_are_the_price_only_where_the_runbook_names_one(
    system: Solar, documented: timedelta | None
) -> None:
    procedures = {name: replace(one, then=()) for name, one in system.policy.procedures.items()}
    system.policy = replace(system.policy, procedures=procedures)
    with system.database() as database:
        database.execute("INSERT INTO orders (key, body) SELECT 'kept-' || n, 'x' FROM generate_series(1, 30) AS n")
    follow(system, TAKE)
    found = system.drill(system.order("rows-deleted", recovery_point=documented))
    point = found.recovery_point
    assert point is not None
    assert (point.backup, point.limit_seconds) == (DUMP, documented.total_seconds() if documented else None)
    assert 0 <= point.seconds < 120
    # Read back before the undo: whatever it puts back, these were gone after the documented way.
    assert found.writes.lost == found.writes.after_backup > 0
    if documented:
        assert found.status is Status.PASS, found.reason
        assert "within the documented recovery point objective of 1 d" in found.reason
    else:
        assert found.status is Status.FAIL
        assert found.reason.startswith(
            f"{found.writes.lost} of {found.writes.acknowledged} acknowledged writes are lost"
        )
        assert found.reason.endswith("the runbook names no recovery point objective")
    assert system.left_behind() == []
