"""The account of ``deploy/rbac-drills.yaml`` in a running Solar: it drills, it sees what changes, and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.checking import load_system
from drillbook.clients.kube import Kube, path_of
from drillbook.clients.kube_objects import Unlisted
from drillbook.drills import residue
from drillbook.drills.drill import run_drill
from drillbook.drills.guard import clear
from drillbook.drills.journal import Entry, Journal, forget, new_entry
from drillbook.drills.outlasting import lock_outlasts
from drillbook.drills.plan import brief
from drillbook.drills.unfinished import finish
from drillbook.errors import Refused
from drillbook.model.verdict import Status
from drillbook.places import program
from tests.conftest import SandboxHandle
from tests.drills.conftest import FEW, NAMESPACE, Solar
from tests.drills.rights import CHECKS, DRILLS, documents

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
FILES = ("-f", str(CHECKS), "-f", str(DRILLS))
SETTINGS = path_of("configmaps", NAMESPACE, "solar-config")


def kubectl(kubeconfig: Path, *arguments: str) -> str:
    command = [KUBECTL, "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def driller(solar: SandboxHandle, system: Solar, tmp_path: Path) -> Iterator[Solar]:
    """Solar as the ServiceAccount sees it that drills."""
    kubectl(solar.kubeconfig, "apply", *FILES)
    token = kubectl(solar.kubeconfig, "-n", "drillbook", "create", "token", "drillbook-drills").strip()
    config = yaml.safe_load(solar.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    _, environment, _ = load_system("solar", "sandbox", solar.name, path)
    yield replace(system, environment=environment)
    kubectl(solar.kubeconfig, "delete", *FILES, "--wait=false", "--ignore-not-found")


def without(solar: SandboxHandle, resource: str, *verbs: str) -> None:
    """Take verbs of a resource out of the role for drills; all of them, where none is named."""
    for name in ("drillbook-drills", "drillbook-checks"):
        role = next(
            one
            for one in documents()
            if (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) == ("Role", NAMESPACE, name)
        )
        rules = [less for rule in role["rules"] for less in _less(rule, resource, verbs)]
        patch = yaml.safe_dump({"rules": rules})
        kubectl(solar.kubeconfig, "-n", NAMESPACE, "patch", "role", name, "--type=merge", "-p", patch)


def _less(rule: dict[str, Any], resource: str, verbs: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if resource not in rule["resources"]:
        yield rule
        return
    others = [one for one in rule["resources"] if one != resource]
    left = [verb for verb in rule["verbs"] if verbs and verb not in verbs]
    yield from [{**rule, "resources": others}] if others else []
    yield from [{**rule, "resources": [resource], "verbs": left}] if left else []


async def change(kube: Kube) -> None:
    await kube.patch(SETTINGS, {"data": {"PLANTED": "by a test"}})


async def change_back(kube: Kube) -> None:
    await kube.patch(SETTINGS, {"data": {"PLANTED": None}})


def test_a_namespace_whose_rights_would_go_with_it_is_not_taken_away(driller: Solar) -> None:
    intent = brief(driller.order("pod-kill", experiment="namespace-lost")).intent
    with pytest.raises(Refused, match="with it every right that is given in it, so nobody could make it again"):
        driller.on_kube(lambda kube: lock_outlasts(kube, intent))


def test_one_verb_less_is_refused_in_a_sentence_that_says_which_and_for_what(
    driller: Solar, solar: SandboxHandle
) -> None:
    intent = brief(driller.order("pod-kill")).intent
    assert driller.on_kube(lambda kube: clear(kube, intent)).choice.chosen
    for (resource, verb), purpose in {
        ("pods", "delete"): "break",
        ("deployments", "patch"): "repair",
        ("leases", "update"): "lock and journal",
    }.items():
        without(solar, resource, verb)
        said = f"^not injecting: these credentials may not .*{verb} {resource}.*, which the drill needs to {purpose}"
        with pytest.raises(Refused, match=said):
            driller.on_kube(lambda kube: clear(kube, intent))
        kubectl(solar.kubeconfig, "apply", *FILES)


def test_what_changes_in_the_systems_namespace_is_seen_with_rights_in_that_namespace_alone(
    driller: Solar, system: Solar
) -> None:
    ours = driller.policy.namespaces
    before = driller.on_kube(lambda kube: residue.take(kube, ours))
    kinds = {name.kind for name in before if name.namespace == NAMESPACE}
    assert {"ConfigMap", "Secret", "Deployment", "Service", "Ingress", "HorizontalPodAutoscaler"} <= kinds
    assert {"Node", "Namespace"} <= {name.kind for name in before if not name.namespace}
    system.on_kube(change)
    try:
        after = driller.on_kube(lambda kube: residue.take(kube, ours))
        found = residue.residue(before, after, ours)
    finally:
        system.on_kube(change_back)
    assert found == (f"ConfigMap {NAMESPACE}/solar-config is changed, inside the system's namespaces: data.PLANTED",)


def test_what_may_be_changed_and_not_be_listed_is_told_and_what_is_neither_stays_out(
    driller: Solar, system: Solar, solar: SandboxHandle
) -> None:
    ours = driller.policy.namespaces
    without(solar, "secrets")
    kinds = {name.kind for name in driller.on_kube(lambda kube: residue.take(kube, ours))}
    assert "Secret" not in kinds
    assert "ConfigMap" in kinds
    without(solar, "configmaps", "list", "watch")
    said = f"^these credentials may change and not list configmaps in namespace {NAMESPACE}, so nobody could see"
    with pytest.raises(Unlisted, match=said):
        driller.on_kube(lambda kube: residue.take(kube, ours))
    with pytest.raises(Refused, match="list configmaps in namespace"):
        run_drill(driller.order("pod-kill"), driller.said.append, lambda result: None)
    assert system.left_behind() == []


def test_the_account_recovers_what_a_killed_drill_left(driller: Solar, tmp_path: Path) -> None:
    intent = brief(driller.order("pod-kill")).intent

    async def die(kube: Kube) -> Entry:
        put_back = await intent.fault.put_back(kube, intent.aim)
        entry = await new_entry(kube, "run-of-somebody/pod-kill", "pod-kill", NAMESPACE, put_back)
        await Journal(tmp_path / "elsewhere.jsonl").intend(kube, entry)
        return entry

    entry = driller.on_kube(die)
    (found,) = driller.on_kube(lambda kube: finish(kube, NAMESPACE, (), "recover-test", driller.said.append))
    driller.on_kube(lambda kube: forget(kube, NAMESPACE, entry.config_map))
    assert found.done, found.problem
    assert driller.on_kube(lambda kube: finish(kube, "default", (), "recover-test", driller.said.append)) == ()


@pytest.mark.slow
def test_a_whole_drill_passes_with_the_accounts_rights(driller: Solar, solar: SandboxHandle) -> None:
    """With an objective of the Prometheus in the other namespace, and one that takes the database's password."""
    prometheus = ("error-ratio", "q-error-ratio") if program("prometheus") else ()
    policy, _, _ = load_system("solar", "sandbox", solar.name)
    asked = tuple(one for one in policy.objectives if one.id in {*FEW, *prometheus})
    here = replace(driller, policy=replace(driller.policy, objectives=asked))
    found = here.drill(here.order("database-kill"))
    assert (found.status, found.reason, found.residue, found.undone) == (Status.PASS, found.reason, (), True)
    assert {one.status for one in found.objectives_after} == {Status.PASS}
    assert len(found.objectives_after) == len(asked)


@pytest.mark.slow
def test_a_drill_of_the_account_fails_where_a_setting_of_the_system_is_left_changed(
    driller: Solar, system: Solar
) -> None:
    def when(text: str) -> None:
        if text.startswith("putting everything back"):
            system.on_kube(change)

    try:
        found = driller.drill(driller.order("pod-kill"), when)
    finally:
        system.on_kube(change_back)
    assert found.status is Status.FAIL
    assert found.residue == (
        f"ConfigMap {NAMESPACE}/solar-config is changed, inside the system's namespaces: data.PLANTED",
    )
