"""``deploy/rbac-drills.yaml`` is enough for every fault and procedure, and one verb less is told in a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook import places
from drillbook.checking import load_system
from drillbook.clients.kube import Permission
from drillbook.drills.experiment import load_experiment
from drillbook.drills.guard import clear
from drillbook.drills.outlasting import lock_outlasts
from drillbook.drills.permits import own_needs
from drillbook.drills.plan import aimed, brief
from drillbook.drills.recovery import permissions
from drillbook.errors import Refused
from drillbook.model.policy import Policy
from drillbook.policy import load_policy
from tests.conftest import SandboxHandle
from tests.drills.conftest import NAMESPACE, Solar

RBAC = Path(__file__).parents[2] / "deploy" / "rbac-drills.yaml"
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
CHANGES = {"create", "patch", "update", "delete"}


def roles() -> list[dict[str, Any]]:
    return [d for d in yaml.safe_load_all(RBAC.read_text(encoding="utf-8")) if d["kind"].endswith("Role")]


def allowed(permission: Permission, documents: list[dict[str, Any]]) -> bool:
    """As the API server decides: some rule of the namespace, or of the cluster, says so."""
    return any(
        permission.group in rule["apiGroups"]
        and permission.resource in rule["resources"]
        and permission.verb in rule["verbs"]
        for document in documents
        if document["metadata"].get("namespace") in {None, permission.namespace}
        for rule in document["rules"]
    )


def needed(policy: Policy) -> dict[str, set[Permission]]:
    """Everything that any drill of the system could ask for, and who asks."""
    wanted: dict[str, set[Permission]] = {}
    for path in sorted(places.bundled("experiments").glob("*.yaml")):
        experiment = load_experiment(path)
        component = str(experiment.configuration["component"])
        fault, aim, _ = aimed(policy, component, experiment.injection.arguments)
        if fault.takes_namespace:
            # No right in a namespace outlasts it: whoever may only drill is refused.
            continue
        needs = fault.needs(aim)
        wanted[path.stem] = {*needs.to_break, *needs.to_repair}
    for procedure in policy.procedures.values():
        wanted[f"procedure {procedure.id}"] = set(permissions(policy, procedure))
    wanted["every drill"] = {p for ps in own_needs(NAMESPACE).values() for p in ps}
    return wanted


def test_the_role_is_enough_for_every_experiment_and_every_procedure() -> None:
    policy = load_policy(places.system_dir("solar") / "policy.yaml")
    missing = {who: [str(p) for p in ps if not allowed(p, roles())] for who, ps in needed(policy).items()}
    assert {who: ps for who, ps in missing.items() if ps} == {}


def test_the_role_changes_nothing_that_no_drill_changes() -> None:
    """Rights that are there for no reason are what an attacker finds."""
    every = [load_policy(places.system_dir(name) / "policy.yaml") for name in ("solar", "smartcloudops", "rag7", "aic")]
    asked = {(p.group, p.resource, p.verb) for p in set().union(*needed(every[0]).values())}
    for policy in every:
        for procedure in policy.procedures.values():
            asked |= {(p.group, p.resource, p.verb) for p in permissions(policy, procedure)}
    given = {
        (group, resource, verb)
        for document in roles()
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in set(rule["verbs"]) & CHANGES
    }
    assert sorted(given - asked) == []
    assert all("*" not in text for _, resource, verb in given for text in (resource, verb))


def kubectl(kubeconfig: Path, *arguments: str) -> str:
    command = [KUBECTL, "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def without(rules: list[dict[str, Any]], resource: str, verb: str) -> list[dict[str, Any]]:
    """The rules less one verb of one resource."""
    less = [{**r, "verbs": [v for v in r["verbs"] if resource not in r["resources"] or v != verb]} for r in rules]
    return [rule for rule in less if rule["verbs"]]


@pytest.fixture
def driller(solar: SandboxHandle, system: Solar, tmp_path: Path) -> Iterator[Solar]:
    """Solar as the ServiceAccount sees it that drills."""
    kubectl(solar.kubeconfig, "apply", "-f", str(RBAC))
    token = kubectl(solar.kubeconfig, "-n", "drillbook", "create", "token", "drillbook-drills").strip()
    config = yaml.safe_load(solar.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    _, environment, _ = load_system("solar", "sandbox", solar.name, path)
    yield replace(system, environment=environment)
    kubectl(solar.kubeconfig, "delete", "-f", str(RBAC), "--wait=false", "--ignore-not-found")


def test_a_namespace_whose_rights_would_go_with_it_is_not_taken_away(driller: Solar) -> None:
    intent = brief(driller.order("pod-kill", experiment="namespace-lost")).intent
    with pytest.raises(Refused, match="with it every right that is given in it, so nobody could make it again"):
        driller.on_kube(lambda kube: lock_outlasts(kube, intent))


def test_one_verb_less_is_refused_in_a_sentence_that_says_which_and_for_what(
    driller: Solar, solar: SandboxHandle
) -> None:
    intent = brief(driller.order("pod-kill")).intent
    assert driller.on_kube(lambda kube: clear(kube, intent)).choice.chosen
    role = next(d for d in roles() if d["metadata"].get("namespace") == NAMESPACE)
    for (resource, verb), purpose in {
        ("pods", "delete"): "break",
        ("deployments", "patch"): "repair",
        ("leases", "update"): "lock and journal",
    }.items():
        patch = yaml.safe_dump({"rules": without(role["rules"], resource, verb)})
        kubectl(solar.kubeconfig, "-n", NAMESPACE, "patch", "role", "drillbook-drills", "--type=merge", "-p", patch)
        said = f"^not injecting: these credentials may not .*{verb} {resource}.*, which the drill needs to {purpose}$"
        with pytest.raises(Refused, match=said):
            driller.on_kube(lambda kube: clear(kube, intent))
