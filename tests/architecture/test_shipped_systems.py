"""The systems that travel with Drillbook: their policies, environments, waivers and manifests agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.checking import is_attested
from drillbook.model.environment import EnvironmentClass
from drillbook.model.limit import Limit
from drillbook.model.policy import Objective, Policy
from drillbook.model.quantity import Quantity
from drillbook.model.text_limit import OwedLimit
from drillbook.places import bundled, experiment_file
from drillbook.policy import load_environment, load_policy, load_waivers, with_given_limits
from drillbook.policy.given_times import time_limit

FOLDERS = sorted(path.parent for path in bundled("systems").glob("*/policy.yaml"))
POLICIES = {folder.name: load_policy(folder / "policy.yaml") for folder in FOLDERS}
WITH_SANDBOX = [folder for folder in FOLDERS if (folder / "manifests").is_dir()]
each_system = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
each_sandbox = pytest.mark.parametrize("folder", WITH_SANDBOX, ids=[folder.name for folder in WITH_SANDBOX])
each_objective = pytest.mark.parametrize(
    ("policy", "objective"),
    [pytest.param(p, o, id=f"{p.system}/{o.id}") for p in POLICIES.values() for o in p.objectives],
)
each_resource = pytest.mark.parametrize(
    ("policy", "objective"),
    [
        pytest.param(p, o, id=f"{p.system}/{o.id}")
        for p in POLICIES.values()
        for o in p.objectives
        if o.indicator in {"workload.cpu", "workload.memory"}
    ],
)


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "manifests").glob("*.yaml")):
        yield from filter(None, yaml.safe_load_all(path.read_text(encoding="utf-8")))


def names_of(folder: Path, kind: str) -> set[tuple[str, str]]:
    """Namespace and name of each object of that kind."""
    return {(o["metadata"]["namespace"], o["metadata"]["name"]) for o in manifests(folder) if o["kind"] == kind}


def test_there_is_a_system_to_look_at() -> None:
    assert "solar" in POLICIES


@each_system
def test_a_system_is_called_like_its_folder(folder: Path) -> None:
    assert POLICIES[folder.name].system == folder.name


@each_sandbox
def test_a_system_with_manifests_has_a_sandbox_where_drills_are_allowed(folder: Path) -> None:
    sandbox = load_environment(folder, "sandbox", POLICIES[folder.name])
    assert sandbox.environment_class is EnvironmentClass.SANDBOX
    assert sandbox.drills_allowed


@each_sandbox
def test_the_sandbox_gives_every_limit_that_the_runbook_owes(folder: Path) -> None:
    policy = POLICIES[folder.name]
    filled = with_given_limits(policy, load_environment(folder, "sandbox", policy))
    owed = {o.id for o in filled.objectives if isinstance(o.limit, OwedLimit) and not is_attested(o)}
    assert owed == set()


@each_system
def test_a_system_has_an_example_of_a_real_environment_without_drills(folder: Path) -> None:
    example = load_environment(folder, "production.example", POLICIES[folder.name])
    assert example.environment_class is EnvironmentClass.PRODUCTION
    assert not example.drills_allowed


@each_system
def test_the_waivers_of_a_system_can_be_read(folder: Path) -> None:
    assert load_waivers(folder / "waivers.yaml", POLICIES[folder.name]) == ()


@each_objective
def test_every_objective_cites_a_section_and_lines_of_the_runbook(policy: Policy, objective: Objective) -> None:
    assert objective.source.document == policy.document
    assert objective.source.section
    assert 1 <= objective.source.lines[0] <= objective.source.lines[1]


@each_system
def test_every_drill_has_its_experiment_and_a_time_that_the_runbook_or_the_sandbox_gives(folder: Path) -> None:
    policy = POLICIES[folder.name]
    sandbox = load_environment(folder, "sandbox", policy) if policy.drills else None
    for drill in policy.drills:
        assert experiment_file(drill.experiment).is_file()
        assert sandbox is not None
        assert time_limit(policy, sandbox, drill) is not None, drill.id
        assert drill.note or drill.procedure, drill.id


@each_system
def test_every_step_cites_lines_of_its_procedure_or_is_said_to_be_ours(folder: Path) -> None:
    for procedure in POLICIES[folder.name].procedures.values():
        first, last = procedure.source.lines
        for step in procedure.steps:
            assert step.lines or step.note.startswith("ours"), f"{procedure.id}: {step.type} {step.component}"
            assert step.lines is None or first <= step.lines[0] <= step.lines[1] <= last, f"{procedure.id}: {step.span}"


@each_sandbox
def test_every_component_is_in_the_manifests(folder: Path) -> None:
    workloads = {
        "deployment": names_of(folder, "Deployment"),
        "statefulset": names_of(folder, "StatefulSet"),
    }
    services, ingresses = names_of(folder, "Service"), names_of(folder, "Ingress")
    for component in POLICIES[folder.name].components.values():
        if component.workload is not None:
            assert (component.namespace, component.workload.name) in workloads[component.workload.kind]
        if component.service is not None:
            assert (component.namespace, component.service) in services
        if component.ingress is not None:
            assert (component.namespace, component.ingress) in ingresses


@each_resource
def test_the_manifests_ask_for_the_resources_that_the_runbook_documents(policy: Policy, objective: Objective) -> None:
    resource = objective.indicator.removeprefix("workload.")
    workload = policy.components[objective.component or ""].workload
    assert workload is not None
    (template,) = (
        o["spec"]["template"]["spec"]
        for o in manifests(policy.path.parent)
        if o["kind"].lower() == workload.kind and o["metadata"]["name"] == workload.name
    )
    (container,) = template["containers"]
    asked = container["resources"][f"{objective.parameters['bound']}s"][resource]
    assert objective.limit == Limit("==", Quantity.parse(str(asked), objective.limit.dimension))


def test_solar_holds_the_whole_resource_table() -> None:
    found = [o.id for o in POLICIES["solar"].objectives if o.id.startswith("res-")]
    expected = [
        f"res-{component}-{resource}-{bound}"
        for component in ("backend", "frontend", "worker", "postgres", "redis")
        for bound in ("request", "limit")
        for resource in ("cpu", "memory")
    ]
    assert found == expected
