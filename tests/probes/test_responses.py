"""Single questions to an API: what a field says, what a stranger gets, how steadily it answers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from tests.clients.servers import Handler, closed_port, serving
from tests.probes.scenes import component, environment, look, objective


def ask(handler: Handler, indicator: str, **parameters: Any) -> Any:
    with serving(handler) as server:
        return look(component(), environment(f"127.0.0.1:{server.port}"), objective(indicator, **parameters))[indicator]


async def document(_: web.Request) -> web.Response:
    return web.json_response({"status": "healthy", "checks": [{"name": "database", "ok": True}]})


def test_a_field_is_found_by_names_and_numbers() -> None:
    assert ask(document, "http.body_field", field="status").text == "healthy"
    assert ask(document, "http.body_field", field="checks.0.ok").text == "true"


def test_one_sick_pod_among_healthy_ones_is_told() -> None:
    """A 200 from each, and a single look would mostly meet a healthy one."""
    states = iter(["healthy", "degraded", "healthy"])

    async def mixed(_: web.Request) -> web.Response:
        return web.json_response({"status": next(states)})

    assert ask(mixed, "http.body_field", field="status", attempts=3).text == "degraded, healthy"


@pytest.mark.parametrize(("field", "problem"), [("state", "no field 'state'"), ("checks.4", "no field '4'")])
def test_a_field_that_is_not_there_is_a_problem(field: str, problem: str) -> None:
    found = ask(document, "http.body_field", field=field)
    assert (found.text, found.problem) == (None, f"the answer (200) has {problem}")


def test_an_answer_that_is_no_json_is_a_problem() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    assert ask(page, "http.body_field", field="status").problem == "the answer (200) has no JSON"


def test_a_redirect_to_a_login_page_is_no_refusal() -> None:
    """Followed, it would be the login page's 200; and a refusal would be a 401."""

    async def login(request: web.Request) -> web.Response:
        status = 200 if request.path == "/login" else 302
        return web.Response(status=status, headers={"Location": "/login"})

    assert ask(login, "http.anonymous_status", path="/admin").value == 302


def test_one_pod_that_lets_strangers_in_is_the_one_that_counts() -> None:
    statuses = iter([401, 200, 401])

    async def leaky(_: web.Request) -> web.Response:
        return web.Response(status=next(statuses))

    assert ask(leaky, "http.anonymous_status", path="/admin").value == 200


def test_nobody_there_is_no_refusal_either() -> None:
    where = environment(f"127.0.0.1:{closed_port()}")
    found = look(component(), where, objective("http.anonymous_status", path="/admin"))["http.anonymous_status"]
    assert found.value is None
    assert "Connection refused" in found.problem


def test_a_second_without_a_fault_shows_no_three_nines() -> None:
    found = ask(document, "http.availability", over="1s", rate=50)
    assert (found.value, found.samples) == (Decimal(1), 50)
    assert found.low is not None
    assert found.low < Decimal("0.999")
    assert found.remedy == "needs 200 requests"


def test_half_of_the_moments_without_an_answer_are_half_of_the_time() -> None:
    asked = iter(range(1000))

    async def flapping(_: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(status=503 if next(asked) % 2 else 200)

    found = ask(flapping, "http.availability", over="1s", rate=40)
    assert found.value == Decimal("0.5")
    assert found.high < Decimal("0.7")


def test_longer_than_a_look_may_last_is_refused_with_a_sentence() -> None:
    assert "expected at most 120 s" in ask(document, "http.availability", over="30d").problem
