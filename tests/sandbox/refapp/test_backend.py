"""The API keeps what it acknowledges, shows what is there, and tells how it is."""

from __future__ import annotations

import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox import databases
from tests.sandbox.containers import SECONDS, Container, Containers, address, until
from tests.sandbox.refapp import services
from tests.sandbox.refapp.prometheus import parse
from tests.sandbox.refapp.services import Service

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


def prefix() -> str:
    """A beginning of keys that no other test uses."""
    return f"{uuid.uuid4()}-"


def test_health_asks_database_and_cache(backend: Service) -> None:
    answer = backend.get("/health")
    assert answer.status == 200
    assert answer.json == {"status": "healthy", "database": "ok", "cache": "ok", "version": "v0.0.0"}


def test_an_acknowledged_order_is_in_the_database_and_reads_back(backend: Service, database: Container) -> None:
    key = prefix()
    answer = backend.post("/orders", {"key": key, "body": "two \n lines"})
    assert (answer.status, answer.json) == (201, {"key": key, "body": "two \n lines"})
    assert databases.ask(database, f"SELECT body FROM orders WHERE key = '{key}'") == [("two \n lines",)]
    assert backend.get(f"/orders/{key}").json == {"key": key, "body": "two \n lines", "copies": 1}


def test_a_doubled_order_is_visible(backend: Service) -> None:
    key = prefix()
    for body in ("first", "second"):
        assert backend.post("/orders", {"key": key, "body": body}).status == 201
    assert backend.get(f"/orders/{key}").json == {"key": key, "body": "first", "copies": 2}
    listed = backend.get(f"/orders?prefix={key}").json
    assert listed == {"items": [{"key": key, "body": "first", "copies": 2}], "next": None}


def test_pages_give_every_order_once_in_the_order_of_keys(backend: Service) -> None:
    beginning = prefix()
    wanted = sorted(f"{beginning}{number}" for number in (10, 9, 1, 2, 11))
    for key in wanted[::-1]:
        backend.post("/orders", {"key": key, "body": ""})
    found: list[str] = []
    after = ""
    for _ in range(10):
        answer = backend.get(f"/orders?prefix={beginning}&after={after}&limit=2").json
        found += [item["key"] for item in answer["items"]]
        after = answer["next"]
        if after is None:
            break
    assert found == wanted


def test_without_a_prefix_the_newest_orders_come_first(backend: Service) -> None:
    keys = [prefix() for _ in range(21)]
    for key in keys:
        backend.post("/orders", {"key": key, "body": ""})
    assert [item["key"] for item in backend.get("/orders").json["items"]] == keys[:0:-1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=TEXTS)
def test_any_text_reads_back_unaltered(backend: Service, body: str) -> None:
    key = prefix()
    assert backend.post("/orders", {"key": key, "body": body}).status == 201
    assert backend.get(f"/orders/{key}").json["body"] == body


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "words"),
    [
        ("POST", "/orders", {"body": "x"}, 400, "key: expected a text of 1 to 200 characters, found NoneType"),
        ("POST", "/orders", {"key": "", "body": "x"}, 400, "key: expected a text of 1 to 200 characters, found 0"),
        ("POST", "/orders", {"key": "k" * 201, "body": "x"}, 400, "found 201 characters"),
        ("POST", "/orders", {"key": "k", "body": 7}, 400, "body: expected a text"),
        ("POST", "/orders", {"key": "k", "body": "\0"}, 400, "without NUL characters"),
        ("POST", "/orders", {"key": "\ud800", "body": ""}, 400, "lone surrogates"),
        ("POST", "/orders", ["k"], 400, "expected a JSON object, found list"),
        ("POST", "/tasks", {}, 400, "key: expected a text"),
        ("GET", "/orders?prefix=x&limit=0", None, 400, "limit: expected a whole number from 1 to 1000"),
        ("GET", "/orders?prefix=x&limit=many", None, 400, "limit: expected a whole number"),
        ("GET", "/orders/nobody%00", None, 400, "without NUL characters"),
        ("GET", "/orders/nobody", None, 404, "there is no order 'nobody'"),
        ("GET", "/tasks/nobody", None, 404, "no task 'nobody' was executed"),
        ("GET", "/nowhere", None, 404, "there is nothing at /nowhere"),
        ("DELETE", "/orders", None, 405, "/orders takes GET, POST"),
    ],
)
def test_what_can_not_be_done_is_refused_with_a_sentence(
    backend: Service, method: str, path: str, document: object, status: int, words: str
) -> None:
    answer = backend.ask(method, path, document)
    assert answer.status == status
    assert words in answer.json["error"]


