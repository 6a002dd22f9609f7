"""NetworkPolicies that the API refuses."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.sandbox.api.validation.policies import network_policy


def into(**rule: Any) -> dict[str, Any]:
    return {"podSelector": {}, "ingress": [rule]}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingres"]}, "spec.policyTypes[0]"),
        (into(**{"from": [{}]}), "spec.ingress[0].from[0]"),
        (into(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}), "spec.ingress[0].from[0]"),
        (into(**{"from": [{"ipBlock": {"cidr": "10.0.0"}}]}), "spec.ingress[0].from[0].ipBlock.cidr"),
        (
            into(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}]}),
            "spec.ingress[0].from[0].ipBlock.except[0]",
        ),
        (into(ports=[{"port": 70000}]), "spec.ingress[0].ports[0].port"),
        (into(ports=[{"port": 80, "protocol": "ICMP"}]), "spec.ingress[0].ports[0].protocol"),
        (into(ports=[{"port": 80, "endPort": 79}]), "spec.ingress[0].ports[0].endPort"),
        (into(ports=[{"port": "web", "endPort": 79}]), "spec.ingress[0].ports[0].endPort"),
    ],
)
def test_each_mistake_is_named_by_its_field(spec: dict[str, Any], field: str) -> None:
    assert [cause[2] for cause in network_policy({"spec": spec})] == [field]


def test_a_policy_without_mistakes_is_fine() -> None:
    rule = into(**{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 1}]})
    assert network_policy({"spec": rule}) == []
