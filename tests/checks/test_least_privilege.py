"""``deploy/rbac-checks.yaml`` is enough for every check, and is for reading only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from drillbook.checking import check_objectives, load_system
from drillbook.model.environment import Reach, SecretReference
from drillbook.model.verdict import Status
from drillbook.places import program
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
    # What a machine without a Prometheus can't be asked: in CI there is one.
    lacking = {"exec"} if program("prometheus") else {"exec", "prometheus"}
    chosen = [o for o in policy.objectives if not o.indicator.startswith(without) and o.via not in lacking]
    verdicts = check_objectives(policy, environment, waivers, chosen)
    assert {v.id: v.reason for v in verdicts if v.status is not Status.PASS} == {}


@pytest.fixture
def looker(solar: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database role that may connect once and read: no table is its own, and it may write to none."""
    monkeypatch.setenv("LOOKER_PASSWORD", "only-looks")
    psql(
        solar,
        "CREATE ROLE looker LOGIN CONNECTION LIMIT 1 PASSWORD 'only-looks'; GRANT pg_monitor TO looker;"
        "GRANT SELECT ON alembic_version TO looker",
    )
    yield "looker"
    psql(solar, "DROP OWNED BY looker; DROP ROLE looker")


def psql(solar: SandboxHandle, statements: str) -> str:
    inside = ("exec", "deployment/postgres", "-n", "solar-pv-llm-ai", "--")
    asked = ("psql", "-U", "solar_pv_user", "-d", "solar_pv_db", "-v", "ON_ERROR_STOP=1", "-tAc", statements)
    return kubectl(solar.kubeconfig, *inside, *asked).strip()


def test_a_database_role_without_write_grants_and_one_connection_are_enough(solar: SandboxHandle, looker: str) -> None:
    policy, environment, waivers = load_system("solar", "sandbox", solar.name)
    database = replace(policy.components["database"], user=looker)
    policy = replace(policy, components={**policy.components, "database": database})
    reach = replace(environment.components.get("database", Reach()), password=SecretReference(env="LOOKER_PASSWORD"))
    environment = replace(environment, components={**environment.components, "database": reach})
    chosen = [o for o in policy.objectives if o.indicator.startswith("database.") and o.via != "prometheus"]
    assert len(chosen) >= 3
    verdicts = check_objectives(policy, environment, waivers, chosen)
    assert {v.id: v.reason for v in verdicts if v.status is not Status.PASS} == {}
    grants = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'looker'"
    assert psql(solar, f"{grants} AND privilege_type <> 'SELECT'") == "0"


def test_the_role_allows_no_verb_that_changes_anything() -> None:
    documents = [d for d in yaml.safe_load_all(RBAC.read_text(encoding="utf-8")) if d["kind"].endswith("Role")]
    assert len(documents) == 3
    for rule in (rule for document in documents for rule in document["rules"]):
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert "*" not in rule["resources"]
        assert "secrets" not in rule["resources"] or rule.get("resourceNames")
