"""LimitRanges: what they give containers, and what they refuse in which words."""

from __future__ import annotations

from typing import Any

import pytest

from drillbook.sandbox.kinds import (
    LIMIT_RANGE,
)
from drillbook.sandbox.limit_range import SAID, apply_limit_ranges
from drillbook.sandbox.status import ApiError
from tests.sandbox.controllers.stage import Stage, container, named_pod


def limits(stage: Stage, **item: Any) -> None:
    stage.create(LIMIT_RANGE, "limits", spec={"limits": [{"type": "Container", **item}]})


def test_a_limit_range_gives_containers_what_they_do_not_say(stage: Stage) -> None:
    limits(stage, default={"cpu": "500m"}, defaultRequest={"cpu": "100m"})
    body = named_pod()
    apply_limit_ranges(stage.store, body)
    assert body["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    assert "cpu limit for container main" in body["metadata"]["annotations"][SAID]


def test_what_a_container_says_is_left_as_it_is(stage: Stage) -> None:
    limits(stage, default={"cpu": "500m"}, defaultRequest={"cpu": "100m"})
    body = named_pod(requests={"cpu": "1m"}, limits={"cpu": "2m"})
    apply_limit_ranges(stage.store, body)
    assert body["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}}


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ({"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        (
            {"limits": {"cpu": "1"}, "requests": {"cpu": "10m"}},
            "minimum cpu usage per Container is 100m, but request is 10m",
        ),
    ],
)
def test_bounds_are_refused_in_kubernetes_words(stage: Stage, resources: Any, sentence: str) -> None:
    limits(stage, min={"cpu": "100m"}, max={"cpu": "1"})
    with pytest.raises(ApiError, match='pods "new" is forbidden') as caught:
        apply_limit_ranges(stage.store, named_pod(**resources))
    assert caught.value.code == 403
    assert caught.value.message.endswith(sentence)


def test_a_pods_bound_holds_for_the_sum_of_its_containers(stage: Stage) -> None:
    stage.create(LIMIT_RANGE, "limits", spec={"limits": [{"type": "Pod", "max": {"memory": "100Mi"}}]})
    body = named_pod(limits={"memory": "60Mi"})
    apply_limit_ranges(stage.store, body)
    body["spec"]["containers"].append(container("side", limits={"memory": "60Mi"}))
    with pytest.raises(ApiError, match="maximum memory usage per Pod is 100Mi, but limit is 120Mi"):
        apply_limit_ranges(stage.store, body)
