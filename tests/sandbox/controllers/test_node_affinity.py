"""Node affinity: which nodes a pod's required terms take."""

from __future__ import annotations

import pytest

from drillbook.sandbox.api.validation.affinity import REQUIRED
from drillbook.sandbox.controllers.node_affinity import chooses, pin, pinned_to
from drillbook.sandbox.kinds import Object

NODE = {"metadata": {"name": "node-1", "labels": {"zone": "a", "cores": "16"}}}


def requires(*terms: Object) -> Object:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def label(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("expression", "takes"),
    [
        (label("zone", "In", "a", "b"), True),
        (label("zone", "In", "b"), False),
        (label("rack", "In", "a"), False),
        (label("zone", "NotIn", "b"), True),
        (label("zone", "NotIn", "a"), False),
        (label("rack", "NotIn", "a"), True),
        (label("zone", "Exists"), True),
        (label("rack", "Exists"), False),
        (label("rack", "DoesNotExist"), True),
        (label("cores", "Gt", "15"), True),
        (label("cores", "Gt", "16"), False),
        (label("cores", "Lt", "17"), True),
        (label("zone", "Gt", "1"), False),
        (label("rack", "Lt", "1"), False),
    ],
)
def test_each_operator_asks_for_one_thing(expression: Object, takes: bool) -> None:
    assert chooses(requires({"matchExpressions": [expression]}), NODE) is takes


def test_one_term_is_enough_and_all_of_its_expressions_must_hold() -> None:
    good, bad = label("zone", "In", "a"), label("zone", "In", "b")
    assert chooses(requires({"matchExpressions": [bad]}, {"matchExpressions": [good]}), NODE)
    assert not chooses(requires({"matchExpressions": [good, bad]}), NODE)


def test_a_term_without_expressions_takes_nothing() -> None:
    assert not chooses(requires({}), NODE)
    assert chooses({}, NODE)


def test_selector_and_affinity_must_both_take_the_node() -> None:
    spec = requires({"matchExpressions": [label("zone", "In", "a")]})
    assert not chooses(spec | {"nodeSelector": {"rack": "1"}}, NODE)


def test_a_pinned_spec_takes_its_node_only() -> None:
    spec = pin(requires({"matchExpressions": [label("zone", "Exists")]}), "node-1")
    assert chooses(spec, NODE)
    assert not chooses(spec, {"metadata": {"name": "node-2", "labels": {"zone": "a"}}})
    assert pinned_to(spec) == "node-1"


def test_who_only_avoids_a_node_is_pinned_to_none() -> None:
    avoids = {"matchFields": [label("metadata.name", "NotIn", "node-1")]}
    assert pinned_to(requires(avoids)) is None
    assert not chooses(requires(avoids), NODE)
    assert pinned_to({}) is None
