"""Steps on single objects, on credentials and on nodes, followed in a running Solar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.clients.kube import Kube, path_of
from drillbook.drills.recovery import expected_changes, put_nodes_back, run_step
from drillbook.drills.steps.ground import Ground
from drillbook.model.policy import Procedure, Source
from tests.drills.conftest import NAMESPACE, Solar
from tests.drills.following import complaint, follow, read, steps

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: %s}\ndata: {a: '1'}\n"


@pytest.fixture
def filed(system: Solar, tmp_path: Path) -> Solar:
    """Solar with a folder of its own, where files for steps can be put."""
    folder = tmp_path / "own"
    folder.mkdir()
    system.policy = replace(system.policy, path=folder / "policy.yaml")
    return system


def put(system: Solar, name: str, text: str) -> None:
    (system.policy.path.parent / name).write_text(text)


def test_an_object_is_created_changed_and_deleted(filed: Solar) -> None:
    put(filed, "map.yaml", MAP % NAMESPACE)
    put(filed, "patch.yaml", "data: {b: '2'}\n")
    apply = "{type: apply, file: map.yaml, line: 302}"
    patch = "{type: patch, component: api, object: configmap/settings, file: patch.yaml, line: 370}"
    delete = "{type: delete_object, component: api, object: configmap/settings, line: 443}"
    assert follow(filed, apply, apply, patch) == [
        "ConfigMap settings created",
        "ConfigMap settings configured",
        "ConfigMap settings is patched",
    ]
    assert read(filed, "configmaps", "settings")["data"] == {"a": "1", "b": "2"}
    assert follow(filed, delete) == ["ConfigMap settings is deleted"]
    assert complaint(filed, delete).endswith("expected ConfigMap settings to delete, found none")


def test_a_file_reaches_no_namespace_but_the_systems(filed: Solar) -> None:
    put(filed, "map.yaml", MAP % "default")
    said = complaint(filed, "{type: apply, file: map.yaml, line: 302}")
    assert f"expected ConfigMap settings in a namespace of the system ({NAMESPACE}), found 'default'" in said


def test_a_patch_says_which_fields_it_changes(filed: Solar) -> None:
    put(filed, "patch.yaml", "spec: {minReplicas: 2, metrics: [{type: Resource}]}\n")
    (step,) = steps(
        filed.policy, "{type: patch, component: api, object: horizontalpodautoscaler/backend, file: patch.yaml}"
    )
    procedure = Procedure("p", Source("r", "s", (1, 1)), (), None, (step,))
    (fields,) = expected_changes(filed.policy, procedure).values()
    assert {"spec.minReplicas", "spec.metrics"} <= set(fields)


def test_a_secret_gets_new_values_and_keeps_its_other_keys(system: Solar) -> None:
    async def make(kube: Kube) -> None:
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "spare"}, "stringData": {"a": "1", "b": "2"}}
        await kube.create(path_of("secrets", NAMESPACE), body)

    async def drop(kube: Kube) -> None:
        await kube.delete(path_of("secrets", NAMESPACE, "spare"))

    system.on_kube(make)
    try:
        before = read(system, "secrets", "spare")["data"]
        rotate = "{type: rotate_secret, component: api, secret: spare, keys: [a], line: 448}"
        (claim,) = follow(system, rotate)
        after = read(system, "secrets", "spare")["data"]
        assert claim == "Secret spare has new values of a"
        assert after["a"] != before["a"]
        assert after["b"] == before["b"]
        (claim,) = follow(system, rotate.replace("keys: [a]", "keys: [a], drops_others: true"))
        assert claim == "Secret spare has new values of a, and b dropped"
        assert set(read(system, "secrets", "spare")["data"]) == {"a"}
        assert complaint(system, rotate.replace("[a]", "[c]")).endswith("spare to have c, found a")
    finally:
        system.on_kube(drop)


def test_a_certificate_is_marked_and_issued_anew(system: Solar) -> None:
    before = read(system, "secrets", "solar-tls")["data"]["tls.crt"]
    (claim, _) = follow(
        system,
        "{type: renew_certificate, component: api, certificate: solar-tls, how: mark, line: 252}",
        "{type: http, component: api, path: /health, within: 20 s}",
    )
    assert claim == "Certificate solar-tls is marked for issuing"
    for _ in range(100):
        if read(system, "secrets", "solar-tls")["data"]["tls.crt"] != before:
            return
    raise AssertionError("no new certificate was issued")


def test_a_certificate_that_there_is_not_is_told(system: Solar) -> None:
    said = complaint(system, "{type: renew_certificate, component: api, certificate: solar, how: annotate, line: 1}")
    assert said.endswith(f"expected Certificate {NAMESPACE}/solar to renew, found none")


@pytest.mark.slow
def test_a_node_is_drained_and_takes_pods_again(system: Solar) -> None:
    drained, back, _ = follow(
        system,
        "{type: drain, component: flower, within: 90 s, line: 286}",
        "{type: uncordon, line: 289}",
        "{type: wait_ready, component: flower, within: 60 s}",
    )
    assert drained.startswith("node node-")
    assert back.endswith("takes pods again")
    follow(system, *(f"{{type: wait_ready, component: {one}, within: 90 s}}" for one in ("database", "api", "cache")))


def test_only_what_the_procedure_cordoned_is_uncordoned(system: Solar) -> None:
    assert complaint(system, "{type: uncordon, line: 289}").endswith(
        "expected a node that this procedure cordoned, found none"
    )


def test_a_procedure_that_breaks_off_leaves_no_node_cordoned(system: Solar) -> None:
    async def walk(kube: Kube) -> list[bool]:
        ground = Ground(kube, system.policy, system.environment)
        (cordon,) = steps(system.policy, "{type: cordon, component: flower, line: 286}")
        await run_step(ground, cordon)
        (node,) = ground.cordoned
        there = [bool((await kube.get(path_of("nodes", name=node)))["spec"].get("unschedulable"))]
        await put_nodes_back(ground)
        return [*there, bool((await kube.get(path_of("nodes", name=node)))["spec"].get("unschedulable"))]

    assert system.on_kube(walk) == [True, False]


def test_a_node_that_somebody_else_cordoned_is_left_alone(system: Solar) -> None:
    pod = "{type: cordon, component: flower, line: 286}"

    async def twice(kube: Kube) -> str:
        first, second = (Ground(kube, system.policy, system.environment) for _ in range(2))
        (cordon,) = steps(system.policy, pod)
        await run_step(first, cordon)
        try:
            await run_step(second, cordon)
        except Exception as error:
            return str(error)
        finally:
            await put_nodes_back(first)
        return ""

    assert "found it cordoned already, by somebody else" in system.on_kube(twice)
