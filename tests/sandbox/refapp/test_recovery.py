"""Databases and caches come and go; the service stays, says so, and comes back by itself."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox import databases
from tests.sandbox.containers import Container, Containers, address, until
from tests.sandbox.refapp import services


@pytest.fixture(scope="module")
def database(lasting: Containers) -> Container:
    """A database that these tests may kill, if they start it again."""
    return databases.start(lasting)


def test_it_is_ready_before_its_database_and_cache_are_there_and_healthy_once_they_are(containers: Containers) -> None:
    where = {"database": address(), "cache": address()}
    service = services.start(
        containers, "backend", DATABASE_HOST=where["database"], REDIS_URL=f"redis://{where['cache']}:6379/0"
    )
    health = service.get("/health")
    assert health.status == 503
    assert health.json["status"] == "unhealthy"
    assert health.json["database"].startswith("unavailable: ")
    assert health.json["cache"].startswith("unavailable: ")
    refused = service.post("/orders", {"key": "k", "body": ""})
    assert refused.status == 503
    assert refused.json["error"].startswith("no connection: ")
    assert service.post("/tasks", {"key": "k"}).status == 503
    containers.start("postgres:18", {"POD_IP": where["database"], **databases.ENV})
    containers.start("redis:8", {"POD_IP": where["cache"]})
    until(lambda: service.get("/health").status == 200, "the service to be healthy by itself")
    assert service.post("/orders", {"key": "k", "body": ""}).status == 201
    assert service.post("/tasks", {"key": "k"}).status == 202


def test_what_was_acknowledged_before_during_and_after_a_killed_database_is_there_once(
    containers: Containers, database: Container
) -> None:
    service = services.start(containers, "backend", database)
    until(lambda: service.post("/orders", {"key": "first", "body": ""}).status == 201, "the first write")
    acknowledged: list[str] = []
    failed: list[str] = []
    stop = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            key = f"k-{writer}-{number:05}"
            (acknowledged if service.post("/orders", {"key": key, "body": key}).status == 201 else failed).append(key)
            number += 1

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(3)]
        until(lambda: len(acknowledged) > 100, "writes before the kill")
        database.kill()
        until(lambda: len(failed) > 3, "writes to fail while there is no database")
        health = service.get("/health")
        database.start()
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 100, "writes to work again without a restart of the service")
        stop.set()
        for writer in writers:
            writer.result(timeout=15)
    assert health.status == 503
    rows = databases.ask(database, "SELECT key, count(*) FROM orders WHERE key LIKE 'k-%' GROUP BY key")
    copies = dict(rows)
    assert [key for key in acknowledged if copies.get(key) != 1] == []
    assert set(copies) <= set(acknowledged) | set(failed)
    assert service.container.process.poll() is None


def test_sessions_that_an_administrator_ends_are_replaced_without_a_failed_request(
    containers: Containers, database: Container
) -> None:
    service = services.start(containers, "backend", database)
    until(lambda: service.post("/orders", {"key": "once", "body": ""}).status == 201, "the first write")
    for _ in range(3):
        ended = databases.ask(
            database,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE state = 'idle' AND pid <> pg_backend_pid()",
        )
        assert ended
        assert service.post("/orders", {"key": "once", "body": ""}).status == 201
    assert service.get("/orders/once").json["copies"] == 4
    # A database that came back empty is usable again, because every new session looks for the tables.
    databases.ask(database, "DROP TABLE orders, tasks, alembic_version")
    assert service.get("/orders").status == 503
    assert service.post("/orders", {"key": "once", "body": ""}).status == 201
    assert service.get("/orders/once").json["copies"] == 1


def test_a_database_that_hangs_is_given_up_in_time_and_used_again_when_it_moves(
    containers: Containers, database: Container
) -> None:
    service = services.start(containers, "backend", database, DATABASE_TIMEOUT_MILLISECONDS="1000")
    until(lambda: service.post("/orders", {"key": "k", "body": ""}).status == 201, "the first write")
    with databases.connect(database) as blocker:
        blocker.autocommit = False
        blocker.execute("LOCK TABLE orders")
        began = time.monotonic()
        answer = service.post("/orders", {"key": str(uuid.uuid4()), "body": ""})
        assert answer.status == 503
        assert 0.9 < time.monotonic() - began < 4
        # Health asks no table, and there is a second connection for it.
        assert service.get("/health").json["database"] == "ok"
    assert service.post("/orders", {"key": "k", "body": ""}).status == 201
