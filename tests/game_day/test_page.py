"""The page for a first game day: what it tells people to write is what Drillbook reads, with nothing missing."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook import places
from drillbook.checking import load_system
from drillbook.drills.plan import Order, brief, drill_plan
from drillbook.model.environment import EnvironmentClass
from drillbook.model.text_limit import OwedLimit

PAGE = (places.PACKAGE.parent / "docs" / "game-day.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(found) for found in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def block(word: str) -> Any:
    (found,) = [document for text in BLOCKS if word in str(document := yaml.safe_load(text))]
    return found


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Solar with what the page says, and nothing else."""
    folder = tmp_path / "systems" / "solar"
    shutil.copytree(places.bundled("systems") / "solar", folder)
    (folder / "attestations").mkdir(exist_ok=True)
    (folder / "environments" / "staging.yaml").write_text(yaml.safe_dump(block("'kind': 'Environment'")))
    (folder / "attestations" / "staging.yaml").write_text(yaml.safe_dump(block("'kind': 'Attestations'")))
    policy = yaml.safe_load((folder / "policy.yaml").read_text())
    policy["drills"] += block("'experiment'")
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_environment_file_of_the_page_is_read_and_owes_no_limit(staging: Path) -> None:
    policy, environment, _ = load_system("solar", "staging")
    assert environment.environment_class is EnvironmentClass.STAGING
    assert environment.drills_allowed
    assert [o.id for o in policy.objectives if isinstance(o.limit, OwedLimit)] == []
    assert environment.attestations is not None


def test_the_drill_of_the_page_can_be_ordered_there(staging: Path, tmp_path: Path) -> None:
    policy, environment, waivers = load_system("solar", "staging")
    plan = drill_plan(policy, "password-rotated")
    briefing = brief(Order(policy, environment, waivers, plan, tmp_path, "run"))
    assert briefing.by_hand
    assert briefing.limit_seconds == 4 * 3600


@pytest.mark.parametrize("system", ["aic", "rag7", "smartcloudops", "solar"])
def test_the_example_of_a_production_names_a_drill_that_wants_a_time(system: str) -> None:
    text = (places.bundled("systems") / system / "environments" / "production.example.yaml").read_text()
    commented = "\n".join(line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   "))
    given = yaml.safe_load(commented)["drill_times"]
    policy = yaml.safe_load((places.bundled("systems") / system / "policy.yaml").read_text())
    wanting = {drill["id"] for drill in policy["drills"] if drill.get("within") == "required"}
    assert set(given) <= wanting
    assert all(set(one) == {"within", "reason"} for one in given.values())
