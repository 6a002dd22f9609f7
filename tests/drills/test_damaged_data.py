"""Data that is damaged and not put right by the recovery fails the drill, although everything answers."""

from __future__ import annotations

import pytest

from drillbook.drills.content import content_of
from drillbook.model.verdict import Status
from tests.drills.conftest import Solar


@pytest.mark.slow
def test_rows_that_nobody_restored_fail_the_drill_and_are_there_again_after_it(system: Solar) -> None:
    with system.database() as database:
        database.execute("INSERT INTO orders (key, body) SELECT 'kept-' || n, 'x' FROM generate_series(1, 30) AS n")
    database_component = system.policy.components["database"]

    def content(without: str) -> object:
        return system.on_kube(lambda kube: content_of(kube, system.environment, database_component, without))

    before = content(":")
    order = system.order("pod-kill", experiment="database-rows-deleted", component="database")
    found = system.drill(order)
    assert (found.status, found.fault.landed, found.undone) == (Status.FAIL, True, True), found.reason
    assert found.reason.startswith("the data is not what it was: table public.orders has ")
    assert content(":") == before
    assert system.left_behind() == []
