"""Every task is executed, whatever happens to workers, queue and database."""

from __future__ import annotations

import json
import uuid

import pytest

from drillbook.sandbox.refapp.tasks import PROCESSING, QUEUE
from tests.sandbox import databases
from tests.sandbox.containers import SECONDS, Container, Containers, address, until
from tests.sandbox.refapp import services
from tests.sandbox.refapp.services import Service


@pytest.fixture(scope="module")
def queue(lasting: Containers) -> Container:
    """A cache of these tests' own: workers of other tests would take their tasks."""
    made = lasting.start("redis:8", {"POD_IP": address()})
    until(lambda: made.exec("redis-cli", "ping").stdout == b"PONG\n", "the queue to answer")
    return made


@pytest.fixture
def api(containers: Containers, database: Container, queue: Container) -> Service:
    """An API that enqueues."""
    queue.exec("redis-cli", "FLUSHALL")
    return services.start(containers, "backend", database, queue)


def enqueue(api: Service, count: int) -> list[str]:
    """Ask for so many tasks; their keys."""
    keys = [str(uuid.uuid4()) for _ in range(count)]
    for key in keys:
        answer = api.post("/tasks", {"key": key})
        assert (answer.status, answer.json["key"]) == (202, key)
    return keys


def executed(database: Container, keys: list[str]) -> dict[str, int]:
    """How often each task was executed."""
    wanted = ", ".join(f"'{key}'" for key in keys)
    return dict(databases.ask(database, f"SELECT key, count(*) FROM tasks WHERE key IN ({wanted}) GROUP BY key"))


def test_each_task_is_executed_once_by_either_worker(
    containers: Containers, api: Service, database: Container, queue: Container
) -> None:
    workers = [services.start(containers, "worker", database, queue) for _ in range(2)]
    keys = enqueue(api, 30)
    until(lambda: len(executed(database, keys)) == len(keys), "all tasks to be executed")
    assert executed(database, keys) == dict.fromkeys(keys, 1)
    assert api.get(f"/tasks/{keys[0]}").json == {"key": keys[0], "executions": 1, "tasks": 1}
    counted = [worker.get("/metrics").body for worker in workers]
    assert sum(float(text.rpartition("tasks_executed_total ")[2].split()[0]) for text in counted) == len(keys)
    for worker in workers:
        worker.container.process.terminate()
    assert [worker.container.process.wait(SECONDS) for worker in workers] == [0, 0]


def test_the_task_of_a_worker_that_died_is_executed_by_another(
    containers: Containers, api: Service, database: Container, queue: Container
) -> None:
    task = {"id": "1", "key": str(uuid.uuid4())}
    queue.exec("redis-cli", "-x", "LPUSH", f"{PROCESSING}dead", given=json.dumps(task).encode())
    services.start(containers, "worker", database, queue)
    until(lambda: executed(database, [task["key"]]) == {task["key"]: 1}, "the dead worker's task to be executed")
    assert queue.exec("redis-cli", "EXISTS", f"{PROCESSING}dead").stdout == b"0\n"


def test_a_task_waits_for_the_database_and_goes_back_when_its_worker_stops_first(
    containers: Containers, api: Service, database: Container, queue: Container
) -> None:
    worker = services.start(containers, "worker", cache=queue)
    keys = enqueue(api, 1)
    until(lambda: "a task has to wait" in worker.container.log(), "the worker to wait")
    worker.container.process.terminate()
    assert worker.container.process.wait(SECONDS) == 0
    assert queue.exec("redis-cli", "LLEN", QUEUE).stdout == b"1\n"
    services.start(containers, "worker", database, queue)
    until(lambda: executed(database, keys) == {keys[0]: 1}, "the task to be executed")


def test_something_that_is_no_task_does_not_stop_the_queue(
    containers: Containers, api: Service, database: Container, queue: Container
) -> None:
    queue.exec("redis-cli", "LPUSH", QUEUE, "nonsense")
    worker = services.start(containers, "worker", database, queue)
    keys = enqueue(api, 1)
    until(lambda: executed(database, keys) == {keys[0]: 1}, "the task behind it to be executed")
    assert "a task that can't be read was dropped" in worker.container.log()


def test_the_monitor_shows_the_queue_and_who_works(
    containers: Containers, api: Service, database: Container, queue: Container
) -> None:
    monitor = services.start(containers, "flower", cache=queue)
    enqueue(api, 3)
    assert monitor.get("/api/queues/length").json == {"active_queues": [{"name": QUEUE, "waiting": 3, "running": 0}]}
    assert monitor.get("/api/workers").json == {}
    worker = services.start(containers, "worker", database, queue)
    name = worker.container.env["POD_NAME"]
    until(lambda: monitor.get("/api/workers").json == {name: {"status": True}}, "the worker to be seen")
    until(lambda: "0 waiting, 0 being worked on" in monitor.get("/").body, "the queue to be empty")
    assert name in monitor.get("/").body
    worker.container.process.terminate()
    worker.container.process.wait(SECONDS)
    assert monitor.get("/api/workers").json == {}
