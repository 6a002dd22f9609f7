"""Common ways of measuring that pass where something is wrong: each in a mix that shows it, beside what we see."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from drillbook.clients.http import Answer, Request, open_http
from drillbook.clients.reach import Endpoint
from drillbook.clock import SYSTEM_CLOCK
from drillbook.judge import judge
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import quantile_bounds
from drillbook.model.verdict import Status
from drillbook.probes import http as http_probes
from drillbook.probes.database import connections_by
from drillbook.probes.scene import Scene
from drillbook.probes.traffic import Sample
from tests.clients.servers import http_server, serving
from tests.probes.recorded import PODS, pod, seen
from tests.probes.scenes import component, environment, look, objective, policy

LATENCY, ERRORS = objective("http.latency"), objective("http.error_ratio")
METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"


def status(indicator: str, found: Observation, limit: str) -> Status:
    asked = objective(indicator)
    limits = type(asked.limit).parse(limit, found.dimension)  # type: ignore[union-attr, call-arg]
    return judge("shop", replace(asked, limit=limits), found).status


# Answers -------------------------------------------------------------------------------------------------------------


def test_a_mean_is_fine_while_one_user_in_five_waits() -> None:
    asked = iter(range(10_000))

    async def every_fifth(_: web.Request) -> web.Response:
        await asyncio.sleep(0.6 if next(asked) % 5 == 0 else 0)
        return web.Response()

    with serving(every_fifth) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY)["http.latency"]
    mean = 0.6 / 5
    assert mean < 0.3
    assert status("http.latency", found, "<= 300 ms") is Status.FAIL


def test_one_quick_answer_shows_no_percentile() -> None:
    """As ``curl -w %{time_total}`` does, once."""
    value, low, high = quantile_bounds([0.02], 0.95)
    assert value < 2
    one = Observation(
        dimension=Dimension.DURATION,
        where="here",
        at=SYSTEM_CLOCK.now(),
        value=Decimal(str(value)),
        low=Decimal(str(max(0.0, low))),
        high=Decimal(str(high)),
        samples=1,
    )
    assert math.isinf(high)
    assert status("http.latency", one, "<= 2 s") is Status.INCONCLUSIVE


def test_our_own_delay_alone_breaks_no_limit() -> None:
    """A machine that is busy sends late, and nobody but us waits for that."""
    answers = tuple(Answer(Request("GET", "/orders"), n / 100, 1.9, 2.1, 200) for n in range(400))
    sample = Sample(Endpoint("127.0.0.1", 80, "api", False, "here"), ("GET /orders",), 100, answers)

    async def judged() -> Observation:
        async with Scene(policy(component()), environment(), [LATENCY]) as scene:
            await scene.once(("traffic", "api"), lambda: asyncio.sleep(0, sample))
            return await http_probes.latency(scene, component(), {"percentile": 95})

    found = asyncio.run(judged())
    assert found.value == Decimal("2.1")
    assert status("http.latency", found, "<= 2 s") is Status.INCONCLUSIVE
    assert status("http.latency", found, "<= 100 ms") is Status.FAIL


def test_a_client_that_tries_again_hides_every_connection_that_breaks() -> None:
    asked = 0

    async def breaks_every_fourth(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked % 4 == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def run() -> list[Answer]:
        async with http_server(breaks_every_fourth) as endpoint, open_http(endpoint) as client:
            return [await client.send(Request("GET", "/orders")) for _ in range(40)]

    answers = asyncio.run(run())
    assert asked == 40
    assert sum(answer.failed for answer in answers) == 10


def test_a_redirect_is_an_answer_and_where_it_leads_is_another_hosts_time() -> None:
    async def moved(request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            await asyncio.sleep(1)
            return web.Response(status=500)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    with serving(moved) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), LATENCY, ERRORS)
    assert found["http.latency"].value is not None
    assert found["http.latency"].value < 1
    assert found["http.latency"].evidence["statuses"] == {"302": 100}


@pytest.mark.parametrize("answered", [404, 429, 401])
def test_a_clients_mistake_is_no_error_of_the_servers(answered: int) -> None:
    async def refusing(_: web.Request) -> web.Response:
        return web.Response(status=answered)

    with serving(refusing) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), ERRORS)["http.error_ratio"]
    assert found.value == 0


def test_no_error_among_a_hundred_is_no_proof_of_a_thousandth() -> None:
    async def good(_: web.Request) -> web.Response:
        return web.Response()

    with serving(good) as server:
        found = look(component(), environment(f"127.0.0.1:{server.port}"), ERRORS)["http.error_ratio"]
    assert found.value == 0
    assert status("http.error_ratio", found, "<= 0.1 %") is Status.INCONCLUSIVE
    assert status("http.error_ratio", found, "<= 5 %") is Status.PASS


# Pods ----------------------------------------------------------------------------------------------------------------


def used(**memory: str) -> list[dict[str, Any]]:
    containers = [{"name": name, "usage": {"cpu": "1m", "memory": value}} for name, value in memory.items()]
    return [{"metadata": {"name": "web-1"}, "timestamp": SYSTEM_CLOCK.now().isoformat(), "containers": containers}]


def limited(name: str, memory: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": "x", "resources": {"limits": {"memory": memory}}} | fields


def test_the_sum_of_a_pod_hides_the_container_that_is_about_to_be_killed() -> None:
    both = pod(spec={"containers": [limited("web", "1Gi"), limited("side", "100Mi")]})
    found = seen({PODS: [both], METRICS: used(web="100Mi", side="96Mi")}, "pod.memory_ratio")
    assert Decimal(196) / Decimal(1124) < Decimal("0.2")
    assert found.value == Decimal("0.96")
    assert "side" in found.where


def test_a_sidecar_among_the_init_containers_counts() -> None:
    sidecar = limited("side", "100Mi", restartPolicy="Always")
    done = limited("migrate", "10Mi")
    both = pod(spec={"containers": [limited("web", "1Gi")], "initContainers": [done, sidecar]})
    found = seen({PODS: [both], METRICS: used(web="100Mi", side="96Mi")}, "pod.memory_ratio")
    assert found.value == Decimal("0.96")


def test_a_container_without_a_limit_has_no_share_and_is_not_called_empty() -> None:
    free = pod(spec={"containers": [{"name": "web", "image": "x"}]})
    found = seen({PODS: [free], METRICS: used(web="8Gi")}, "pod.memory_ratio")
    assert found.nothing
    assert status("pod.memory_ratio", found, "<= 85 %") is Status.INCONCLUSIVE


def test_a_gigabyte_is_no_gibibyte() -> None:
    decimal = pod(spec={"containers": [limited("web", "1G")]})
    found = seen({PODS: [decimal], METRICS: used(web="972Mi")}, "pod.memory_ratio")
    assert Decimal(972) / 1024 < Decimal("0.95")
    assert found.value is not None
    assert found.value > 1


# Databases -----------------------------------------------------------------------------------------------------------


class Bursting:
    """A database whose clients come all at once, and are gone when one looks again."""

    place = "a server of the test"

    def __init__(self) -> None:
        self.clients = iter([3, 3, 95, 3, 3])

    async def row(self, query: str) -> dict[str, Any]:
        if "rolconnlimit AS allowed" in query:
            return {"own": None}
        if "current_setting" in query:
            return {"max_connections": 100, "superuser_reserved_connections": 3, "reserved_connections": 0} | {
                "role_limit": -1,
                "database_limit": -1,
            }
        return {"clients": next(self.clients), "hidden": 0}


def test_one_look_at_the_sessions_misses_a_burst() -> None:
    async def asking(_scene: Scene, _component: Component) -> Bursting:
        return Bursting()

    async def judged() -> Observation:
        async with Scene(policy(component()), environment(), []) as scene:
            return await connections_by(asking)(scene, component(), {"samples": 5})

    found = asyncio.run(judged())
    assert next(Bursting().clients) <= 80
    assert found.value == 95
    assert found.evidence["median"] == 3


# Disks and certificates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("inodes", "free", "expected"), [(1000, 20, "0.98"), (1000, 900, "0.4"), (0, 0, "0.4")])
def test_a_disk_with_room_and_without_inodes_is_full(inodes: int, free: int, expected: str) -> None:
    disk = {"capacityBytes": 1000, "availableBytes": 600, "inodes": inodes, "inodesFree": free}
    answers = {
        "/api/v1/nodes": [{"metadata": {"name": "a"}}],
        "/api/v1/nodes/a/proxy/stats/summary": {"node": {"fs": disk}},
    }
    assert seen(answers, "node.disk_ratio", whom=None).value == Decimal(expected)


def test_thirteen_days_and_most_of_another_are_not_fourteen() -> None:
    left = timedelta(days=13, hours=23, minutes=59)
    found = Observation(
        dimension=Dimension.DURATION,
        where="here",
        at=SYSTEM_CLOCK.now(),
        value=Decimal(round(left.total_seconds())),
        samples=1,
    )
    assert round(left / timedelta(days=1)) == 14
    assert status("certificate.time_left", found, ">= 14 d") is Status.FAIL
