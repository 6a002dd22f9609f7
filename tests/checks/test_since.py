"""``drillbook check --since``: what looks back looks back further, the rest is left alone, and nothing is ignored."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drillbook.checking import load_system
from drillbook.errors import ConfigError
from drillbook.policy.looking_back import looking_back, looks_back
from tests.checks.systems import POLICY, write_system
from tests.checks.test_waivers_reported import drillbook
from tests.clients.servers import closed_port

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RESTARTS = """
  - id: restarts
    indicator: pod.restarts
    component: api
    limit: "<= 2"
    severity: high
    source: {section: Limits, line: 9}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_system(tmp_path, closed_port(), policy=POLICY.rstrip() + RESTARTS)


@pytest.mark.parametrize(
    ("since", "window"), [("2h", "7200 s"), ("90 s", "90 s"), ("2026-11-21T09:00Z", "10800 s"), ("1 d", "86400 s")]
)
def test_only_what_looks_back_gets_another_window(since: str, window: str, folder: Path) -> None:
    policy, _, _ = load_system("shop", "test")
    found = looking_back(policy.objectives, since, NOW)
    assert {o.id: o.parameters.get("window") for o in found if looks_back(o)} == {"restarts": window}
    assert [o for o in found if not looks_back(o)] == [o for o in policy.objectives if not looks_back(o)]


@pytest.mark.parametrize("since", ["", "yesterday", "2026-11-21T13:00Z", "2026-11-21T09:00", "0 s", "-1h"])
def test_what_is_no_way_back_is_a_sentence(since: str, folder: Path) -> None:
    policy, _, _ = load_system("shop", "test")
    with pytest.raises(ConfigError, match="--since: expected how far back, such as 2h, or a moment"):
        looking_back(policy.objectives, since, NOW)


def test_a_selection_that_does_not_look_back_refuses_it_rather_than_ignoring_it(folder: Path) -> None:
    done = drillbook(folder, "check", "shop", "-e", "test", "--only", "health", "--since", "2h")
    assert done.returncode == 2
    assert "none of the chosen objectives looks back; these indicators can: " in done.stderr
    assert "pod.restarts" in done.stderr


def test_the_report_says_that_it_looked_back(folder: Path) -> None:
    done = drillbook(folder, "check", "shop", "-e", "test", "--only", "restarts", "--since", "2h")
    assert done.returncode == 3
    said = "--since 2h: looked back to then instead of over the policy's own windows: restarts"
    run = json.loads((folder / "reports" / "latest" / "run.json").read_text())
    assert said in run["run"]["problems"]
    assert said in done.stdout
