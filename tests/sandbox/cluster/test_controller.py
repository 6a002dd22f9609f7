"""What every controller can count on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from drillbook.sandbox.certificates import Authority
from drillbook.sandbox.cluster import Cluster
from drillbook.sandbox.controllers.controller import Controller, Key, WorkQueue, own_key
from drillbook.sandbox.events import Recorder
from drillbook.sandbox.kinds import CONFIG_MAP, EVENT, Object
from drillbook.sandbox.network.addresses import Addresses
from drillbook.sandbox.store import Change, Store


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("tests")


@pytest.fixture
def cluster(tmp_path: Path, authority: Authority) -> Cluster:
    store = Store()
    return Cluster("t", "id", tmp_path, store, Recorder(store), Addresses(99), authority)


def thing(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}}


class Counting(Controller):
    """Counts how often it looked at each key; the first looks at some fail."""

    name = "counting"
    watches = (CONFIG_MAP,)

    def __init__(self, cluster: Cluster, fails: dict[str, int] | None = None) -> None:
        super().__init__(cluster)
        self.fails = fails or {}
        self.looks: list[Key] = []

    def keys(self, change: Change) -> Iterable[Key]:
        if change.name == "poison":
            raise RuntimeError("this change can't be told")
        return [own_key(change.object)]

    async def reconcile(self, key: Key) -> None:
        self.looks.append(key)
        if self.fails.get(key[1], 0) > 0:
            self.fails[key[1]] -= 1
            raise RuntimeError("not yet")


def run(cluster: Cluster, controller: Counting, play: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(controller.run())
        await asyncio.sleep(0)
        await play()
        task.cancel()

    uvloop.run(main())


def test_what_is_there_before_it_starts_is_looked_at_too(cluster: Cluster) -> None:
    cluster.store.create(CONFIG_MAP, thing("a"))
    controller = Counting(cluster)
    run(cluster, controller, lambda: asyncio.sleep(0.05))
    assert controller.looks == [("n", "a")]


def test_many_changes_of_one_object_are_few_looks(cluster: Cluster) -> None:
    controller = Counting(cluster)

    async def play() -> None:
        cluster.store.create(CONFIG_MAP, thing("a"))
        for number in range(100):
            cluster.store.replace(CONFIG_MAP, thing("a") | {"data": {"n": str(number)}})
        await asyncio.sleep(0.05)

    run(cluster, controller, play)
    assert 1 <= len(controller.looks) < 20


def test_a_failure_is_logged_with_the_object_and_comes_again(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    controller = Counting(cluster, {"a": 2})

    async def play() -> None:
        cluster.store.create(CONFIG_MAP, thing("a"))
        cluster.store.create(CONFIG_MAP, thing("b"))
        await asyncio.sleep(0.5)

    run(cluster, controller, play)
    assert controller.looks.count(("n", "a")) == 3
    assert controller.looks.count(("n", "b")) == 1
    assert "counting: n/a again in" in caplog.text


def test_a_change_that_can_t_be_told_stops_nothing(cluster: Cluster) -> None:
    controller = Counting(cluster)

    async def play() -> None:
        cluster.store.create(CONFIG_MAP, thing("poison"))
        cluster.store.create(CONFIG_MAP, thing("a"))
        await asyncio.sleep(0.05)

    run(cluster, controller, play)
    assert controller.looks == [("n", "a")]


def test_waits_double_with_each_failure_and_start_over_after_a_success() -> None:
    async def main() -> None:
        queue = WorkQueue()
        waits = [queue.failed(("n", "a")) for _ in range(4)]
        assert [round(after / before) for before, after in itertools.pairwise(waits)] == [2, 2, 2]
        queue.worked(("n", "a"))
        assert queue.failed(("n", "a")) == waits[0]

    uvloop.run(main())


def test_of_two_times_the_earlier_one_counts() -> None:
    async def main() -> None:
        queue = WorkQueue()
        queue.add_after(("n", "a"), 60)
        queue.add_after(("n", "a"), 0.01)
        assert await asyncio.wait_for(queue.next(), 1) == ("n", "a")

    uvloop.run(main())


def test_the_same_event_again_raises_its_count(cluster: Cluster) -> None:
    about = cluster.store.create(CONFIG_MAP, thing("a"))
    for _ in range(3):
        cluster.events.warning(about, "tests", "Odd", "it is odd")
    cluster.events.normal(about, "tests", "Even", "it is even")
    events = {event["reason"]: event for event in cluster.store.list(EVENT, "n")}
    assert {reason: event["count"] for reason, event in events.items()} == {"Odd": 3, "Even": 1}
    assert events["Odd"]["involvedObject"]["uid"] == about["metadata"]["uid"]
    assert [event["reason"] for event in cluster.store.list(EVENT, "n")] == ["Odd", "Even"]


def test_an_event_that_somebody_deleted_is_written_anew(cluster: Cluster) -> None:
    about = cluster.store.create(CONFIG_MAP, thing("a"))
    cluster.events.normal(about, "tests", "Odd", "it is odd")
    cluster.store.remove(EVENT, "n", cluster.store.list(EVENT, "n")[0]["metadata"]["name"])
    cluster.events.normal(about, "tests", "Odd", "it is odd")
    assert [event["count"] for event in cluster.store.list(EVENT, "n")] == [1]
