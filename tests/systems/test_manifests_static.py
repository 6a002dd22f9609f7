"""The manifests of every system agree with themselves, so that ``kubectl apply -f`` of the folder brings it up."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from drillbook.sandbox import images
from tests.systems import consistency
from tests.systems.manifests import (
    ALWAYS_THERE,
    WORKLOADS,
    Manifests,
    Object,
    containers,
    files,
    load,
    name_of,
    systems,
    title,
)
from tests.systems.references import references

DOCUMENTED = ["aic", "rag7", "smartcloudops", "solar"]
CHECKS = [
    consistency.identity,
    consistency.selectors,
    references,
    consistency.resources,
    consistency.scaling,
    consistency.pods,
    consistency.secrets,
]


def test_every_documented_kubernetes_system_has_manifests() -> None:
    assert set(systems()) >= set(DOCUMENTED)


@pytest.mark.parametrize("system", systems())
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.__name__))
def test_manifests_agree_with_themselves(system: str, check: Callable[[Manifests], Iterator[str]]) -> None:
    assert list(check(load(system))) == []


@pytest.mark.parametrize("system", systems())
def test_every_image_is_one_that_the_sandbox_can_start(system: str) -> None:
    named = {container["image"] for workload in load(system).of(*WORKLOADS) for container in containers(workload)}
    assert [image for image in sorted(named) if images.resolve(image) is None] == []


@pytest.mark.parametrize("system", systems())
def test_exactly_the_namespaces_that_may_be_drilled_say_so(system: str) -> None:
    labels = {name_of(obj): obj["metadata"].get("labels", {}) for obj in load(system).of("Namespace")}
    allowed = {name for name, given in labels.items() if given.get("drillbook.dev/drills") == "allowed"}
    assert allowed
    assert not allowed & ALWAYS_THERE


@pytest.mark.parametrize("system", systems())
def test_no_manifest_file_is_so_long_that_nobody_reads_it(system: str) -> None:
    assert [path.name for path in files(system) if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def _first(found: Manifests, kind: str) -> Object:
    return next(found.of(kind))


BREAKAGES: dict[str, tuple[Callable[[Manifests], object], str]] = {
    "a namespace that nothing makes": (
        lambda found: _first(found, "Service")["metadata"].update(namespace="elsewhere"),
        "before its namespace 'elsewhere'",
    ),
    "a selector that misses the pods": (
        lambda found: _first(found, "Deployment")["spec"]["selector"].update(matchLabels={"app": "nobody"}),
        "does not select the pods that it makes",
    ),
    "a Service for nobody": (
        lambda found: _first(found, "Service")["spec"].update(selector={"app": "nobody"}),
        "selects no pod",
    ),
    "a Service port that nobody listens on": (
        lambda found: _first(found, "Service")["spec"]["ports"][0].update(targetPort="nowhere"),
        "to nowhere, which no container",
    ),
    "a key that a Secret doesn't have": (
        lambda found: _first(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"].append(
            {"name": "X", "valueFrom": {"secretKeyRef": {"name": "langgraph-secrets", "key": "missing"}}}
        ),
        "reads the key missing",
    ),
    "a ConfigMap that isn't there": (
        lambda found: _first(found, "Deployment")["spec"]["template"]["spec"]["containers"][0].update(
            envFrom=[{"configMapRef": {"name": "missing"}}]
        ),
        "reads a ConfigMap that isn't there",
    ),
    "a request above the limit": (
        lambda found: _first(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"][
            "requests"
        ].update(cpu="64"),
        "requests more cpu than its limit",
    ),
    "memory in a unit that nobody knows": (
        lambda found: _first(found, "Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"][
            "limits"
        ].update(memory="1GiB!"),
        "memory can't be read",
    ),
    "an autoscaler of nothing": (
        lambda found: _first(found, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="nobody"),
        "scales what isn't there",
    ),
    "an Ingress to nowhere": (
        lambda found: _first(found, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
            name="nobody"
        ),
        "to a Service port that isn't there",
    ),
    "a real secret": (
        lambda found: _first(found, "Secret")["stringData"].update(TOKEN="hunter2"),
        "is not marked sandbox-only-",
    ),
    "a container that never says it is ready": (
        lambda found: _first(found, "Deployment")["spec"]["template"]["spec"]["containers"][0].pop("readinessProbe"),
        "has no readiness probe",
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_breakage_is_noticed(breakage: str) -> None:
    broken = Manifests(tuple(copy.deepcopy(load("rag7").objects)))
    damage, words = BREAKAGES[breakage]
    damage(broken)
    assert any(words in problem for check in CHECKS for problem in check(broken))


def test_a_title_says_kind_namespace_and_name() -> None:
    assert title({"kind": "Service", "metadata": {"namespace": "rag7", "name": "redis"}}) == "Service rag7/redis"
