"""``deploy/rbac-checks.yaml`` is enough for every check, and is for reading only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from drillbook.checking import check_objectives, load_system
from drillbook.model.verdict import Status
from tests.conftest import SandboxHandle

RBAC = Path(__file__).parents[2] / "deploy" / "rbac-checks.yaml"
KUBECTL = str(Path(sys.executable).with_name("kubectl"))


def kubectl(kubeconfig: Path, *arguments: str) -> str:
    command = [KUBECTL, "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def reader(solar: SandboxHandle, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of the ServiceAccount that checks."""
    kubectl(solar.kubeconfig, "apply", "-f", str(RBAC))
    token = kubectl(solar.kubeconfig, "-n", "drillbook", "create", "token", "drillbook-checks").strip()
    config = yaml.safe_load(solar.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    yield path
    kubectl(solar.kubeconfig, "delete", "-f", str(RBAC), "--wait=false", "--ignore-not-found")


def test_a_reader_is_enough_for_every_objective(solar: SandboxHandle, reader: Path) -> None:
    policy, environment, waivers = load_system("solar", "sandbox", solar.name, reader)
    without = ("attested.", "backup.")  # People, and files that only a look into a pod shows.
    chosen = [o for o in policy.objectives if not o.indicator.startswith(without) and o.via != "exec"]
    verdicts = check_objectives(policy, environment, waivers, chosen)
    assert {v.id: v.reason for v in verdicts if v.status is not Status.PASS} == {}


def test_the_role_allows_no_verb_that_changes_anything() -> None:
    documents = [d for d in yaml.safe_load_all(RBAC.read_text(encoding="utf-8")) if d["kind"].endswith("Role")]
    assert len(documents) == 2
    for rule in (rule for document in documents for rule in document["rules"]):
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert "*" not in rule["resources"]
        assert "secrets" not in rule["resources"] or rule.get("resourceNames")
