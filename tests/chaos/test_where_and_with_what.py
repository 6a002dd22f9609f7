"""What plain ``chaos run`` does with experiments, and where it does nothing at all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drillbook import places
from drillbook.chaos.actions import _intent
from drillbook.chaos.doorway import Place
from drillbook.checking import load_system
from drillbook.drills.guard import environment_allows
from drillbook.errors import Refused
from drillbook.model.environment import EnvironmentClass
from tests.chaos.test_plain_chaos_run import chaos
from tests.drills.conftest import Solar, quick, system

__all__ = ["quick", "system"]


@pytest.mark.parametrize("where", [EnvironmentClass.STAGING, EnvironmentClass.PRODUCTION])
def test_outside_of_a_sandbox_nobody_can_say_that_it_is_meant(where: EnvironmentClass) -> None:
    """The page about drills says so: ``chaos`` has no option for it."""
    policy, environment, waivers = load_system("solar", "sandbox", "nowhere")
    elsewhere = replace(environment, environment_class=where, drills_allowed=True)
    place = Place(policy, elsewhere, waivers, policy.components["api"])
    nobody: Any = None
    with pytest.raises(Refused, match=r"--production was not said|nobody confirmed"):
        asyncio.run(environment_allows(nobody, _intent(place, {"fault": "pod-kill"})))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "deviated", "said"),
    [
        ("load-spike", False, "Pod drillbook-load-spike-api is gone, deployment/backend has its 3 ready replicas"),
        # Users go on, and the objective that every Service leads to somebody sees it.
        ("log-pipeline-down", True, "deployment/flower has its 1 ready replicas, put back: replicas"),
    ],
)
def test_an_experiment_runs_and_everything_is_put_back(
    system: Solar, quick: Path, name: str, deviated: bool, said: str
) -> None:
    journal_path = quick / "journal.json"
    words = ("run", "--rollback-strategy", "always", "--journal-path", str(journal_path))
    found = chaos(quick, *words, str(places.experiment_file(name)))
    assert found.returncode == int(deviated), found.stdout + found.stderr
    journal = json.loads(journal_path.read_text())
    assert journal["deviated"] is deviated
    assert [activity["status"] for activity in journal["run"]] == ["succeeded", "succeeded"]
    assert journal["rollbacks"][0]["output"] == {"undone": [said]}
    assert system.left_behind() == []
