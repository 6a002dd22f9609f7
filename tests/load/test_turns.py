"""Which request is next, and what is in it."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from drillbook.clients.reach import Endpoint
from drillbook.load.plan import LoadPlan, Target, traffic
from drillbook.load.turns import filled, keys, turns
from drillbook.model.policy import Component, Route

ENDPOINT = Endpoint("127.0.0.1", 8443, "api.example.com", True, "Ingress shop/api")


def target(*weights: int) -> Target:
    return Target("api", ENDPOINT, None, tuple(Route("GET", f"/{n}", weight) for n, weight in enumerate(weights)))


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_every_route_has_exactly_its_share(weights: list[int]) -> None:
    total = sum(weights)
    counted = Counter(route.path for _, route in islice(turns([target(*weights)]), 3 * total))
    assert counted == {f"/{n}": 3 * weight for n, weight in enumerate(weights)}


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_no_route_is_kept_waiting_for_a_whole_round(weights: list[int]) -> None:
    total = sum(weights)
    sent = [route.path for _, route in islice(turns([target(*weights)]), 2 * total)]
    assert set(sent[:total]) == set(sent)


def test_the_routes_of_all_targets_take_turns() -> None:
    sent = {t.component for t, _ in islice(turns([target(1), Target("web", ENDPOINT, None, (Route("GET", "/"),))]), 2)}
    assert sent == {"api", "web"}


def test_no_key_is_sent_twice() -> None:
    assert len(set(islice(keys("load-x"), 1000))) == 1000


def test_a_body_gets_its_key_and_other_values_stay() -> None:
    found = filled({"key": "{key}", "body": "{body}", "count": 3}, "load-1")
    assert found == {"key": "load-1", "body": "written by a load test as load-1", "count": 3}
    assert filled(None, "load-1") is None


def test_health_and_metrics_are_no_traffic() -> None:
    routes = tuple(Route("GET", path) for path in ("/orders", "/health", "/metrics", "/ready?deep=1", "/alive"))
    component = Component("api", "shop", health="/alive", routes=routes)
    assert [route.path for route in traffic(component)] == ["/orders"]


def test_a_plan_survives_the_way_to_the_other_process() -> None:
    routes = (Route("POST", "/orders", 2, {"key": "{key}"}), Route("GET", "/orders"))
    plan = LoadPlan("shop", "sandbox", "shop-2", 20.0, 10.0, 3.0, (Target("api", ENDPOINT, "/x/ca.crt", routes),))
    assert LoadPlan.from_json(plan.to_json()) == plan