def test_more_requests_than_connections_wait_for_their_turn(backend: Service, database: Container) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: backend.post("/orders", {"key": prefix(), "body": ""}).status, range(60)))
    assert statuses == [201] * 60
    mine = f"application_name = '{backend.container.env['POD_NAME']}'"
    assert databases.ask(database, f"SELECT count(*) <= 2 FROM pg_stat_activity WHERE {mine}") == [(True,)]


def test_metrics_count_requests_by_method_route_and_status(backend: Service) -> None:
    def value(name: str, **labels: str) -> float:
        family = parse(backend.get("/metrics").body)[name.removesuffix("_bucket").removesuffix("_count")]
        return family.value(name, **labels) or 0.0

    route = {"method": "GET", "path": "/orders/{key}"}
    before = value("http_requests_total", **route, status="404")
    timed = value("http_request_duration_seconds_count", **route)
    for number in range(3):
        backend.get(f"/orders/nobody-{number}")
    assert value("http_requests_total", **route, status="404") == before + 3
    assert value("http_request_duration_seconds_count", **route) == timed + 3
    assert value("http_request_duration_seconds_bucket", **route, le="2.0") == timed + 3


def test_the_log_is_one_json_object_a_line_without_the_probes(backend: Service) -> None:
    key = prefix()
    backend.get(f"/orders/{key}")
    until(lambda: key in backend.container.log(), "the request in the log")
    lines = [json.loads(line) for line in backend.container.log().splitlines()]
    assert {"time", "level", "event"} <= lines[-1].keys()
    asked = [line for line in lines if line.get("path") == f"/orders/{key}"]
    assert [(line["level"], line["method"], line["status"]) for line in asked] == [("INFO", "GET", 404)]
    assert not [line for line in lines if line.get("path") == "/ready"]
    assert databases.PASSWORD not in backend.container.log()


def test_several_that_start_at_once_make_the_tables_once(containers: Containers, database: Container) -> None:
    databases.ask(database, "CREATE DATABASE fresh")
    services_at_once = [
        containers.start("drillbook/refapp", env, args=["backend"])
        for env in (
            {
                "POD_IP": address(),
                "DATABASE_HOST": database.env["POD_IP"],
                "DATABASE_NAME": "fresh",
                "DATABASE_USER": databases.USER,
                "DATABASE_PASSWORD": databases.PASSWORD,
            }
            for _ in range(5)
        )
    ]
    started = [Service(container, 8000) for container in services_at_once]
    for service in started:
        until(service.ready, "the backend to be ready")
    with ThreadPoolExecutor(10) as pool:
        posts = pool.map(lambda service: service.post("/orders", {"key": "k", "body": ""}).status, started * 2)
        assert list(posts) == [201] * 10
    assert databases.ask(database, "SELECT count(*) FROM orders", name="fresh") == [(10,)]
    assert databases.ask(database, "SELECT * FROM alembic_version", name="fresh") == [("0001",)]


def test_told_to_stop_it_says_so_finishes_and_ends_with_0(
    containers: Containers, database: Container, cache: Container
) -> None:
    service = services.start(containers, "backend", database, cache, DRAIN_MILLISECONDS="400")
    line = socket.create_connection((service.container.env["POD_IP"], 8000), timeout=5)
    body = json.dumps({"key": prefix(), "body": ""}).encode()
    line.sendall(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
    service.container.process.terminate()
    until(lambda: service.get("/ready").status == 503, "the service to say that it stops")
    line.sendall(body)
    assert line.recv(1000).startswith(b"HTTP/1.1 201 ")
    line.close()
    assert service.container.process.wait(SECONDS) == 0
    assert '"event": "stopped"' in service.container.log()


def test_a_port_in_use_is_one_sentence(containers: Containers, backend: Service) -> None:
    second = containers.start("drillbook/refapp", {"POD_IP": backend.container.env["POD_IP"]}, args=["frontend"])
    second.env["PORT"] = "8000"
    until(lambda: "started" in second.log(), "the front end to start")
    second.process.terminate()
    second.process.wait(SECONDS)
    second.start()
    assert second.process.wait(SECONDS) == 1
    assert "frontend can't start: " in second.log()
    assert "address already in use" in second.log()
    assert "Traceback" not in second.log()
