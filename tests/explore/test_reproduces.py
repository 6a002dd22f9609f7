"""What the explorer found is broken again when plain ``chaos run`` plays it, on a sandbox that nobody explored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from drillbook import places
from drillbook.checking import load_system
from drillbook.explore.experiment import write
from drillbook.explore.grounds import Grounds
from drillbook.explore.moves import Break, Follow
from drillbook.explore.possible import Possible
from drillbook.explore.search import Search
from tests.drills.conftest import quick

__all__ = ["quick"]

NAME = f"found-{os.getpid()}"
PROMISE = "solar/no-errors-logged doesn't hold again"
POSSIBLE = Possible(breaks=(Break("pod-kill", "database"),), others=(Follow("scale-up"),))


def add_objective(folder: Path) -> None:
    """What a killed database breaks for good: nobody takes a line out of a log."""
    path = folder / "systems" / "solar" / "policy.yaml"
    policy = yaml.safe_load(path.read_text())
    policy["objectives"].append(
        {
            "id": "no-errors-logged",
            "indicator": "log.matches",
            "component": "api",
            "parameters": {"pattern": "ERROR", "window": "15m"},
            "limit": "== 0",
            "severity": "low",
            "source": {"section": "Monitoring", "line": 233},
        }
    )
    path.write_text(yaml.safe_dump(policy))
    (path.parent / "manifests").symlink_to(places.bundled("systems") / "solar" / "manifests")
    procedures = path.parent / "procedures.yaml"
    steps = [{"type": "scale", "component": "flower", "replicas": 2, "line": 141}]
    source = {"section": "Common Operations > 2. Scaling Services", "line": 141}
    document = yaml.safe_load(procedures.read_text())
    document["procedures"].append({"id": "scale-up", "source": source, "steps": steps})
    procedures.write_text(yaml.safe_dump(document))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_found_sequence_breaks_the_same_promise_under_plain_chaos_run(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_objective(quick)
    monkeypatch.chdir(quick)
    policy, environment, waivers = load_system("solar", "sandbox", NAME)
    folder, found_in = tmp_path / "played", tmp_path / "found.yaml"
    folder.mkdir()
    with Grounds(policy, environment, waivers, folder, 5.0) as grounds:
        found = Search(POSSIBLE, lambda moves, until: grounds.play(moves, until).broken, 240.0, 7).run()
        assert found.shortest == (Break("pod-kill", "database"),), found
        assert any(one.startswith(PROMISE) for one in found.promises), found.promises
        write(found_in, "solar", found.shortest, found.promises, 5.0)
        # The last sequence broke something, so this sandbox is a new one.
        command = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "run", "--rollback-strategy", "always"]
        done = subprocess.run(
            [*command, "--journal-path", str(tmp_path / "journal.json"), str(found_in)],
            env=os.environ | {"DRILLBOOK_SANDBOX": NAME},
            cwd=quick,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 1, done.stdout + done.stderr
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert journal["steady_states"]["before"]["steady_state_met"] is True
    assert journal["deviated"] is True, journal["steady_states"]
    assert PROMISE in json.dumps(journal["steady_states"]["after"])
    assert [one["status"] for one in journal["rollbacks"]] == ["succeeded"]
