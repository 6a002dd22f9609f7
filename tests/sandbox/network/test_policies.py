"""Whom a NetworkPolicy lets through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.network.policies import allowed
from tests.sandbox.network.pods import PORT, pod

WEB = pod("web", "1", "127.70.1.2")
DATABASE = pod("db", "2", "127.70.1.3")
STRANGER = pod("web", "3", "127.70.2.2", namespace="other")


def labels(namespace: str) -> Mapping[str, str]:
    return {"kubernetes.io/metadata.name": namespace, "trusted": "yes" if namespace == "other" else "no"}


def policy(app: str | None = "db", **spec: Any) -> Object:
    selector = {"matchLabels": {"app": app}} if app else {}
    return {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"podSelector": selector} | spec}


def into(*rules: dict[str, Any]) -> Object:
    return policy(ingress=list(rules), policyTypes=["Ingress"])


def passes(client: Object, server: Object | None, *policies: Object, port: int = PORT) -> bool:
    return allowed(policies, labels, client, server, port)


def test_a_pod_that_no_policy_selects_is_free() -> None:
    assert passes(WEB, DATABASE)
    assert passes(WEB, DATABASE, policy("cache", policyTypes=["Ingress"]))


def test_a_selected_pod_takes_only_what_a_rule_lets_pass() -> None:
    only_web = into({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    assert passes(WEB, DATABASE, only_web)
    assert not passes(pod("worker", "4", "127.70.1.4"), DATABASE, only_web)


def test_no_rule_at_all_denies_everything_and_an_empty_rule_allows_everything() -> None:
    assert not passes(WEB, DATABASE, into())
    assert passes(STRANGER, DATABASE, into({}))


def test_policies_add_up() -> None:
    assert passes(WEB, DATABASE, into(), into({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}))


def test_a_pod_selector_alone_means_the_policy_s_own_namespace() -> None:
    assert not passes(STRANGER, DATABASE, into({"from": [{"podSelector": {}}]}))


def test_selectors_of_namespace_and_pod_in_one_entry_must_both_fit_and_in_two_either() -> None:
    trusted = {"namespaceSelector": {"matchLabels": {"trusted": "yes"}}}
    nobody = {"podSelector": {"matchLabels": {"app": "nobody"}}}
    assert passes(STRANGER, DATABASE, into({"from": [trusted]}))
    assert not passes(STRANGER, DATABASE, into({"from": [trusted | nobody]}))
    assert passes(STRANGER, DATABASE, into({"from": [trusted, nobody]}))


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([{"port": PORT}], True),
        ([{"port": PORT, "protocol": "TCP"}], True),
        ([{"port": PORT, "protocol": "UDP"}], False),
        ([{"port": "web"}], True),
        ([{"port": "metrics"}], False),
        ([{"port": PORT - 10, "endPort": PORT + 10}], True),
        ([{"port": PORT + 1, "endPort": PORT + 10}], False),
        ([{"port": 1}, {"port": PORT}], True),
        ([{}], True),
    ],
)
def test_ports_are_those_of_the_pod_by_number_name_or_range(ports: list[Any], expected: bool) -> None:
    assert passes(WEB, DATABASE, into({"ports": ports})) is expected


def test_an_address_block_takes_its_addresses_but_for_the_exceptions() -> None:
    block = {"ipBlock": {"cidr": "127.70.0.0/16", "except": ["127.70.2.0/24"]}}
    assert passes(WEB, DATABASE, into({"from": [block]}))
    assert not passes(STRANGER, DATABASE, into({"from": [block]}))


def test_both_ends_must_agree() -> None:
    shut_in = policy("web", policyTypes=["Egress"])
    assert not passes(WEB, DATABASE, shut_in)
    assert passes(DATABASE, WEB, shut_in)
    to_db = policy("web", egress=[{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}], policyTypes=["Egress"])
    assert passes(WEB, DATABASE, to_db)
    assert not passes(WEB, STRANGER, to_db)
    assert not passes(WEB, DATABASE, to_db, into())


def test_what_is_no_pod_is_reached_only_by_rules_that_name_nobody() -> None:
    assert not passes(WEB, None, policy("web", egress=[{"to": [{"podSelector": {}}]}], policyTypes=["Egress"]))
    assert passes(WEB, None, policy("web", egress=[{}], policyTypes=["Egress"]))


def test_a_pod_always_reaches_itself() -> None:
    assert passes(DATABASE, DATABASE, into(), policy("db", policyTypes=["Egress"]))


@given(st.lists(st.sampled_from([into(), into({}), into({"ports": [{"port": 1}]})])), st.integers(1, 65535))
def test_one_more_policy_with_an_open_rule_never_takes_anything_away(policies: list[Object], port: int) -> None:
    if passes(WEB, DATABASE, *policies, port=port):
        assert passes(WEB, DATABASE, *policies, into({}), port=port)
    assert passes(WEB, DATABASE, *policies, into({}), port=port)
