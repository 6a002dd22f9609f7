"""Latency, error ratio and health of a real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
import trustme
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from drillbook.model.policy import Route
from drillbook.probes.traffic import interleaved
from tests.clients.servers import closed_port, serving
from tests.probes.scenes import component, environment, look, objective

LATENCY, ERRORS, HEALTH = objective("http.latency"), objective("http.error_ratio"), objective("http.health")


async def good(_: web.Request) -> web.Response:
    return web.json_response({"status": "healthy"})


def test_a_healthy_server_is_fast_and_free_of_errors() -> None:
    with serving(good) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY, ERRORS, HEALTH)
    latency, errors, health = (found[name] for name in ("http.latency", "http.error_ratio", "http.health"))
    assert latency.samples == errors.samples == 100
    assert latency.low is not None
    assert latency.value is not None
    assert latency.high is not None
    assert Decimal(0) < latency.low <= latency.value <= latency.high < 5
    assert errors.value == 0
    # Zero errors in 100 requests prove no more than this (Wilson, 95 %).
    assert errors.high == pytest.approx(Decimal("0.037"), abs=Decimal("0.001"))
    assert health.value == 200
    assert errors.evidence["statuses"] == {"200": 100}


def test_latency_and_errors_share_one_sample_of_the_get_routes_without_health() -> None:
    seen: Counter[str] = Counter()

    async def counting(request: web.Request) -> web.Response:
        seen[f"{request.method} {request.path}"] += 1
        return web.Response()

    with serving(counting) as server:
        look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY, ERRORS)
    assert seen == {"GET /orders": 108}


def test_the_sample_is_large_enough_for_whoever_asks_for_most() -> None:
    more = objective("http.error_ratio", requests=150, rate=300)
    with serving(good) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY, more)
    assert found["http.latency"].samples == found["http.error_ratio"].samples == 150


def test_server_errors_are_counted_and_their_own_latency_too() -> None:
    asked = iter(range(10_000))

    async def every_tenth(_: web.Request) -> web.Response:
        return web.Response(status=500 if next(asked) % 10 == 0 else 200)

    with serving(every_tenth) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY, ERRORS)
    errors = found["http.error_ratio"]
    assert errors.value == pytest.approx(Decimal("0.1"), abs=Decimal("0.01"))
    assert errors.low is not None
    assert errors.low > Decimal("0.05")
    assert found["http.latency"].value is not None
    assert found["http.latency"].value < 5


def test_requests_without_an_answer_are_errors_and_slower_than_any_limit() -> None:
    found = look(component(), environment(f"127.0.0.1:{closed_port()}"), LATENCY, ERRORS)
    assert found["http.error_ratio"].value == 1
    assert found["http.latency"].value == Decimal("Infinity")
    assert found["http.latency"].evidence["unanswered"] == {"Connection refused": 100}


def test_a_slow_server_is_slow_in_every_bound() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.4)
        return web.Response()

    with serving(slow) as server:
        seen = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY)["http.latency"]
    assert seen.low is not None
    assert seen.low >= Decimal("0.4")


def test_health_is_the_worst_of_its_attempts() -> None:
    statuses = iter([200, 503, 200])

    async def flapping(_: web.Request) -> web.Response:
        return web.json_response({"database": "down"}, status=next(statuses))

    with serving(flapping) as server:
        seen = look(component(), environment(f"127.0.0.1:{server.port}"), HEALTH)["http.health"]
    assert seen.value == 503
    assert "down" in seen.evidence["worst_said"]


def test_health_without_an_answer_is_worse_than_any_status() -> None:
    seen = look(component(), environment(f"127.0.0.1:{closed_port()}"), HEALTH)["http.health"]
    assert seen.value == 0
    assert seen.evidence["worst_said"] == "Connection refused"


def test_a_certificate_that_is_not_trusted_here_is_no_statement_about_the_system() -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    with serving(good, certificate) as server:
        seen = look(component(), environment(f"https://127.0.0.1:{server.port}"), LATENCY)["http.latency"]
    assert seen.value is None
    assert "certificate not trusted" in seen.problem
    assert "components.api.ca" in seen.problem


def test_a_component_without_a_get_route_says_so() -> None:
    only_writes = component(routes=(Route("POST", "/orders"), Route("GET", "/orders/{key}")))
    seen = look(only_writes, environment("127.0.0.1:1"), ERRORS)["http.error_ratio"]
    assert "has no GET route to send traffic to" in seen.problem


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(0, 200))
def test_every_route_has_its_share_and_never_lags_by_more_than_one(weights: list[int], count: int) -> None:
    routes = [Route("GET", f"/{number}", weight) for number, weight in enumerate(weights)]
    sent = Counter(request.path for request in interleaved(routes, count))
    assert sum(sent.values()) == count
    for route in routes:
        share = count * route.weight / sum(weights)
        assert abs(sent[route.path] - share) < len(routes)
