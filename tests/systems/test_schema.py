"""Manifests hold nothing but fields that Kubernetes knows, with values of the right type."""

from __future__ import annotations

import pytest

from tests.systems.manifests import load, systems, title
from tests.systems.schema import problems


@pytest.mark.parametrize("system", systems())
def test_a_real_cluster_would_take_every_field(system: str) -> None:
    assert [f"{title(obj)}: {problem}" for obj in load(system).objects for problem in problems(obj)] == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("replica", 3, "Deployment.spec.replica: no such field"),
        ("replicas", "3", "Deployment.spec.replicas: expected int, found '3'"),
        ("replicas", True, "Deployment.spec.replicas: expected int, found True"),
        ("selector", [], "Deployment.spec.selector: expected an object, found []"),
        ("selector", {"matchLabels": {"app": 1}}, "Deployment.spec.selector.matchLabels[app]: expected str, found 1"),
    ],
)
def test_a_wrong_field_is_noticed(field: str, value: object, words: str) -> None:
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {field: value}}
    assert list(problems(wrong)) == [words]
